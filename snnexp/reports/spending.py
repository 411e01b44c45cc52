"""What accuracy costs: a metric over the number of spikes, and the number below which it falls."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize

from snnexp.errors import require
from snnexp.reports.chart import COLOURS, AnyPanel, Array, Labelled, Line, Panel, in_order
from snnexp.reports.table import cells, demand_column, select, values

FEWEST = 5  # points that a curve is fitted to


class Knee(NamedTuple):
    """accuracy(x) = chance + (plateau - chance) / (1 + (x / half)^-steepness); NaN where none could be fitted."""

    chance: float
    plateau: float
    half: float
    steepness: float

    def at(self, x: Array) -> Array:
        with np.errstate(divide="ignore"):
            return self.chance + (self.plateau - self.chance) / (1 + (x / self.half) ** -self.steepness)

    def critical(self, share: float) -> float:
        """Where that share of what can be had above chance is reached."""
        return self.half * float((share / (1 - share)) ** (1 / self.steepness))


def fit(x: Array, y: Array, chance: float) -> Knee:
    """The curve nearest to the points, in least squares, its rise over the logarithm of x."""
    x, y = x[x > 0], y[x > 0]
    none = Knee(chance, np.nan, np.nan, np.nan)
    if len(x) < FEWEST or y.max() <= chance:
        return none

    def curve(log_x: Array, plateau: float, log_half: float, log_steepness: float) -> Array:
        return Knee(chance, plateau, np.exp(log_half), np.exp(log_steepness)).at(np.exp(log_x))

    start = (y.max(), float(np.log(np.median(x))), 0.5)
    bounds = ([chance, np.log(x.min()) - 3, -2.0], [1.0, np.log(x.max()) + 3, 4.0])
    try:
        (plateau, log_half, log_steepness), _ = optimize.curve_fit(curve, np.log(x), y, start, bounds=bounds)
    except RuntimeError:  # scipy's word for: it did not converge
        return none
    return Knee(chance, float(plateau), float(np.exp(log_half)), float(np.exp(log_steepness)))


def critical_spikes(
    runs: pd.DataFrame, x: str, y: str, scale: float, chance: float, share: float, at: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """The number of spikes at which `share` of the accuracy above chance is reached, and the fitted plateau.

    x: the metric with the number of spikes, which `scale` multiplies.
    """
    require(0 < share < 1, "share", share, "must lie between 0 and 1")
    chosen = select(runs, at or {})
    points = _points(chosen, x, y, scale)
    knee = fit(*points, chance)
    said = {"critical number": knee.critical(share), "half-way": knee.half, "plateau": knee.plateau}
    return pd.DataFrame([{**said, "runs": len(points[0])}])


def _points(runs: pd.DataFrame, x: str, y: str, scale: float) -> tuple[Array, Array]:
    """Both metrics of every run that has them: what a curve is fitted to."""
    found = pd.DataFrame({"x": values(runs, x) * scale, "y": values(runs, y)}).dropna()
    return found["x"].to_numpy(float), found["y"].to_numpy(float)


@dataclass(frozen=True)
class Spending(Labelled):
    """A metric `y` over another one, `x`, which counts spikes: a point for every cell. Dashed: the curve of all runs.

    scale: multiplies x, as steps times neurons makes spikes per sample of a firing rate.  chance: what the curve comes
    from where there are no spikes.  series: a swept key with points and a curve for each of its values.
    """

    x: str
    y: str
    scale: float
    chance: float
    series: str | None = None
    at: Mapping[str, Any] = field(default_factory=dict)
    order: Sequence[Any] = ()
    labels: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(self.scale > 0, "scale", self.scale, "must be greater than 0")

    @property
    def legend(self) -> str:
        fitted = "chance + rise / (1 + (half / x)^k), fitted to all runs"
        return f"Points: means over the seeds that are done. Bands: ± sd. Dashed: {fitted}."

    def panels(self, runs: pd.DataFrame) -> list[AnyPanel]:
        chosen = select(runs, self.at)
        groups = [("", chosen)]
        if self.series is not None:
            demand_column(chosen, self.series)
            names = in_order(chosen[self.series].unique(), self.order)
            groups = [(self._label(name), select(chosen, {self.series: name})) for name in names]
        lines = [line for number, (name, group) in enumerate(groups) for line in self._lines(group, name, number)]
        drawn = any((line.x > 0).any() for line in lines)  # an empty axis can't be logarithmic
        return [Panel("", self._label(self.x), self._label(self.y), drawn, False, lines)]

    def _lines(self, runs: pd.DataFrame, name: str, number: int) -> list[Line]:
        found = cells(runs, [self.x, self.y]).dropna(subset=[self.x, self.y]).sort_values(self.x)
        x, y = found[self.x].to_numpy(float) * self.scale, found[self.y].to_numpy(float)
        sd, colour = np.nan_to_num(found[f"{self.y} sd"].to_numpy(float)), COLOURS[number % len(COLOURS)]
        said = name or self._label(self.y)
        notes = [
            f"<b>{said}</b> at {place:.4g}<br>{value:.4g} ± {around:.2g} (sd)"
            for place, value, around in zip(x, y, sd, strict=True)
        ]
        points = Line(said, colour, x, y, sd, notes, (found["n"] == found["N"]).tolist())
        knee = fit(*_points(runs, self.x, self.y, self.scale), self.chance)
        if np.isnan(knee.half):
            return [points]
        grid = np.geomspace(x[x > 0].min(), x.max(), 100)
        fitted = [f"<b>fit</b><br>{value:.4g} at {place:.4g}" for place, value in zip(grid, knee.at(grid), strict=True)]
        rest = np.zeros(len(grid)), fitted, [True] * len(grid), True
        return [points, Line(f"{said}, fit", colour, grid, knee.at(grid), *rest)]
