"""Figures of the arrays that runs keep in curves.npz."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from snnexp.errors import UserError, require
from snnexp.reports.chart import COLOURS, AnyPanel, Array, Chart, Labelled, Line, MapPanel, Panel, in_order, legend
from snnexp.reports.table import demand_column, select, swept

FILE = "curves.npz"


def read(folder: Path) -> dict[str, Array]:
    """The arrays that a run has kept, by name; empty where it has kept none."""
    path = folder / FILE
    if not path.exists():
        return {}
    with np.load(path) as arrays:
        return dict(arrays)


def stacked(runs: pd.DataFrame, name: str) -> list[Array]:
    """An array of every run that is done, in the table's order; raises `UserError` where one has not kept it."""
    found = []
    for folder in runs.loc[runs["state"] == "done", "folder"]:
        arrays = read(folder)
        if name not in arrays:
            raise UserError(f"report: {folder} has kept no {name}; it has {', '.join(arrays) or 'no curves'}")
        found.append(arrays[name])
    return found


@dataclass(frozen=True)
class Curves(Labelled):
    """Lines of arrays over another array: a mean over the seeds, with a band.

    x: the array of places.  content: the arrays that are drawn in each panel, by the label of its y axis.
    series: a swept key with a line for each of its values.  facets: a swept key with a row of panels for each value.
    at: fixes other swept keys.  log: x, and the panels, with a logarithmic axis.  dashed: arrays that are
    predictions, in the colour of what stands before them, and darker in the bitmap, where both may lie on one another.
    band: half of its height in standard deviations over the seeds.  order: the values of `series` as the paper lists
    them.  labels: what axes, arrays and series are called, where not by their own names.
    """

    x: str
    content: Mapping[str, Sequence[str]]
    series: str | None = None
    facets: str | None = None
    at: Mapping[str, Any] = field(default_factory=dict)
    log: Sequence[str] = ()
    dashed: Sequence[str] = ()
    band: float = 1.0
    order: Sequence[Any] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(len(self.content) > 0, "content", dict(self.content), "name at least one panel and its arrays")
        require(self.band >= 0, "band", self.band, "must not be negative")

    @property
    def legend(self) -> str:
        return legend(self.band)

    def panels(self, runs: pd.DataFrame) -> list[AnyPanel]:
        """Every facet's panels; raises `OptionError` where a swept key other than the seed has no place in them."""
        chosen = select(runs, self.at)
        for key in filter(None, (self.series, self.facets)):
            demand_column(chosen, key)
        open_keys = [key for key in swept(chosen) if key not in (self.series, self.facets)]
        require(not open_keys, "series", self.series, f"{', '.join(open_keys)} is swept too and has no place")
        rows: list[tuple[str, pd.DataFrame]] = [("", chosen)]
        if self.facets is not None:
            title = self._label(self.facets)
            rows = [(f"{title}: {self._label(value)}", group) for value, group in _by(chosen, self.facets)]
        return [self._panel(group, title, panel) for title, group in rows for panel in self.content]

    def _panel(self, runs: pd.DataFrame, title: str, panel: str) -> Panel:
        drawn: list[tuple[str, pd.DataFrame, str]] = []
        names = self.content[panel]
        groups = [(None, runs)] if self.series is None else self._series(runs)
        for value, group in groups:
            for name in names:
                said = [self._label(value)] * (value is not None) + [self._label(name)] * (
                    len(names) > 1 or value is None
                )
                drawn.append((", ".join(said), group, name))
        solid = accumulate(name not in self.dashed for _, _, name in drawn)
        lines = [
            self._line(group, name, said, COLOURS[max(number - 1, 0) % len(COLOURS)])
            for number, (said, group, name) in zip(solid, drawn, strict=True)
        ]
        there = [line for line in lines if len(line.y)]
        positive = any((line.y > 0).any() for line in there)  # an empty axis can't be logarithmic
        logarithmic = (self.x in self.log and bool(there), panel in self.log and positive)
        return Panel(title, self._label(self.x), panel, *logarithmic, lines)

    def _series(self, runs: pd.DataFrame) -> list[tuple[Any, pd.DataFrame]]:
        assert self.series is not None
        found = dict(_by(runs, self.series))
        return [(name, found[name]) for name in in_order(found, self.order)]

    def _line(self, runs: pd.DataFrame, name: str, said: str, colour: str) -> Line:
        arrays = stacked(runs, name)
        if not arrays:
            none = np.zeros(0)
            return Line(said, colour, none, none, none, [], [], name in self.dashed)
        values_RX = np.stack(arrays).astype(float)
        x = stacked(runs, self.x)[0].astype(float)
        mean, sd = values_RX.mean(0), values_RX.std(0, ddof=1) if len(values_RX) > 1 else np.zeros(values_RX.shape[1])
        done = f"{len(arrays)} of {len(runs)} runs"
        notes = [
            f"<b>{said}</b> at {place:.4g}<br>{value:.4g} ± {around:.2g} (sd)<br>{done}"
            for place, value, around in zip(x, mean, sd, strict=True)
        ]
        whole = [len(arrays) == len(runs)] * len(x)
        return Line(said, colour, x, mean, self.band * sd, notes, whole, name in self.dashed)


@dataclass(frozen=True)
class Maps(Labelled):
    """Arrays of two axes as colours: a panel for each of them and each value of `facets`, means over the seeds.

    x, y: the arrays of places along the second and the first axis.  path: two arrays, x and y of a line drawn over it.
    """

    x: str
    y: str
    z: Sequence[str]
    facets: str | None = None
    at: Mapping[str, Any] = field(default_factory=dict)
    path: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(len(self.path) in (0, 2), "path", list(self.path), "must be two arrays, or none")

    @property
    def legend(self) -> str:
        return "Colours: means over the seeds that are done."

    def panels(self, runs: pd.DataFrame) -> list[AnyPanel]:
        """Every facet's panels; raises `OptionError` where a swept key other than the seed has no place in them."""
        chosen = select(runs, self.at)
        open_keys = [key for key in swept(chosen) if key != self.facets]
        require(not open_keys, "facets", self.facets, f"{', '.join(open_keys)} is swept too and has no place")
        rows = [("", chosen)]
        if self.facets is not None:
            title = self._label(self.facets)
            rows = [(f"{title}: {self._label(value)}", group) for value, group in _by(chosen, self.facets)]
        return [self._panel(group, title, name) for title, group in rows for name in self.z]

    def _panel(self, runs: pd.DataFrame, title: str, name: str) -> MapPanel:
        arrays = stacked(runs, name)
        none = np.zeros(0)
        z = np.stack(arrays).astype(float).mean(0) if arrays else np.zeros((0, 0))
        x, y = (stacked(runs, places)[0].astype(float) if arrays else none for places in (self.x, self.y))
        path = [stacked(runs, places)[0].astype(float) if arrays else none for places in self.path] or [none, none]
        shown = f"{title} · {self._label(name)}" if title else self._label(name)
        return MapPanel(shown, self._label(self.x), self._label(self.y), x, y, z, path[0], path[1])


@dataclass(frozen=True)
class Several:
    """Figures beside one another."""

    figures: Sequence[Chart]

    @property
    def legend(self) -> str:
        return " ".join(dict.fromkeys(figure.legend for figure in self.figures))

    def panels(self, runs: pd.DataFrame) -> list[AnyPanel]:
        return [panel for figure in self.figures for panel in figure.panels(runs)]


def _by(runs: pd.DataFrame, key: str) -> list[tuple[Any, pd.DataFrame]]:
    return list(runs.groupby(key, sort=False))
