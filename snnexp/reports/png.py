"""A chart as a bitmap, by matplotlib."""

import io
from collections.abc import Sequence
from functools import singledispatch
from itertools import pairwise
from textwrap import fill
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, MaxNLocator, NullFormatter
from numpy.typing import NDArray

from snnexp.reports.chart import AnyPanel, BarPanel, MapPanel, Panel

WIDTH, HEIGHT, DPI = 5.0, 3.8, 160  # inches of one panel; dots per inch
COLUMNS = 3
ROOM = 48  # letters under a panel
LETTERS = 19  # of the smallest kind, that an inch has room for
DARKER = 0.5  # a dashed line's colour, so that it is seen on the line that it meets


def png(panels: Sequence[AnyPanel], said: str = "") -> bytes:
    """All panels, up to three side by side; the legend stands beside them where it is that of every panel of lines.

    said: what stands in small letters below them, as a figure may travel alone.
    """
    columns = min(COLUMNS, len(panels))
    if len(panels) % columns and len(panels) % 2 == 0:  # 4 or 8: no gap
        columns = 2
    rows = -(-len(panels) // columns)
    width = WIDTH * columns + 1.2
    figure = Figure(figsize=(width, HEIGHT * rows), layout="constrained")
    places = list(figure.subplots(rows, columns, squeeze=False).flat)
    for axes, panel in zip(places, panels, strict=False):
        _draw(panel, axes)
    for axes in places[len(panels) :]:
        axes.set_axis_off()
    _legends(figure, [axes for axes in figure.axes if axes.get_legend_handles_labels()[1]])
    if said:
        below = fill(said, int(LETTERS * width))
        figure.supxlabel(below, x=0.01, ha="left", fontsize=7, color="#555555")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()


def _legends(figure: Figure, drawn: Sequence[Axes]) -> None:
    if len({tuple(axes.get_legend_handles_labels()[1]) for axes in drawn}) == 1:
        figure.legend(*drawn[0].get_legend_handles_labels(), loc="outside right center", frameon=False)
        return
    for axes in drawn:
        if axes.patches:  # bars leave no room among them
            axes.legend(frameon=False, fontsize="small", loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2)
            axes.set_title(axes.get_title(), pad=24)
        else:
            axes.legend(frameon=False, fontsize="small")


def _name(axes: Axes, places: NDArray[Any], names: Sequence[str]) -> None:
    """Write names under places; slanting, where they would run into one another."""
    slanting = crowded(names)
    axes.set_xticks(places, names, rotation=35 if slanting else 0, ha="right" if slanting else "center")


def crowded(names: Sequence[str]) -> bool:
    """Whether two neighbours of names that share a panel's width would touch."""
    return any(1 + (len(left) + len(right)) / 2 > ROOM / len(names) for left, right in pairwise(names))


def _whole(*places: NDArray[Any]) -> bool:
    return all(float(x).is_integer() for each in places for x in each)


def _wholes() -> MaxNLocator:
    return MaxNLocator("auto", steps=[1, 2, 5, 10], integer=True)


def _empty(axes: Axes) -> None:
    """Say so, instead of numbers that stand for nothing."""
    axes.text(0.5, 0.5, "no data yet", transform=axes.transAxes, ha="center", va="center", color="#555555")
    axes.set(xticks=[], yticks=[])


class Numbers(LogFormatter):
    """The labels of a logarithmic axis, each as a plain number: 0.1 beside 1, and not 1e-01."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        return f"{x:g}" if super().__call__(x, pos) else ""


@singledispatch
def _draw(panel: object, axes: Axes) -> None:
    raise TypeError(f"{panel} is no panel")


@_draw.register
def _(panel: Panel, axes: Axes) -> None:
    for line in panel.lines:
        axes.fill_between(line.x, *line.edges(panel.y_log), color=line.colour, alpha=0.18, linewidth=0)
        if line.joined:
            style = "--" if line.dashed else "-"
            colour = [DARKER * part for part in to_rgb(line.colour)] if line.dashed else line.colour
            axes.plot(line.x, line.y, style, color=colour, linewidth=1.6, label=line.name)
        else:
            axes.plot(line.x, line.y, "o", color=line.colour, markersize=3.5, alpha=0.7, label=line.name)
        for x, y, whole in zip(line.x, line.y, line.whole, strict=True) if line.points and line.joined else ():
            axes.plot(x, y, "o", color=line.colour, markersize=4.5, markerfacecolor=line.colour if whole else "white")
    for name, x in panel.marks.items():
        axes.axvline(x, linestyle="--", color="#555555", linewidth=1.2)
        axes.text(x, 1.01, name, transform=axes.get_xaxis_transform(), ha="center", fontsize="small", color="#555555")
    if panel.x_log:
        axes.set_xscale("log")
    elif _whole(*(line.x for line in panel.lines)):
        axes.xaxis.set_major_locator(_wholes())  # no half epochs
    if ticks := panel.ticks:
        axes.set_xlim(min(ticks) / 1.2, max(ticks) * 1.2)  # told, since there may be no point yet
        axes.set_xticks([*ticks], [*ticks.values()])
        axes.xaxis.set_minor_formatter(NullFormatter())
    if panel.y_log:
        axes.set_yscale("log", nonpositive="mask")
        for formatter in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
            formatter(Numbers(minor_thresholds=(2, 0.5)))
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    axes.set_title(panel.title)
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if not any(np.isfinite(line.y).any() for line in panel.lines):
        _empty(axes)


@_draw.register
def _(panel: MapPanel, axes: Axes) -> None:
    if panel.z.size:
        colours = axes.pcolormesh(panel.x, panel.y, panel.z, shading="nearest", cmap="viridis", rasterized=True)
        colours.set_clim(panel.low, panel.high)
        axes.figure.colorbar(colours, ax=axes, label=panel.z_label)
        if np.ptp(panel.x) == np.ptp(panel.y) and not panel.x_names:  # a plane, on which a circle is round
            axes.set_aspect("equal")
        for axis, places in ((axes.xaxis, panel.x), (axes.yaxis, panel.y)):
            if _whole(places):
                axis.set_major_locator(_wholes())
    else:
        _empty(axes)
    axes.plot(panel.path_x, panel.path_y, color="white", linewidth=1.6)
    axes.set(xlabel=panel.x_label, ylabel=panel.y_label, title=panel.title)
    if panel.x_names:
        _name(axes, panel.x, panel.x_names)
        axes.set_yticks(panel.y, panel.y_names)


@_draw.register
def _(panel: BarPanel, axes: Axes) -> None:
    places, width = np.arange(len(panel.places)), 0.8 / len(panel.bars)
    for number, bar in enumerate(panel.bars):
        x = places + (number - (len(panel.bars) - 1) / 2) * width
        axes.bar(x, bar.y, 0.9 * width, color=bar.colour, label=bar.name or None)
        axes.errorbar(x, bar.y, bar.half, fmt="none", ecolor="#333333", capsize=3)
    _name(axes, places, panel.places)
    axes.set(xlabel=panel.x_label, ylabel=panel.y_label, title=panel.title)
    axes.spines[["top", "right"]].set_visible(False)
