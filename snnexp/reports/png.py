"""A chart as a bitmap, by matplotlib."""

import io
from collections.abc import Sequence
from functools import singledispatch

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, NullFormatter

from snnexp.reports.chart import POINTS, MapPanel, Panel

WIDTH, HEIGHT, DPI = 5.0, 3.8, 160  # inches of one panel; dots per inch
COLUMNS = 3


def png(panels: Sequence[Panel | MapPanel]) -> bytes:
    """All panels, up to three side by side, four in a square.

    The legend stands beside them where it is that of every panel of lines.
    """
    columns = 2 if len(panels) == 4 else min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(WIDTH * columns + 1.2, HEIGHT * rows), layout="constrained")
    places = figure.subplots(rows, columns, squeeze=False).flat
    for axes, panel in zip(places, panels, strict=False):
        _draw(panel, axes)
    for axes in list(places)[len(panels) :]:
        axes.set_axis_off()
    _legends(figure, [axes for axes in figure.axes if axes.get_legend_handles_labels()[1]])
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()


def _legends(figure: Figure, drawn: Sequence[Axes]) -> None:
    if len({tuple(axes.get_legend_handles_labels()[1]) for axes in drawn}) == 1:
        figure.legend(*drawn[0].get_legend_handles_labels(), loc="outside right center", frameon=False)
        return
    for axes in drawn:
        axes.legend(frameon=False, fontsize="small")


@singledispatch
def _draw(panel: object, axes: Axes) -> None:
    raise TypeError(f"{panel} is no panel")


@_draw.register
def _(panel: Panel, axes: Axes) -> None:
    for line in panel.lines:
        axes.fill_between(line.x, line.y - line.half, line.y + line.half, color=line.colour, alpha=0.18, linewidth=0)
        style = "--" if line.dashed else "-"
        axes.plot(line.x, line.y, style, color=line.colour, linewidth=1.6, label=line.name)
        for x, y, whole in zip(line.x, line.y, line.whole, strict=True) if line.points else ():
            axes.plot(x, y, "o", color=line.colour, markersize=4.5, markerfacecolor=line.colour if whole else "white")
    places = sorted({float(x) for line in panel.lines for x in line.x if x > 0 or not panel.x_log})
    if panel.x_log and len(places) > POINTS:
        axes.set_xscale("log")
    elif panel.x_log:
        axes.set_xscale("log")
        axes.set_xlim(places[0] / 1.2, places[-1] * 1.2)  # told, since there may be no point yet
        axes.set_xticks(places, [f"{x:g}" for x in places])
        axes.xaxis.set_minor_formatter(NullFormatter())
    if panel.y_log:
        axes.set_yscale("log")
        for formatter in (axes.yaxis.set_major_formatter, axes.yaxis.set_minor_formatter):
            formatter(LogFormatter(minor_thresholds=(2, 0.5)))
    axes.set_xlabel(panel.x_label)
    axes.set_ylabel(panel.y_label)
    axes.set_title(panel.title)
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


@_draw.register
def _(panel: MapPanel, axes: Axes) -> None:
    if panel.z.size:
        colours = axes.pcolormesh(panel.x, panel.y, panel.z, shading="nearest", cmap="viridis", rasterized=True)
        axes.figure.colorbar(colours, ax=axes)
    axes.plot(panel.path_x, panel.path_y, color="white", linewidth=1.6)
    axes.set(xlabel=panel.x_label, ylabel=panel.y_label, title=panel.title)
