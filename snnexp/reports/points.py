"""Figures in which every run is a point: one metric over another."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from snnexp.errors import require
from snnexp.reports.chart import COLOURS, AnyPanel, Labelled, Line, Panel
from snnexp.reports.derived import correlation
from snnexp.reports.table import demand_column, select, values


@dataclass(frozen=True)
class Points(Labelled):
    """A metric over others, a point for every run that is done.

    content: the metrics along x of each panel, each in its own colour, by the label of that axis.  y: the metric above
    them.  facets: swept keys, with a row of panels for each combination of their values; whatever else is swept is in
    every panel.  at: fixes swept keys.  labels: what metrics, keys and their values are called, where not by their own
    names.
    """

    content: Mapping[str, Sequence[str]]
    y: str
    facets: Sequence[str] = ()
    at: Mapping[str, Any] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(len(self.content) > 0, "content", dict(self.content), "name at least one panel and its metrics")

    @property
    def legend(self) -> str:
        return "A point is a run that is done; r is Pearson's."

    def panels(self, runs: pd.DataFrame) -> list[AnyPanel]:
        chosen = select(runs, self.at)
        for key in self.facets:
            demand_column(chosen, key)
        rows = chosen.groupby(list(self.facets), sort=False) if self.facets else [((), chosen)]
        return [
            self._panel(group, " · ".join(map(self._at, self.facets, place)), label)
            for place, group in rows
            for label in self.content
        ]

    def _at(self, key: str, value: object) -> str:
        return self.labels.get(f"{key}={value}") or f"{self._label(key)}: {self._label(value)}"

    def _panel(self, runs: pd.DataFrame, title: str, label: str) -> Panel:
        lines = [
            self._line(runs, metric, COLOURS[number % len(COLOURS)])
            for number, metric in enumerate(self.content[label])
        ]
        return Panel(title, label, self._label(self.y), False, False, lines)

    def _line(self, runs: pd.DataFrame, metric: str, colour: str) -> Line:
        found = pd.DataFrame({"x": values(runs, metric), "y": values(runs, self.y), "id": runs["id"]}).dropna()
        r = correlation(runs, metric, self.y)["r"].iloc[0]
        name = self._label(metric) + ("" if np.isnan(r) else f" (r = {r:.2f})")
        x, y = found["x"].to_numpy(float), found["y"].to_numpy(float)
        notes = [f"<b>{name}</b><br>{a:.4g}, {b:.4g}<br>run {run}" for a, b, run in zip(x, y, found["id"], strict=True)]
        return Line(name, colour, x, y, np.zeros(len(x)), notes, [True] * len(x), joined=False)
