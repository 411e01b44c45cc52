"""Measure the project on this machine; nothing is a test, and nothing else should run meanwhile.

    python scripts/bench.py load                planning, skipping and reporting over up to 10,000 run folders
    python scripts/bench.py loading             samples/s of every data set, beside tonic and beside a training step
    python scripts/bench.py W1 W2 W3            a training step beside a loop and other libraries; W1-alif, W1-slstm too
    python scripts/bench.py W1 --compile        torch.compile of the plain loop as well, which takes a minute to compile
    python scripts/bench.py floor               what the machine can do at best
    python scripts/bench.py growth              a step of W1 over time, batch, width, depth and firing rate
    python scripts/bench.py W1 --json FILE --figure FILE    the numbers as JSON, a figure as PNG

pip install -e .[bench] installs the other libraries; what is not there is left out.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from snnexp.benchmarks import chart, growth, load, loading, machine, speed, workloads
from snnexp.benchmarks.speed import Options
from snnexp.files import write_atomically
from snnexp.main import one_line_errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "workloads", nargs="*", choices=WORKLOADS, default=list(WORKLOADS), help="all, if none is named"
    )
    parser.add_argument("--json", type=Path, help="a file for the numbers")
    parser.add_argument("--figure", type=Path, help="a file for the figure of the workloads W")
    parser.add_argument("--rounds", type=int, default=Options().rounds, help="steps that are measured, %(default)s")
    parser.add_argument("--compile", action="store_true", help="torch.compile competes too")
    arguments = parser.parse_args()
    options = Options(arguments.rounds, arguments.compile)
    with one_line_errors([]):
        described = machine.describe()
        console = Console(width=100)
        console.print(", ".join(f"{name} {value}" for name, value in described.items()), highlight=False)
        measured = {}
        for name in arguments.workloads:
            measured[name] = WORKLOADS[name].measure(options)
            console.print(WORKLOADS[name].table(name, measured[name]))
        if arguments.json is not None:
            write_atomically(arguments.json, json.dumps({"machine": described, **measured}, indent=2) + "\n")
        steps = {name: rows for name, rows in measured.items() if name.startswith("W")}
        if arguments.figure is not None and steps:
            chart.draw(steps, arguments.figure)


def per_run(title: str, rows: Sequence[dict[str, Any]]) -> Table:
    """Seconds, and in brackets how the time for one run compares with that of the first row."""
    size, *names = rows[0]
    shown = Table(size, *names, title=title)
    for row in rows:
        factor = {name: row[name] / rows[0][name] * rows[0][size] / row[size] for name in names}
        shown.add_row(str(row[size]), *(f"{row[name]:.3g} s ({factor[name]:.2f})" for name in names))
    return shown


def plain(title: str, rows: Sequence[dict[str, Any]]) -> Table:
    """The numbers as they are."""
    shown = Table(*rows[0], title=title)
    for row in rows:
        shown.add_row(*(value if isinstance(value, str) else f"{value:.3g}" for value in row.values()))
    return shown


def ratios(title: str, rows: Sequence[dict[str, Any]]) -> Table:
    """Wall time with its range, CPU time and memory of a step, each with its ratio to the first contender's."""
    shown = Table("contender", "wall ms", "range", "x", "CPU ms", "x", "memory MB", "x", "rate", title=title)
    for row in rows:
        low, high = row["wall_range"]
        memory = ["", ""] if row["memory"] is None else [f"{row['memory']:.0f}", f"{row['x_memory'] or 0:.2f}"]
        shown.add_row(
            row["contender"],
            *(f"{row['wall']:.1f}", f"{low:.1f}-{high:.1f}", f"{row['x_wall']:.2f}"),
            *(f"{row['cpu']:.1f}", f"{row['x_cpu']:.2f}", *memory, f"{row['rate']:.1%}"),
        )
    return shown


class Workload(NamedTuple):
    """What is measured, and how it is shown."""

    measure: Callable[[Options], Sequence[dict[str, Any]]]
    table: Callable[[str, Sequence[dict[str, Any]]], Table]


WORKLOADS = {
    "load": Workload(lambda _: load.measure(), per_run),
    "loading": Workload(lambda _: loading.measure(), plain),
    "floor": Workload(lambda _: machine.floor(), plain),
    "W1": Workload(partial(speed.measure, workloads.W1), ratios),
    "W2": Workload(partial(speed.measure, workloads.W2), ratios),
    "W3": Workload(partial(speed.measure, workloads.W3), ratios),
    "W1-alif": Workload(partial(speed.measure, workloads.W1_ALIF), ratios),
    "W1-slstm": Workload(partial(speed.measure, workloads.W1_SLSTM), ratios),
    "growth": Workload(lambda options: growth.measure(workloads.W1, options.rounds), plain),
}


if __name__ == "__main__":
    main()
