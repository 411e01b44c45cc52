"""The figure of the speed benchmark: what a step takes, as a ratio to the plain loop."""

from io import BytesIO
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from snnexp.files import write_atomically


def draw(measured: dict[str, list[dict[str, Any]]], path: Path) -> None:
    """One panel per workload, a bar per contender with its range over the rounds; written as PNG."""
    figure = Figure(figsize=(4.2 * len(measured), 3.2), layout="constrained")
    for axes, (name, rows) in zip(figure.subplots(1, len(measured), squeeze=False)[0], measured.items(), strict=True):
        base, places = rows[0]["wall"], range(len(rows))
        wall = [row["wall"] / base for row in rows]
        below = [value - row["wall_range"][0] / base for value, row in zip(wall, rows, strict=True)]
        above = [row["wall_range"][1] / base - value for value, row in zip(wall, rows, strict=True)]
        colours = ["tab:blue" if row["contender"].startswith("fused") else "lightgrey" for row in rows]
        axes.barh(places, wall, color=colours, xerr=[below, above], ecolor="dimgrey")
        axes.set_yticks(places, [row["contender"] for row in rows])
        axes.invert_yaxis()
        axes.set_title(name)
        axes.set_xlabel(f"time of a step / {rows[0]['contender']} ({base:.0f} ms)")
        axes.spines[["top", "right"]].set_visible(False)
    content = BytesIO()
    figure.savefig(content, format="png", dpi=150)
    write_atomically(path, content.getvalue())
