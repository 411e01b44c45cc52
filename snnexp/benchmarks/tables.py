"""How the rows of the benchmarks are shown: in a terminal of 100 columns, and as Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

Row = Mapping[str, Any]


def per_run(title: str, rows: Sequence[Row]) -> Table:
    """Seconds, and in brackets how the time for one run compares with that of the first row."""
    size, *names = rows[0]
    shown = Table(size, *names, title=title)
    for row in rows:
        factor = {name: row[name] / rows[0][name] * rows[0][size] / row[size] for name in names}
        shown.add_row(str(row[size]), *(f"{row[name]:.3g} s ({factor[name]:.2f})" for name in names))
    return shown


def plain(title: str, rows: Sequence[Row]) -> Table:
    """The numbers as they are."""
    shown = Table(*rows[0], title=title)
    for row in rows:
        shown.add_row(*(value if isinstance(value, str) else f"{value:.3g}" for value in row.values()))
    return shown


def shares(title: str, rows: Sequence[Row]) -> Table:
    """Text as it is, milliseconds and losses as numbers, the rest in percent."""
    shown = Table(*rows[0], title=title, box=SIMPLE, padding=(0, 1, 0, 0), pad_edge=False)
    for row in rows:
        shown.add_row(*(_share(name, value) for name, value in row.items()))
    return shown


def _share(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.4g}" if name in ("step ms", "loss") else f"{value:.1%}"


def ratios(title: str, rows: Sequence[Row]) -> Table:
    """Wall time with its range, CPU time and memory of a step, each with its ratio to the first contender's."""
    dense, reached = rows[0]["dense"], rows[0]["reached"]
    floor = f"dense arithmetic: {dense:.1f} GF, {1000 * dense / reached:.0f} ms at the {reached:.0f} GF/s of a product"
    names = ("contender", "wall ms", "range", "x", "CPU ms", "x", "memory MB", "x", "rate")
    shown = Table(*names, title=title, caption=floor)
    for row in rows:
        low, high = row["wall_range"]
        memory = ["", ""] if row["memory"] is None else [f"{row['memory']:.0f}", f"{row['x_memory'] or 0:.2f}"]
        shown.add_row(
            row["contender"],
            *(f"{row['wall']:.1f}", f"{low:.1f}-{high:.1f}", f"{row['x_wall']:.2f}"),
            *(f"{row['cpu']:.1f}", f"{row['x_cpu']:.2f}", *memory, f"{row['rate']:.1%}"),
        )
    return shown


def markdown(measured: Mapping[str, Mapping[str, Any]]) -> str:
    """A row per contender, a column per workload: wall time and memory of a step as ratios to its first contender's.

    measured: for every workload its `rows`, and the `machine` that they were measured on.
    """
    names = dict.fromkeys(row["contender"] for entry in measured.values() for row in entry["rows"])
    cells = {(name, row["contender"]): _cell(row) for name, entry in measured.items() for row in entry["rows"]}
    lines = ["| time, memory of a step | " + " | ".join(measured) + " |", "|---" * (len(measured) + 1) + "|"]
    lines += [f"| {name} | " + " | ".join(cells.get((each, name), "") for each in measured) + " |" for name in names]
    machines = dict.fromkeys(_machine(entry["machine"]) for entry in measured.values())
    return "\n".join(lines) + "\n\n" + "\n".join(machines) + "\n"


def _cell(row: Row) -> str:
    ratio = f"**{row['x_wall']:.2f}**" if row["contender"].startswith("fused") else f"{row['x_wall']:.2f}"
    memory = "" if row["x_memory"] is None else f", {row['x_memory']:.2f}"
    return f"{ratio}{memory} ({row['wall']:.0f} ms)"


def _machine(described: Row) -> str:
    commit = f"commit {str(described['commit'])[:7]}{' with changes' if described['dirty'] else ''}"
    return f"({described['threads']} threads of {described['processor']}; torch {described['torch']}; {commit}.)"
