"""The list of a sweep's runs and of what became of each, without running any."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from hydra import initialize_config_dir
from rich.console import Console
from rich.table import Table

from snnexp.main import CONF
from snnexp.sweep import Job, expand, state, unique

WIDTH = 100


def plan(arguments: Sequence[str], conf: Path | None = None) -> None:
    """Print every run of a command line: number, swept values, id and state; and how many there are of each state.

    arguments: the words of `train.py -m`, without the option.
    conf: a further folder of options, as for `train.py --config-dir`. (What a `glob(*)` finds there is not seen.)
    """
    further = [] if conf is None else [f"hydra.searchpath=[file://{conf.resolve()}]"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        outputs: list[str] = []
        jobs = expand([*further, *arguments], lambda job, config: outputs.append(config.paths.outputs))
    show(jobs, Path(outputs[0]) / "runs")


def show(jobs: Sequence[Job], runs: Path) -> None:
    """The table of some jobs, of which there is one at least, and the line below it."""
    first = {job.id: job.number for job in reversed(jobs)}
    states = {job.id: state(runs, job.id) for job in unique(jobs)}
    table = Table("job", *jobs[0].swept, "id", "state")
    for job in jobs:
        same = "" if first[job.id] == job.number else f" (as job {first[job.id]})"
        table.add_row(str(job.number), *job.swept.values(), job.id, f"{states[job.id]}{same}")
    console = Console(width=WIDTH, highlight=False)
    console.print(table, markup=False)
    found = ", ".join(f"{number} {name}" for name, number in Counter(states.values()).items())
    console.print(f"{len(states)} runs of {len(jobs)} jobs: {found}", markup=False)
