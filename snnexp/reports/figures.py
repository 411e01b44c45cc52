"""The small figures of a run's page, one panel each, all of one width so that a page may set them in any grid.

Everything drawn in black takes the colour of the page's text (`svg`), so the figures suit light and dark pages. Colours
are those of Okabe & Ito (2008), which colour-blind readers can tell apart.

T time steps, I inputs, N neurons of one layer, K bins of a histogram, G points of a grid.
"""

import io
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator
from numpy.typing import NDArray

Array = NDArray[np.floating | np.integer]

INK = "black"
GREY = "#8a8a8a"
LAYERS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9")
NEGATIVE = "#E69F00"
WIDTH = 3.6  # inches
LINE_HEIGHT = 0.085  # of a label, as a fraction of the height of the axes
DECADES = 4  # of densities that are shown


class Curve(NamedTuple):
    label: str
    x: Array
    y: Array
    colour: str


class Histogram(NamedTuple):
    edges: Array  # [K+1]
    counts: Array  # [K]


def layer_colour(layer: int) -> str:
    return LAYERS[layer % len(LAYERS)]


def svg(figure: Figure, name: str) -> str:
    """The figure as an inline SVG element that fills its place and has no width of its own.

    `name` keeps its internal ids apart from those of the other figures on the page; the same figure under the same
    name gives the same text.
    """
    buffer = io.StringIO()
    no_metadata = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(buffer, format="svg", transparent=True, dpi=180, metadata=no_metadata)
    drawing = buffer.getvalue()
    width, height = figure.get_size_inches() * 72
    inside = drawing[drawing.index(">", drawing.index("<svg")) + 1 :].replace("#000000", "currentColor")
    return f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{name}">{inside}'


