"""The figure of the speed benchmark: what a step takes, as a ratio to the plain loop."""

from collections.abc import Mapping
from io import BytesIO
from math import ceil
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from snnexp.files import write_atomically

ABREAST = 3  # panels


def draw(measured: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """One panel per workload, a bar per contender with its range over the rounds; written as PNG.

    measured: for every workload its `rows`.
    """
    columns = min(ABREAST, len(measured))
    lines = ceil(len(measured) / columns)
    figure = Figure(figsize=(4.2 * columns, 2.9 * lines), layout="constrained")
    panels = list(figure.subplots(lines, columns, squeeze=False).flat)
    for axes in panels[len(measured) :]:
        axes.set_axis_off()
    for axes, (name, entry) in zip(panels, measured.items(), strict=False):
        rows = entry["rows"]
        base, places = rows[0]["wall"], range(len(rows))
        wall = [row["wall"] / base for row in rows]
        below = [value - row["wall_range"][0] / base for value, row in zip(wall, rows, strict=True)]
        above = [row["wall_range"][1] / base - value for value, row in zip(wall, rows, strict=True)]
        colours = ["tab:blue" if row["contender"].startswith("fused") else "lightgrey" for row in rows]
        axes.barh(places, wall, color=colours, xerr=[below, above], ecolor="dimgrey")
        for place, value in zip(places, wall, strict=True):
            axes.text(1.02, place, f"{value:.2f}", va="center", transform=axes.get_yaxis_transform())
        axes.set_yticks(places, [row["contender"] for row in rows])
        axes.set_xlim(0, 1.2 * max(wall))  # a single slow round may lie outside
        axes.invert_yaxis()
        axes.set_title(name)
        axes.set_xlabel(f"time of a step / {rows[0]['contender']} ({base:.0f} ms)")
        axes.spines[["top", "right"]].set_visible(False)
    content = BytesIO()
    figure.savefig(content, format="png", dpi=120)
    write_atomically(path, content.getvalue())
