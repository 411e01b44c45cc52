"""A full grid, looked at one choice at a time: what each value does on average over all others, and at its best."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from snnexp.errors import require
from snnexp.reports import statistics
from snnexp.reports.best import averaged, picked
from snnexp.reports.chart import COLOURS, AnyPanel, Bar, BarPanel, in_order
from snnexp.reports.scores import Best
from snnexp.reports.table import demand_column


@dataclass(frozen=True)
class Effects:
    """A panel for each of the swept `keys`, with two bars for every value of it.

    The first is the mean of the metric `y` over all runs with that value, whatever else is swept; the second that of
    each seed's best run among them by the metric `rank`. Error bars are standard deviations over the seeds.
    order: values of the keys in the order in which they are to stand.
    """

    keys: Sequence[str]
    y: str
    rank: str
    best: str
    order: Sequence[Any] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(len(self.keys) > 0, "keys", list(self.keys), "name at least one swept key")

    @property
    def legend(self) -> str:
        return f"Bars: mean ± sd over the seeds, of the runs that are done. Best: by {self._label(self.rank)}."

    def panels(self, runs: pd.DataFrame) -> list[AnyPanel]:
        done = runs[runs["state"] == "done"]
        return [self._panel(runs, done, key) for key in self.keys]

    def _panel(self, runs: pd.DataFrame, done: pd.DataFrame, key: str) -> BarPanel:
        demand_column(runs, key)
        places = in_order(runs[key].unique(), self.order)
        names = [self._label(place) for place in places]
        best = picked(done, self.rank, self.best, [key], 1) if len(done) else done
        bars = [
            self._bar(chosen, key, places, said, colour)
            for chosen, said, colour in ((done, "all runs with it", COLOURS[6]), (best, "the best of them", COLOURS[0]))
        ]
        return BarPanel("", self._label(key), self._label(self.y), names, bars)

    def _bar(self, runs: pd.DataFrame, key: str, places: Sequence[Any], said: str, colour: str) -> Bar:
        found = by_seed(runs, key, self.y)
        scores = [found.get(place, pd.Series(dtype=float)) for place in places]
        means, sds = (np.array([getattr(each, what)() for each in scores], float) for what in ("mean", "std"))
        notes = [
            f"<b>{self._label(place)}</b>, {said}<br>{mean:.4g} ± {sd:.2g} (sd)<br>{len(each)} seeds"
            for place, mean, sd, each in zip(places, means, sds, scores, strict=True)
        ]
        return Bar(said, colour, means, np.nan_to_num(sds), notes)

    def _label(self, name: object) -> str:
        return self.labels.get(str(name), f"{name:g}" if isinstance(name, float) else str(name))


def by_seed(runs: pd.DataFrame, key: str, metric: str) -> dict[Any, pd.Series]:
    """For each value of a key, the metric's mean over everything else that is swept, by seed."""
    if runs.empty:
        return {}
    means = averaged(runs, [key])
    return {value: group.set_index("seed")[metric] for value, group in means.groupby(key, sort=False)}


def effects(runs: pd.DataFrame, metric: str, best: str, keys: Sequence[str]) -> pd.DataFrame:
    """For each key its best value by the metric's mean over all else, the next one, and how far they are apart.

    The difference has a 95% t interval over the seeds, of which each is compared with itself: it draws the same split
    for both. Runs that are not done are left out.
    """
    sign = Best(best).sign
    rows = []
    for key in keys:
        found = by_seed(runs[runs["state"] == "done"], key, metric)
        ranked = sorted(found, key=lambda value: sign * float(found[value].mean()))
        row: dict[str, Any] = {"choice": key}
        if len(ranked) > 1:
            first, then = ranked[:2]
            differences = (found[first] - found[then]).dropna().to_numpy(float)
            row |= {"best": first, metric: found[first].mean(), "next": then, f"{metric} ": found[then].mean()}
            if len(differences) > 1:
                low, high = statistics.interval(differences)
                row |= {"difference": differences.mean(), "95%": f"{low:.3g} to {high:.3g}"}
        rows.append(row)
    return pd.DataFrame(rows)
