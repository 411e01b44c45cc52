"""Figures of sweeps over grids: maps of every cell, and bars of the best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from snnexp.errors import require
from snnexp.reports.best import picked, which
from snnexp.reports.chart import COLOURS, AnyPanel, Bar, BarPanel, Labelled, MapPanel, in_order
from snnexp.reports.table import cells, demand_column, select, swept


@dataclass(frozen=True)
class Grid(Labelled):
    """A metric over two swept keys as colours, a cell for each pair of values, means over the seeds.

    facets: a swept key with a panel for each of its values, in `order`.  at: fixes other swept keys.
    low, high: the values at both ends of the colours, so that panels can be compared.
    """

    x: str
    y: str
    metric: str
    low: float
    high: float
    facets: str | None = None
    at: Mapping[str, Any] = field(default_factory=dict)
    order: Sequence[Any] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(self.low < self.high, "low", self.low, "must be smaller than high")

    @property
    def legend(self) -> str:
        return "Colours: means over the seeds that are done; white: none is, or they diverged."

    def panels(self, runs: pd.DataFrame) -> list[AnyPanel]:
        """Every facet's panel; raises `OptionError` where a swept key other than the seed has no place in them."""
        chosen = select(runs, self.at)
        for key in (self.x, self.y):
            demand_column(chosen, key)
        open_keys = [key for key in swept(chosen) if key not in (self.x, self.y, self.facets)]
        require(not open_keys, "facets", self.facets, f"{', '.join(open_keys)} is swept too and has no place")
        if self.facets is None:
            return [self._panel(chosen, "")]
        names = in_order(chosen[self.facets].unique(), self.order)
        return [self._panel(select(chosen, {self.facets: name}), self._label(_short(name))) for name in names]

    def _panel(self, runs: pd.DataFrame, title: str) -> MapPanel:
        xs, ys = (list(dict.fromkeys(runs[key])) for key in (self.x, self.y))
        z = np.full((len(ys), len(xs)), np.nan)
        for (x, y), group in runs.groupby([self.x, self.y], sort=False):
            z[ys.index(y), xs.index(x)] = cells(group, [self.metric])[self.metric].iloc[0]
        none = np.zeros(0)
        places = np.arange(len(xs), dtype=float), np.arange(len(ys), dtype=float)
        x_names, y_names = ([self._label(_short(place)) for place in each] for each in (xs, ys))
        axes = self._label(self.x), self._label(self.y)
        ends, said = (self.low, self.high), self._label(self.metric)
        return MapPanel(title, *axes, *places, z, none, none, x_names, y_names, *ends, z_label=said)


def _short(place: Any) -> str:
    """A value of a key as it is written: 0.1, not 0.1000000001."""
    return f"{place:g}" if isinstance(place, float | int) else str(place)


@dataclass(frozen=True)
class Bars(Labelled):
    """A bar for every value of `x`, side by side for every value of `series`; a panel for every metric of `y`.

    A bar is the mean over the `top` best runs of each seed by the metric `rank`, whatever else is swept; its error bar
    is their standard deviation.
    order: values of `x` and of `series` in the order in which the paper shows them.
    """

    x: str
    y: Sequence[str]
    rank: str
    best: str
    series: str | None = None
    top: int = 1
    title: str = ""
    at: Mapping[str, Any] = field(default_factory=dict)
    order: Sequence[Any] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def legend(self) -> str:
        return f"Bars: mean ± sd over {which(self._label(self.rank), self.top)}."

    def panels(self, runs: pd.DataFrame) -> list[AnyPanel]:
        chosen = select(runs, self.at)
        by = [key for key in (self.x, self.series) if key is not None]
        for key in by:
            demand_column(chosen, key)
        places = in_order(chosen[self.x].unique(), self.order)
        done = chosen[chosen["state"] == "done"]
        best = picked(done, self.rank, self.best, by, self.top) if len(done) else done
        series = [None] if self.series is None else in_order(chosen[self.series].unique(), self.order)
        return [
            BarPanel(
                self.title,
                self._label(self.x),
                self._label(metric),
                [self._label(_short(place)) for place in places],
                [self._bar(best, metric, name, places, number) for number, name in enumerate(series)],
            )
            for metric in self.y
        ]

    def _bar(self, best: pd.DataFrame, metric: str, name: Any, places: Sequence[Any], number: int) -> Bar:
        if name is not None:
            best = best[best[self.series] == name]
        found = [best.loc[best[self.x] == place, metric] if len(best) else pd.Series(dtype=float) for place in places]
        means, sds = (np.array([getattr(values, what)() for values in found], float) for what in ("mean", "std"))
        said = "" if name is None else self._label(_short(name))
        notes = [
            f"<b>{', '.join(filter(None, (self._label(_short(place)), said)))}</b><br>{mean:.4g} ± {sd:.2g} (sd)<br>"
            f"{len(values)} runs"
            for place, mean, sd, values in zip(places, means, sds, found, strict=True)
        ]
        return Bar(said, COLOURS[number % len(COLOURS)], means, np.nan_to_num(sds), notes)
