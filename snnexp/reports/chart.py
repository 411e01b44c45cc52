"""The figure of an experiment as data: what is drawn where, before anything draws it."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from snnexp.errors import require
from snnexp.reports.table import cells, demand_column, select, swept

Array = NDArray[np.floating]

# Okabe & Ito (2008), and two that go with them, which colour-blind readers can tell apart on light and on dark ground.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#8a8a8a", "#882255")


POINTS = 30  # of a line, that are marked
HALF_DIGIT = 0.009  # half of what a digit takes of an axis's length


class Line(NamedTuple):
    """One series: a mean per place, the band around it, and a note for each point; gaps are NaN."""

    name: str
    colour: str
    x: Array
    y: Array
    half: Array
    notes: list[str]
    whole: list[bool]  # whether all planned runs of a point are done
    dashed: bool = False  # what is predicted, beside what is measured
    joined: bool = True  # false: points only, as many as there are

    @property
    def points(self) -> bool:
        """Whether each place is marked; more of them hide the line."""
        return not self.joined or (len(self.x) <= POINTS and not self.dashed)

    def edges(self, log: bool) -> tuple[Array, Array]:
        """The lower and the upper end of the band.

        On a logarithmic axis, a lower end that is not above 0 mirrors the upper one there, at the same factor from y.
        """
        low, high = self.y - self.half, self.y + self.half
        if log:
            low = np.where((low > 0) | (high <= 0), low, self.y**2 / np.where(high > 0, high, 1))
        return low, high


class Panel(NamedTuple):
    """Lines over x; marks: places on x with a name, where a vertical dashed line stands."""

    title: str
    x_label: str
    y_label: str
    x_log: bool
    y_log: bool
    lines: list[Line]
    marks: Mapping[str, float] = MappingProxyType({})

    @property
    def name(self) -> str:
        return " · ".join(filter(None, (self.title, self.y_label)))

    @property
    def ticks(self) -> dict[float, str]:
        """The places of a logarithmic axis where points stand, and their numbers; none where they are too many.

        A number that would run into the one before it is not written. None on other axes, too.
        """
        places = sorted({float(x) for line in self.lines for x in line.x if x > 0}) if self.x_log else []
        if len(places) > POINTS or not places:
            return {}
        length, end, written = math.log(places[-1] / places[0]) or 1.0, -math.inf, {}
        for x in places:
            number = f"{x:g}"
            at, half = math.log(x / places[0]) / length, HALF_DIGIT * len(number)
            apart = at - half > end
            written[x], end = (number, at + half) if apart else ("", end)
        return written


class MapPanel(NamedTuple):
    """Values z [len(y), len(x)] as colours, and a line over them; all empty while there are none.

    x_names, y_names: what stands at the places, where not their numbers.  low, high: the ends of the colours.  z_label:
    what the colours are, where the title does not say it.
    """

    title: str
    x_label: str
    y_label: str
    x: Array
    y: Array
    z: Array
    path_x: Array
    path_y: Array
    x_names: Sequence[str] = ()
    y_names: Sequence[str] = ()
    low: float | None = None
    high: float | None = None
    z_label: str = ""

    @property
    def name(self) -> str:
        return " · ".join(filter(None, (self.title, self.z_label)))


class Bar(NamedTuple):
    """The bars of one colour: a mean per place, NaN where there is none, its error bar each way, and a note."""

    name: str
    colour: str
    y: Array
    half: Array
    notes: list[str]


class BarPanel(NamedTuple):
    """Bars at named places, side by side."""

    title: str
    x_label: str
    y_label: str
    places: Sequence[str]
    bars: list[Bar]

    @property
    def name(self) -> str:
        return " · ".join(filter(None, (self.title, self.y_label)))


AnyPanel = Panel | MapPanel | BarPanel


class Chart(Protocol):
    """The figure of a report. legend: how it is to be read."""

    @property
    def legend(self) -> str: ...
    def panels(self, runs: pd.DataFrame) -> list[AnyPanel]: ...


class Labelled:
    """A figure whose axes, series and places may be called otherwise than by their own names."""

    labels: Mapping[str, str]

    def _label(self, name: object) -> str:
        return self.labels.get(str(name), str(name))


def in_order(found: Iterable[Any], order: Sequence[Any]) -> list[Any]:
    """What there is, in the order that is asked for; what it does not name comes after it."""
    there = list(found)
    return [name for name in order if name in there] + [name for name in there if name not in order]


def legend(band: float) -> str:
    """How lines with a band are to be read."""
    lines, bands = ("Lines", f" Bands: ± {band:g} sd.") if band else ("Lines without a band", "")
    return f"{lines}: means over the seeds that are done.{bands} Open points: not all seeds are done."


@dataclass(frozen=True)
class Lines(Labelled):
    """A line for every value of `series`, over the values of `x`; a panel for every metric of `y`.

    facets: a swept key with a row of panels for each of its values. log: those of x and y with a logarithmic axis.
    band: half of its height in standard deviations over the seeds. order: the values of `series` in the order in which
    the paper colours and lists them. marks: places on x, by name, for vertical dashed lines. labels: what axes and
    series are called, where not by their own names.
    """

    x: str
    series: str
    y: Sequence[str]
    facets: str | None = None
    log: Sequence[str] = ()
    band: float = 0.5
    order: Sequence[str] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    marks: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(len(self.y) > 0, "y", list(self.y), "name at least one metric")
        require(self.band >= 0, "band", self.band, "must not be negative")

    @property
    def legend(self) -> str:
        return legend(self.band)

    def panels(self, runs: pd.DataFrame) -> list[AnyPanel]:
        """Every facet's panels; raises `OptionError` where a swept key other than the seed has no place in them."""
        for key in (self.x, self.series):
            demand_column(runs, key)
        numbers = all(isinstance(place, Real) for place in runs[self.x])
        require(numbers, "x", self.x, "its values are not all numbers, and lines need an axis; Bars has places by name")
        open_keys = [key for key in swept(runs) if key not in (self.x, self.series, self.facets)]
        require(not open_keys, "facets", self.facets, f"{', '.join(open_keys)} is swept too and has no place")
        if self.facets is None:
            return [self._panel(runs, metric, "") for metric in self.y]
        values = runs[self.facets].unique()
        return [
            self._panel(select(runs, {self.facets: value}), metric, f"{self._label(self.facets)}: {value}")
            for value in values
            for metric in self.y
        ]

    def _panel(self, runs: pd.DataFrame, metric: str, title: str) -> Panel:
        found = list(runs[self.series].unique())
        names = in_order(found, self.order)
        lines = [
            self._line(select(runs, {self.series: name}), metric, self._label(name), COLOURS[place % len(COLOURS)])
            for place, name in enumerate(names)
        ]
        drawn = any((line.y > 0).any() for line in lines)  # an empty axis can't be logarithmic
        logarithmic = (self.x in self.log, metric in self.log and drawn)
        return Panel(title, self._label(self.x), self._label(metric), *logarithmic, lines, self.marks)

    def _line(self, runs: pd.DataFrame, metric: str, name: str, colour: str) -> Line:
        places = []
        for x, group in runs.groupby(self.x):
            (cell,) = cells(group, [metric]).to_dict("records")
            places.append((x, cell))
        notes = [
            f"<b>{name}</b> at {x:g}<br>{cell[metric]:.4g} ± {cell[f'{metric} sd']:.2g} (sd)<br>{counted(cell)}"
            for x, cell in places
        ]
        return Line(
            name,
            colour,
            np.array([x for x, _ in places], dtype=float),
            np.array([cell[metric] for _, cell in places], dtype=float),
            self.band * np.nan_to_num(np.array([cell[f"{metric} sd"] for _, cell in places], dtype=float)),
            notes,
            [cell["n"] == cell["N"] for _, cell in places],
        )


def counted(cell: Mapping[Any, Any]) -> str:
    """How many runs a mean rests on: n of N, and how many diverged."""
    diverged = f", {cell['diverged']} diverged" if cell["diverged"] else ""
    return f"{cell['n']} of {cell['N']} runs{diverged}"
