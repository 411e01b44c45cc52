"""Measure the project on this machine; nothing is a test, and nothing else should run meanwhile.

    python scripts/bench.py load                planning, skipping and reporting over up to 10,000 run folders
    python scripts/bench.py loading             samples/s of every data set, beside tonic and beside a training step
    python scripts/bench.py W1 W2 W3            a training step beside a loop and other libraries; W1-alif, W1-slstm too
    python scripts/bench.py W1 --compile        torch.compile of the plain loop as well, which takes a minute to compile
    python scripts/bench.py floor               what the machine can do at best
    python scripts/bench.py growth              a step of W1 over time, batch, width, depth and firing rate
    python scripts/bench.py training            a step of a run, by parts, with and without the fast sequences
    python scripts/bench.py optimisers          AdaBelief and others over many small tensors
    python scripts/bench.py packing             sweeps with two runs at a time, beside one after another (4 minutes)
    python scripts/bench.py W1 --json docs/speed.json --readme docs/speed.md --figure docs/speed.png

--json adds to what the file has of other workloads; --readme puts the table of all workloads W in it between the lines
<!-- speed --> and <!-- end -->, --figure draws them. pip install -e .[bench] installs the other libraries; what is not
there is left out.
"""

import argparse
import json
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
from rich.console import Console
from rich.table import Table

from snnexp.benchmarks import chart, growth, load, loading, machine, optimisers, packing, speed, training, workloads
from snnexp.benchmarks.speed import Options
from snnexp.benchmarks.tables import markdown, per_run, plain, ratios, shares
from snnexp.files import fill, write_atomically
from snnexp.main import one_line_errors
from snnexp.run import threads


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "workloads", nargs="*", choices=WORKLOADS, default=list(WORKLOADS), help="all, if none is named"
    )
    parser.add_argument("--json", type=Path, help="a file for the numbers")
    parser.add_argument("--readme", type=Path, help="a file for the table of the workloads W")
    parser.add_argument("--figure", type=Path, help="a file for the figure of the workloads W")
    parser.add_argument("--rounds", type=int, default=Options().rounds, help="steps that are measured, %(default)s")
    parser.add_argument("--compile", action="store_true", help="torch.compile competes too")
    arguments = parser.parse_args()
    options = Options(arguments.rounds, arguments.compile)
    with one_line_errors([]):
        torch.set_num_threads(threads())
        described = machine.describe()
        console = Console(width=100)
        console.print(", ".join(f"{name} {value}" for name, value in described.items()), highlight=False)
        measured = {}
        if arguments.json is not None and arguments.json.exists():
            measured = json.loads(arguments.json.read_text())
        for name in arguments.workloads:
            rows = WORKLOADS[name].measure(options)
            measured[name] = {"machine": described, "rows": rows}
            if rows:  # none where no data set is there
                console.print(WORKLOADS[name].table(name, rows))
        steps = {name: measured[name] for name in WORKLOADS if name.startswith("W") and name in measured}
        if arguments.json is not None:
            write_atomically(arguments.json, json.dumps(measured, indent=2) + "\n")
        if arguments.readme is not None:
            fill(arguments.readme, "speed", markdown(steps))
        if arguments.figure is not None and steps:
            chart.draw(steps, arguments.figure)


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
    "training": Workload(lambda options: training.measure(options.rounds), shares),
    "optimisers": Workload(lambda options: optimisers.measure(options.rounds), plain),
    "packing": Workload(lambda _: packing.measure(), plain),
}


if __name__ == "__main__":
    main()
