"""A multirun, watched: every job checked before the first starts, a line where a run ends, a list of what failed.

Hydra calls this (`hydra.callbacks` in train.yaml). What is raised here it turns into a warning, except SystemExit.
"""

import json
import multiprocessing
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from omegaconf import DictConfig

from snnexp.errors import UserError
from snnexp.journal import Entry, Journal, clock, progress
from snnexp.parent import die_with_parent
from snnexp.results import commit
from snnexp.sweep import Job, State, check_job, expand, state

OVER = (State.DONE, State.DIVERGED)

WIDTH = 100


class SweepCallback(Callback):
    """One object in the process of the sweep, and a copy of it in every process that runs jobs.

    pending: the jobs that are to be run, by number, without what is done already and what another job does.
    commit: of the code with which the sweep was started.
    prepare: called before the first check, where there is anything to be run.
    """

    def __init__(self, prepare: Callable[[], None] = lambda: None) -> None:
        self.prepare = prepare
        self.pending: dict[int, Job] = {}
        self.started: float | None = None
        self.commit: dict[str, Any] = {}

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        with _stopping():
            states: dict[str, State] = {}

            def look(job: Job, composed: DictConfig) -> None:
                if job.id not in states:
                    states[job.id] = state(_runs(config), job.id)
                    if composed.force or states[job.id] not in OVER:
                        if not self.pending:
                            self.prepare()
                        self.pending[job.number] = job
                        check_job(job, composed)

            jobs = expand([*config.hydra.overrides.hydra, *config.hydra.overrides.task], look)
            self.commit = commit()
            Journal(_folder(config)).start()
            _say(_announcement(len(jobs), Counter(states.values()), len(self.pending)))
            if not self.pending:
                raise SystemExit(0)  # to skip the jobs one after the other would take Hydra minutes

    def on_job_start(self, config: DictConfig, **_: Any) -> None:
        if multiprocessing.parent_process() is not None:  # the sweep's own parent is a shell, which may go
            die_with_parent()
        job = self.pending.get(_number(config))
        self.started = None
        if job is not None and (config.force or state(_runs(config), job.id) not in (*OVER, State.RUNNING)):
            self.started = time.monotonic()
            if self.commit != (now := commit()):  # a job of a cluster may have waited for days
                _say(
                    f"{job.label or job.id}: the code is at {_code(now)}, its sweep was started at {_code(self.commit)}"
                )
            Journal(_folder(config)).note(Entry(job.number, State.RUNNING))

    def on_job_end(self, config: DictConfig, job_return: JobReturn, **_: Any) -> None:
        job = self.pending.get(_number(config))
        if job is None:
            return
        outcome = job_return.return_value
        seconds = None if self.started is None else time.monotonic() - self.started
        counted = seconds if outcome.state in OVER else None  # what fails at once says nothing about the others
        entries = Journal(_folder(config)).note(Entry(job.number, outcome.state, counted))
        time_taken = "" if seconds is None else f" in {clock(seconds)}"
        line = f"{progress(entries, len(self.pending))} | {outcome.state}{time_taken}: {job.label or job.id}"
        _say(line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…")
        if outcome.line:
            _say(f"  {outcome.line}")

    def on_multirun_end(self, config: DictConfig, **_: Any) -> None:
        with _stopping():
            failed = 0
            for job in self.pending.values():
                found, folder = state(_runs(config), job.id), _runs(config) / job.id
                if found is State.DIVERGED:
                    _say(f"diverged: {job.label or job.id}  {folder / 'result.json'}")
                elif found not in (State.DONE, State.RUNNING):
                    failed += 1
                    _say(f"failed: {job.label or job.id}  {_error(folder)}")
            if failed:
                raise UserError(f"{failed} of {len(self.pending)} runs failed; the same command tries them again")


@contextmanager
def _stopping() -> Iterator[None]:
    """Within, every error ends the program."""
    try:
        yield
    except UserError as error:
        raise SystemExit(str(error)) from error
    except Exception as error:
        raise SystemExit(traceback.format_exc()) from error


def _code(commit: dict[str, Any]) -> str:
    return f"commit {commit['commit']}{' with changes' if commit['dirty'] else ''}"


def _announcement(jobs: int, states: Counter[State], pending: int) -> str:
    found = ", ".join(f"{states[name]} {name}" for name in State if states[name])
    same = jobs - states.total()
    duplicates = f"; {same} of the {jobs} jobs are the same run as another" if same else ""
    return f"{states.total()} runs: {found}{duplicates}; {pending or 'none'} to be run"


def _error(folder: Path) -> str:
    """What a run failed with, and where to read on."""
    log = folder / "failure.json"
    return f"{json.loads(log.read_text())['error']}  {log}" if log.exists() else f"left no {log}"


def _folder(config: DictConfig) -> Path:
    return Path(config.hydra.sweep.dir)


def _runs(config: DictConfig) -> Path:
    return Path(config.paths.outputs) / "runs"


def _number(config: DictConfig) -> int:
    """The job's number; outside of a multirun there is none, and no job -1."""
    return int(config.hydra.job.get("num", -1))


def _say(line: str) -> None:
    print(line, flush=True)
