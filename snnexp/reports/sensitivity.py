"""How much the choice of an option matters, as bars."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from snnexp.errors import require
from snnexp.reports.chart import AnyPanel, Bar, BarPanel, Labelled
from snnexp.reports.derived import sensitivities
from snnexp.reports.table import select

COLOUR = "#882255"  # maroon, as in the paper


@dataclass(frozen=True)
class Sensitivity(Labelled):
    """The sensitivity to an option, a bar for each value of another key; see `derived.sensitivity`.

    metric: the loss.  by: the option.  over: the key over whose values it is averaged.  among: the key of the bars.
    panels_of: the values of `among` in each panel, by the label of its axis.
    """

    metric: str
    by: str
    over: str
    among: str
    panels_of: Mapping[str, Sequence[Any]]
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(len(self.panels_of) > 0, "panels_of", dict(self.panels_of), "name at least one panel and its bars")

    @property
    def legend(self) -> str:
        over = self._label(self.over)
        return f"Bars: standard deviation of the normalised loss over the shapes, mean ± sd/2 over values of {over}."

    def panels(self, runs: pd.DataFrame) -> list[AnyPanel]:
        return [self._panel(runs, label, shown) for label, shown in self.panels_of.items()]

    def _panel(self, runs: pd.DataFrame, label: str, shown: Sequence[Any]) -> BarPanel:
        chosen = pd.concat([select(runs, {self.among: value}) for value in shown])
        frame = sensitivities(chosen, self.metric, self.by, self.over, self.among)
        means, halves = (frame[name].to_numpy(float) for name in ("of means", "of means, ± sd/2"))
        places = [self._label(value) for value in shown]
        notes = [
            f"<b>{place}</b><br>{mean:.3g} ± {half:.2g}<br>{count} runs"
            for place, mean, half, count in zip(places, means, halves, frame["runs"], strict=True)
        ]
        return BarPanel("", label, "sensitivity", places, [Bar("", COLOUR, means, np.nan_to_num(halves), notes)])
