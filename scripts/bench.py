"""Measure the project on this machine; nothing is a test, and nothing else should run meanwhile.

python scripts/bench.py load                planning, skipping and reporting over up to 10,000 run folders
python scripts/bench.py load --json FILE    the numbers as JSON as well
"""

import argparse
import json
from pathlib import Path

from rich.console import Console
from rich.table import Table

from snnexp.benchmarks import load
from snnexp.files import write_atomically
from snnexp.main import one_line_errors

WORKLOADS = {"load": load.measure}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "workloads", nargs="*", choices=WORKLOADS, default=list(WORKLOADS), help="all, if none is named"
    )
    parser.add_argument("--json", type=Path, help="a file for the numbers")
    arguments = parser.parse_args()
    with one_line_errors([]):
        measured = {name: WORKLOADS[name]() for name in arguments.workloads}
        for name, rows in measured.items():
            Console(width=100).print(table(name, rows))
        if arguments.json is not None:
            write_atomically(arguments.json, json.dumps(measured, indent=2) + "\n")


def table(title: str, rows: list[dict[str, float]]) -> Table:
    """Seconds, and in brackets how the time for one run compares with that of the first row."""
    size, *names = rows[0]
    shown = Table(size, *names, title=title)
    for row in rows:
        growth = {name: row[name] / rows[0][name] * rows[0][size] / row[size] for name in names}
        shown.add_row(str(row[size]), *(f"{row[name]:.3g} s ({growth[name]:.2f})" for name in names))
    return shown


if __name__ == "__main__":
    main()
