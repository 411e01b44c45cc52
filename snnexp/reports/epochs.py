"""Figures of what runs logged epoch by epoch."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from snnexp.errors import UserError
from snnexp.files import read_lines
from snnexp.reports.best import picked, which
from snnexp.reports.chart import COLOURS, AnyPanel, Labelled, Line, Panel
from snnexp.reports.table import demand_column, select


def logged(folder: Path, name: str) -> dict[int, float]:
    """A value of metrics.jsonl by the number of completed epochs; 0 is before training.

    Raises `UserError` where there is no such file.
    """
    path = folder / "metrics.jsonl"
    if not path.exists():
        raise UserError(f"{path} is not there, though the run has ended; train.py with force=true runs it again")
    lines = map(json.loads, read_lines(path))
    return {line["epoch"]: line[name] for line in lines if name in line}


@dataclass(frozen=True)
class Epochs(Labelled):
    """A metric over the epochs, with a line for every combination of values of `series`; a panel for each of `y`.

    A line is the mean over the `top` best runs of each seed by the metric `rank`, whatever else is swept; its band is
    their standard deviation.
    dashed: values of `series` whose lines are dashed, in the colour of what stands before them.
    """

    y: Sequence[str]
    series: Sequence[str]
    rank: str
    best: str
    top: int = 1
    at: Mapping[str, Any] = field(default_factory=dict)
    dashed: Sequence[Any] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def legend(self) -> str:
        return f"Lines: mean ± sd over {which(self._label(self.rank), self.top)}."

    def panels(self, runs: pd.DataFrame) -> list[AnyPanel]:
        chosen = select(runs, self.at)
        for key in self.series:
            demand_column(chosen, key)
        done = chosen[chosen["state"] == "done"]
        best = picked(done, self.rank, self.best, self.series, self.top) if len(done) else done
        groups = list(best.groupby(list(self.series), sort=False))
        solid = list(accumulate(not self._dashed(values) for values, _ in groups))
        return [
            Panel(
                "",
                "epoch",
                self._label(metric),
                False,
                False,
                [
                    self._line(group, metric, values, COLOURS[max(number - 1, 0) % len(COLOURS)])
                    for number, (values, group) in zip(solid, groups, strict=True)
                ],
            )
            for metric in self.y
        ]

    def _dashed(self, values: tuple[Any, ...]) -> bool:
        return any(value in self.dashed for value in values)

    def _line(self, runs: pd.DataFrame, metric: str, values: tuple[Any, ...], colour: str) -> Line:
        name = ", ".join(map(self._label, values))
        curves = pd.DataFrame([logged(folder, metric) for folder in runs["folder"]]).sort_index(axis=1)
        x, mean = curves.columns.to_numpy(float), curves.mean().to_numpy(float)
        sd = np.nan_to_num(curves.std().to_numpy(float))
        notes = [
            f"<b>{name}</b> after {place:g} epochs<br>{value:.4g} ± {around:.2g} (sd)<br>{len(curves)} runs"
            for place, value, around in zip(x, mean, sd, strict=True)
        ]
        return Line(name, colour, x, mean, sd, notes, [True] * len(x), self._dashed(values))
