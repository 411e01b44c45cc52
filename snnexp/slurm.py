"""What SLURM is asked and given, through its commands and submitit."""

import contextlib
import io
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from hydra_plugins.hydra_submitit_launcher.config import BaseQueueConf  # type: ignore[import-untyped]
from submitit import AutoExecutor
from submitit.core.utils import FailedJobError

from snnexp.errors import UserError
from snnexp.files import write_atomically

JOBS = "jobs.json"  # in the folder of a submission: the runs of each job, {job: [run, ...]}


def record(folder: Path, jobs: dict[str, list[str]]) -> None:
    """Write down which runs the jobs of a submission will do."""
    write_atomically(folder / JOBS, json.dumps(jobs, indent=2) + "\n")


def in_queue(submissions: Path) -> set[str]:
    """The runs, of any earlier submission, whose job waits or runs; SLURM itself is asked.

    (The locks that running processes hold are not seen on other machines where the file system does not pass them on.)
    """
    recorded = [json.loads(file.read_text()) for file in submissions.glob(f"*/{JOBS}")]
    alive = set(_ask("squeue", "--me", "--noheader", "--array", "--format=%i").split()) if recorded else set()
    return {run for jobs in recorded for job, runs in jobs.items() if job in alive for run in runs}


def hand_over(folder: Path, queue: dict[str, Any], code: Path, work: Sequence[Callable[[], None]]) -> list[str]:
    """Give SLURM one job for each piece of work, as one array; returns their numbers, <array>_<n> or <job>.

    folder: for the logs, and what submitit needs; the nodes must see it.
    queue: keys of conf/hydra/launcher/slurm.yaml.
    code: the folder from which the jobs import the project; their working directory is the present one.
    Raises `UserError` with what SLURM says, where it refuses.
    """
    # -P: the working directory may hold another state of the project, so it comes second.
    places = [str(code), os.getcwd(), *filter(None, [os.environ.get("PYTHONPATH")])]
    python = f"env PYTHONPATH={shlex.quote(os.pathsep.join(places))} {shlex.quote(sys.executable)} -P"
    general = {item.name for item in fields(BaseQueueConf)}  # keys that submitit has for every kind of queue
    named = {key if key in general else f"slurm_{key}": value for key, value in queue.items() if value is not None}
    timeouts = named.pop("slurm_max_num_timeout")
    executor = AutoExecutor(folder, cluster="slurm", slurm_max_num_timeout=timeouts, slurm_python=python)
    executor.update_parameters(**named)
    try:
        with contextlib.redirect_stderr(io.StringIO()), executor.batch():  # it prints what it then raises
            jobs = [executor.submit(piece) for piece in work]
    except FailedJobError as error:
        raise UserError(f"SLURM takes no such jobs: {' '.join(str(error).split())}") from error
    return [job.job_id for job in jobs]


def largest_array() -> int:
    """How many jobs an array of this cluster may have (MaxArraySize)."""
    found = re.search(r"^MaxArraySize\s*=\s*(\d+)", _ask("scontrol", "show", "config"), re.MULTILINE)
    if found is None:
        raise UserError("scontrol show config names no MaxArraySize")
    return int(found[1])


def _ask(program: str, *arguments: str) -> str:
    if shutil.which(program) is None:
        raise UserError(f"{program} is not there: scripts/submit.py needs a machine from which SLURM takes jobs")
    answer = subprocess.run([program, *arguments], capture_output=True, text=True)
    if answer.returncode != 0:
        raise UserError(f"{program} failed: {' '.join(answer.stderr.split())}")
    return answer.stdout