def png(figure: Figure) -> bytes:
    """The figure as a PNG on white."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=180)
    return buffer.getvalue()


def curves(lines: Sequence[Curve], selected_epoch: int | None = None, test: float | None = None) -> Figure:
    """Values over epochs, each curve named at its end; the selected epoch is marked, the test value is a diamond there.

    Values that are not finite leave gaps.
    """
    figure, axes = _panel(left=0.13, right=0.76)
    labels = []
    for line in lines:
        finite = np.flatnonzero(np.isfinite(line.y))
        axes.plot(line.x, line.y, color=line.colour, marker=".", markersize=3.5, linewidth=1.3)
        if len(finite):
            labels.append((float(line.y[finite[-1]]), line.label, line.colour))
    if selected_epoch is not None:
        axes.axvline(selected_epoch, color=INK, alpha=0.45, linestyle=":", linewidth=1)
        if test is not None and np.isfinite(test):
            axes.plot(selected_epoch, test, "D", color=LAYERS[1], markersize=5, zorder=3)
            labels.append((test, f"test {test:.3g}", LAYERS[1]))
    axes.set_ylim(bottom=min(0.0, axes.dataLim.y0))
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    _label_ends(axes, labels)
    return figure


def line(x: Array, y: Array, x_label: str) -> Figure:
    """One curve; values that are not finite leave gaps."""
    figure, axes = _panel(left=0.15, right=0.97)
    axes.plot(x, y, color=LAYERS[0], linewidth=1.3)
    axes.set_xlabel(x_label)
    return figure


def image(values: Array) -> Figure:
    """An array of two axes as colours, its first row below, with their scale."""
    figure, axes = _panel(left=0.12, right=0.99)
    drawn = axes.imshow(values, aspect="auto", origin="lower", cmap="viridis", interpolation="nearest")
    figure.colorbar(drawn, ax=axes)
    return figure


def raster(rows: Sequence[tuple[str, Array, str]]) -> Figure:
    """Activity over time, a row for each (name, x_TN, colour): a dot for every spike where x is 0 or 1.

    Other values are shades of the colour, orange where they are negative, strongest at the row's largest magnitude.
    """
    figure = Figure(figsize=(WIDTH, 0.4 + 1.05 * len(rows)))
    panels = figure.subplots(len(rows), 1, sharex=True, squeeze=False)[:, 0]
    inch = 1 / figure.get_figheight()
    figure.subplots_adjust(left=0.07, right=0.99, bottom=0.38 * inch, top=1 - 0.02 * inch, hspace=0.1)
    for axes, (name, x_TN, colour) in zip(panels, rows, strict=True):
        steps, units = x_TN.shape
        if np.isin(x_TN, (0, 1)).all():
            points = axes.get_window_extent().height / figure.dpi * 72
            size = float(np.clip(points / units, 1.2, 2.5))
            times, indices = np.nonzero(x_TN)
            axes.plot(times, indices, "s", color=colour, markersize=size, markeredgewidth=0, rasterized=True)
        else:
            axes.imshow(_shades(x_TN.T, colour), aspect="auto", origin="lower")
        axes.set(xlim=(-0.5, steps - 0.5), ylim=(-0.5, units - 0.5), yticks=[], ylabel=f"{name} ({units})")
        axes.spines[["top", "right"]].set_visible(False)
    panels[-1].set_xlabel("time step", labelpad=1)
    panels[-1].xaxis.set_major_locator(MaxNLocator(6, integer=True))
    return figure


def surrogate(before: Histogram, after: Histogram | None, u_G: Array, psi_G: Array, colour: str) -> Figure:
    """The surrogate psi(u) over the distributions of the centred voltage u: where gradients pass, and where units are.

    Densities have a logarithmic axis, `before` in grey and `after` in the colour. The axis of u holds the middle half
    of the voltages of each and all u at which psi is at least 1 % of its peak; long tails run out of it. The
    threshold, u = 0, is marked.
    """
    figure, axes = _panel(left=0.07, right=0.84)
    shown = [(before, GREY)] if after is None else [(before, GREY), (after, colour)]
    highest = max(_density(axes, histogram, fill) for histogram, fill in shown) or 1.0  # 0: no voltage was finite
    axes.set(xlabel="u = v − θ", ylabel="log density of u", yscale="log")
    axes.set(
        xlim=_window([histogram for histogram, _ in shown], u_G, psi_G),
        ylim=(highest * 10**-DECADES, 2 * highest),
        yticks=[],
    )
    axes.yaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.axvline(0, color=INK, alpha=0.45, linestyle=":", linewidth=1)
    right = axes.twinx()
    right.plot(u_G, psi_G, color=INK, linewidth=1.3)
    right.set_ylim(bottom=0)
    right.text(1.04, 1.03, "ψ(u)", transform=right.transAxes)
    for side in (axes, right):
        side.spines[["top", "left"]].set_visible(False)
    return figure


def spread(positions: Sequence[float], gap: float) -> list[float]:
    """Positions of labels in [0, 1], in the same order and at least `gap` apart, near to where they are wanted.

    More labels than fit run on below 0.
    """
    order = np.argsort(positions, kind="stable")
    placed = np.clip(positions, 0.0, 1.0)
    for below, above in pairwise(order):
        placed[above] = max(placed[above], placed[below] + gap)
    ceiling = 1.0
    for index in reversed(order):
        placed[index] = min(placed[index], ceiling)
        ceiling = placed[index] - gap
    return [float(place) for place in placed]


def _panel(left: float, right: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(WIDTH, 2.3))
    figure.subplots_adjust(left=left, right=right, bottom=0.19, top=0.93)
    axes = figure.subplots()
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _label_ends(axes: Axes, labels: Sequence[tuple[float, str, str]]) -> None:
    bottom, top = axes.get_ylim()
    heights = spread([(y - bottom) / (top - bottom) for y, _, _ in labels], LINE_HEIGHT)
    for height, (_, text, colour) in zip(heights, labels, strict=True):
        axes.text(1.03, height, text, color=colour, va="center", transform=axes.transAxes)


def _shades(x_NT: Array, colour: str) -> NDArray[np.floating]:
    largest = np.abs(x_NT).max() or 1.0
    shades = np.empty((*x_NT.shape, 4))
    shades[...] = matplotlib.colors.to_rgba(colour)
    shades[x_NT < 0] = matplotlib.colors.to_rgba(NEGATIVE)
    shades[..., 3] = np.abs(x_NT) / largest
    return shades


def _density(axes: Axes, histogram: Histogram, colour: str) -> float:
    """Draws the density and returns its maximum."""
    density = histogram.counts / max(histogram.counts.sum(), 1) / np.diff(histogram.edges)
    axes.stairs(density, histogram.edges, fill=True, color=colour, alpha=0.3)
    axes.stairs(density, histogram.edges, color=colour, linewidth=1.2)
    return float(density.max())


def _window(histograms: Sequence[Histogram], u_G: Array, psi_G: Array) -> tuple[float, float]:
    passing_u = u_G[psi_G >= 0.01 * psi_G.max()]
    bounds = [passing_u[0], passing_u[-1]]
    for edges, counts in histograms:
        cumulative = np.concatenate(([0.0], np.cumsum(counts) / max(counts.sum(), 1)))
        bounds.extend(np.interp((0.25, 0.75), cumulative, edges))
    return float(min(bounds)), float(max(bounds))
