"""The list of a sweep's runs and of what became of each, without running any."""

import shutil
from collections import Counter
from collections.abc import Sequence, Set
from pathlib import Path

from hydra import initialize_config_dir
from rich.console import Console
from rich.table import Table

from snnexp.main import CONF, search_path
from snnexp.slurm import in_queue
from snnexp.sweep import Job, expand, state, unique

WIDTH = 100


def plan(arguments: Sequence[str], conf: Path | None = None) -> None:
    """Print every run of a command line: number, swept values, id and state; and how many there are of each state.

    arguments: the words of `train.py -m`, without the option.
    conf: a further folder of options, as for `train.py --config-dir`. (What a `glob(*)` finds there is not seen.)
    """
    with initialize_config_dir(str(CONF), version_base="1.3"):
        outputs: list[str] = []
        jobs = expand([*search_path(conf), *arguments], lambda job, config: outputs.append(config.paths.outputs))
    # Without SLURM's commands, as on a laptop that has only a copy of the results, nobody can be asked.
    queued = in_queue(Path(outputs[0]) / "slurm") if shutil.which("squeue") else set()
    show(jobs, Path(outputs[0]) / "runs", queued)


def show(jobs: Sequence[Job], runs: Path, queued: Set[str] = frozenset()) -> None:
    """The table of some jobs, of which there is one at least, and the line below it; queued: as for `state`."""
    first = {job.id: job.number for job in reversed(jobs)}
    states = {job.id: state(runs, job.id, queued) for job in unique(jobs)}
    table = Table("job", *jobs[0].swept, "id", "state")
    for job in jobs:
        same = "" if first[job.id] == job.number else f" (as job {first[job.id]})"
        table.add_row(str(job.number), *job.swept.values(), job.id, f"{states[job.id]}{same}")
    console = Console(width=WIDTH, highlight=False)
    console.print(table, markup=False)
    found = ", ".join(f"{number} {name}" for name, number in Counter(states.values()).items())
    console.print(f"{len(states)} runs of {len(jobs)} jobs: {found}", markup=False)
