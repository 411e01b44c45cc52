"""What the jobs of one multirun have come to so far, in a file that the processes of the sweep share."""

import fcntl
import json
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from snnexp.errors import UserError
from snnexp.files import append_line, read_lines
from snnexp.sweep import State


class Entry(NamedTuple):
    """What became of a job. seconds: how long its run took; None where it was not run now."""

    number: int
    state: State
    seconds: float | None = None


class Progress(NamedTuple):
    """Jobs of a sweep by what they have come to; seconds_left is None until one run has ended."""

    done: int
    running: int
    failed: int
    left: int
    seconds_left: float | None

    def __str__(self) -> str:
        counts = f"{self.done} done, {self.running} running, {self.failed} failed, {self.left} left"
        return counts if self.seconds_left is None else f"{counts}, {clock(self.seconds_left)} to go"


class Journal:
    """The lines of `jobs.jsonl` in the folder of a multirun: one where a job starts, one where it ends."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "jobs.jsonl"

    def start(self) -> None:
        """Make the file; raises `UserError` where nothing can be written."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self.path.write_text("")
        except OSError as error:
            where = "the folder of the sweep, which is below paths.outputs"
            raise UserError(f"{self.path.parent}: {where}, can't be written ({error.strerror})") from error

    def note(self, entry: Entry) -> list[Entry]:
        """Add a line; returns the latest entry of every job, this one included."""
        with self.path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            append_line(self.path, json.dumps(entry))
            entries = [Entry(*json.loads(line)) for line in read_lines(self.path)]
        return list({entry.number: entry for entry in entries}.values())


def progress(entries: list[Entry], jobs: int) -> Progress:
    """The sum of a journal, for a sweep of so many jobs.

    The time left is that of the runs which have ended, in the mean, for all that are left, as many at once as now: the
    running ones and the one that has just ended.
    """
    count = Counter(State(entry.state) for entry in entries)
    taken = [entry.seconds for entry in entries if entry.seconds is not None]
    running = count[State.RUNNING]
    left = jobs - len(entries)
    seconds = sum(taken) / len(taken) * (left + running) / (running + 1) if taken else None
    return Progress(count[State.DONE] + count[State.DIVERGED], running, count[State.FAILED], left, seconds)


def clock(seconds: float) -> str:
    """Minutes and seconds, with hours where there are some."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
