"""Measure the project on this machine; nothing is a test, and nothing else should run meanwhile.

python scripts/bench.py load                planning, skipping and reporting over up to 10,000 run folders
python scripts/bench.py loading             samples/s of every data set, beside tonic and beside a training step
python scripts/bench.py load --json FILE    the numbers as JSON as well
"""

import argparse
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rich.console import Console
from rich.table import Table

from snnexp.benchmarks import load, loading
from snnexp.files import write_atomically
from snnexp.main import one_line_errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "workloads", nargs="*", choices=WORKLOADS, default=list(WORKLOADS), help="all, if none is named"
    )
    parser.add_argument("--json", type=Path, help="a file for the numbers")
    arguments = parser.parse_args()
    with one_line_errors([]):
        measured = {name: WORKLOADS[name].measure() for name in arguments.workloads}
        for name, rows in measured.items():
            Console(width=100).print(WORKLOADS[name].table(name, rows))
        if arguments.json is not None:
            write_atomically(arguments.json, json.dumps(measured, indent=2) + "\n")


def growth(title: str, rows: Sequence[dict[str, float]]) -> Table:
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


class Workload(NamedTuple):
    """What is measured, and how it is shown."""

    measure: Callable[[], Sequence[dict[str, Any]]]
    table: Callable[[str, Sequence[dict[str, Any]]], Table]


WORKLOADS = {"load": Workload(load.measure, growth), "loading": Workload(loading.measure, plain)}


if __name__ == "__main__":
    main()
