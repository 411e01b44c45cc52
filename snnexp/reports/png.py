"""A chart as a bitmap, by matplotlib."""

import io
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatter, NullFormatter

from snnexp.reports.chart import Panel

WIDTH, HEIGHT, DPI = 5.0, 3.8, 160  # inches of one panel; dots per inch
COLUMNS = 3


def png(panels: Sequence[Panel]) -> bytes:
    """All panels, up to three side by side; the legend stands beside them, and is that of the first panel."""
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    figure = Figure(figsize=(WIDTH * columns + 1.2, HEIGHT * rows), layout="constrained")
    places = figure.subplots(rows, columns, squeeze=False).flat
    for axes, panel in zip(places, panels, strict=False):
        _draw(axes, panel)
    for axes in list(places)[len(panels) :]:
        axes.set_axis_off()
    handles, names = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside right center", frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=DPI, metadata={"Software": None})
    return buffer.getvalue()


def _draw(axes: Axes, panel: Panel) -> None:
    for line in panel.lines:
        axes.fill_between(line.x, line.y - line.half, line.y + line.half, color=line.colour, alpha=0.18, linewidth=0)
        axes.plot(line.x, line.y, color=line.colour, linewidth=1.6, label=line.name)
        for x, y, whole in zip(line.x, line.y, line.whole, strict=True):
            axes.plot(x, y, "o", color=line.colour, markersize=4.5, markerfacecolor=line.colour if whole else "white")
    if panel.x_log:
        axes.set_xscale("log")
        places = sorted({float(x) for line in panel.lines for x in line.x})
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
