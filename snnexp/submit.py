"""A sweep given to SLURM: an array of jobs with the runs that are missing."""

import json
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table

from snnexp.errors import require
from snnexp.files import write_atomically
from snnexp.main import CONF, search_path
from snnexp.pack import Pack
from snnexp.results import COMMIT, commit
from snnexp.slurm import hand_over, in_queue, largest_array, record
from snnexp.sweep import Job, State, check_job, expand, state, unique

WIDTH = 100
OTHERS = ("_target_", "submitit_folder")  # keys of the launcher that are not about the queue

T = TypeVar("T")


class Plan(NamedTuple):
    """What is to be submitted.

    counts: runs of the sweep by what became of them so far.
    missing: those that are neither over nor in hand, each with its words for `compose`.
    queue: what conf/hydra/launcher/slurm.yaml says.
    """

    counts: Counter[State]
    missing: list[tuple[Job, list[str]]]
    outputs: Path
    queue: dict[str, Any]


def submit(arguments: Sequence[str], runs_per_job: int, conf: Path | None = None) -> None:
    """Give SLURM the missing runs of a sweep and return; prints how to follow and how to cancel them.

    arguments, conf: as for `plan`.
    runs_per_job: how many runs a job does, one after another.
    Raises `UserError` where a run's configuration is wrong, naming the run, and where SLURM refuses.
    """
    console = _console()
    found = plan(arguments, conf, check_job)
    packs = list(chunks(found.missing, runs_per_job))
    console.print(_summary(found, len(packs)))
    if not packs:
        return
    size = largest_array()
    folder = found.outputs.resolve() / "slurm" / f"{datetime.now():%Y-%m-%d_%H-%M-%S-%f}"
    code = keep_code(folder / "code")
    jobs: dict[str, list[str]] = {}
    for array in chunks(packs, size):
        numbers = hand_over(folder, found.queue, code, [Pack([words for _, words in pack]) for pack in array])
        jobs |= {number: [job.id for job, _ in pack] for number, pack in zip(numbers, array, strict=True)}
        record(folder, jobs)  # after each array, in case the next one is refused
    arrays = list(dict.fromkeys(number.partition("_")[0] for number in jobs))
    console.print(f"SLURM job {' '.join(arrays)}")
    console.print("follow  squeue --me, and scripts/plan.py with the same words for what became of the runs")
    console.print(f"logs    {folder}/*_log.out and *_log.err")
    console.print(f"cancel  scancel {' '.join(arrays)}; submitted again, the runs go on where they were")


def show(arguments: Sequence[str], runs_per_job: int, conf: Path | None = None) -> None:
    """Print what `submit` would give to SLURM: every run with the job that would do it."""
    console = _console()
    found = plan(arguments, conf)
    packs = list(chunks(found.missing, runs_per_job))
    if packs:
        table = Table("job", *packs[0][0][0].swept, "id")
        for number, pack in enumerate(packs):
            for job, _ in pack:
                table.add_row(str(number), *job.swept.values(), job.id)
        console.print(table, markup=False)
    console.print(_summary(found, len(packs)))
    console.print(" ".join(f"{key}={value}" for key, value in found.queue.items() if value), markup=False)


def plan(
    arguments: Sequence[str], conf: Path | None = None, visit: Callable[[Job, DictConfig], None] | None = None
) -> Plan:
    """Expand the words and look up what is done, and what SLURM has already.

    arguments: the words of `train.py -m`, without the option. Those that begin with hydra/launcher or hydra.launcher
        set the queue, which is conf/hydra/launcher/slurm.yaml otherwise.
    conf: a further folder of options, as for `train.py --config-dir`.
    visit: is shown every job with its configuration, as by `sweep.expand`.
    """
    further = search_path(conf)
    words = [*further, *arguments]
    if not any(word.startswith("hydra/launcher=") for word in words):
        words.append("hydra/launcher=slurm")
    of_hydra = [word for word in words if word.lstrip("+").startswith(("hydra.", "hydra/"))]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        launcher = compose("train", of_hydra, return_hydra_config=True).hydra.launcher
        require("partition" in launcher, "hydra/launcher", launcher._target_, "must be slurm, or made of it")
        queue = {
            key: OmegaConf.to_object(value) if OmegaConf.is_config(value) else value
            for key, value in launcher.items()
            if key not in OTHERS
        }
        jobs = list(unique(expand(words, visit)))
        first = compose("train", [*further, *jobs[0].overrides])
    require(not first.force, "force", True, "a finished run is left out here; train.py runs it again")
    outputs = Path(first.paths.outputs)
    queued = in_queue(outputs / "slurm")
    states = {job.id: state(outputs / "runs", job.id, queued) for job in jobs}
    todo = [(job, [*further, *job.overrides]) for job in jobs if states[job.id] in (State.MISSING, State.FAILED)]
    return Plan(Counter(states.values()), todo, outputs, queue)


def keep_code(folder: Path) -> Path:
    """Copy the program and its configuration, which a job then uses however long it waits; returns the folder.

    Code of a user's own, beside the project, is not copied.
    """
    for name in ("snnexp", "conf"):
        shutil.copytree(CONF.parent / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    write_atomically(folder / COMMIT, json.dumps(commit()) + "\n")
    return folder


def chunks(items: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    """The items in order, `size` at a time, and at the end what is left."""
    return (items[start : start + size] for start in range(0, len(items), size))


def _summary(found: Plan, jobs: int) -> str:
    counts = ", ".join(f"{number} {name}" for name, number in found.counts.items())
    to_do = f"{len(found.missing)} to be run, in {jobs} {'job' if jobs == 1 else 'jobs'}" if jobs else "none to be run"
    return f"{found.counts.total()} runs: {counts}; {to_do}"


def _console() -> Console:
    return Console(width=WIDTH, highlight=False, soft_wrap=True)
