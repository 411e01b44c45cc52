"""A run's folder: what lies in it, who may write to it, and what it says about how the run ended.

config.yaml    the resolved configuration
metrics.jsonl  one line per epoch, appended
env.json       commit, versions, device, threads, seconds, backends
last.ckpt, previous.ckpt   where training can go on;  selected.ckpt: the weights chosen by validation
result.json    written last: its being there means that the run is over (status finished or diverged)
failure.json   the error that ended the last attempt, until an attempt succeeds
"""

import fcntl
import json
import math
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from snnexp.errors import OptionError, UserError
from snnexp.files import append_line, read_lines, write_atomically


class RunningError(UserError):
    """Another live process holds the run."""


class RunFolder:
    """The folder of one run, by its id below `outputs/runs`."""

    def __init__(self, runs: Path, run_id: str) -> None:
        self.runs, self.id = runs, run_id
        self.path = runs / run_id

    @property
    def result(self) -> dict[str, Any] | None:
        """The stored result, or None while the run is not over.

        Raises `UserError` where the file is no result. It is written whole or not at all, so somebody else changed it,
        and to run again in silence would hide that.
        """
        path = self.path / "result.json"
        try:
            content = json.loads(path.read_bytes())
        except FileNotFoundError:
            return None
        except ValueError as error:
            raise UserError(f"{path} is damaged ({error}); without it the run is done again") from error
        if not isinstance(content, dict) or "status" not in content:
            raise UserError(f"{path} is damaged (it has no status); without it the run is done again")
        return content

    @contextmanager
    def claim(self) -> Iterator[None]:
        """Hold the folder for this process; raises `RunningError` while another live process holds it.

        The lock is the kernel's (flock), so a process that dies, however it dies, lets go of it. On network file
        systems that do not pass locks on, two machines may both get it.
        """
        locks = self.runs / ".locks"  # beside the run, which may be moved while it is held
        try:
            locks.mkdir(parents=True, exist_ok=True)
            self.path.mkdir(exist_ok=True)
            lock = (locks / self.id).open("a+")
        except OSError as error:
            right = f"runs can't be written there ({error.strerror})"
            raise OptionError("paths.outputs", self.runs.parent, right) from error
        with lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.seek(0)
                holder = lock.read().strip() or "another process"
                raise RunningError(f"run {self.id} is being run by {holder}; wait for it or stop it") from None
            lock.truncate(0)
            lock.write(f"process {os.getpid()} on {socket.gethostname()}\n")
            lock.flush()
            yield

    def move_aside(self) -> Path:
        """Keep the folder under a name of its own, <id>.old-<n>, and start with an empty one."""
        number = 1
        while (aside := self.runs / f"{self.id}.old-{number}").exists():
            number += 1
        self.path.rename(aside)
        self.path.mkdir()
        return aside

    def write_json(self, name: str, content: dict[str, Any]) -> None:
        write_atomically(self.path / name, json.dumps(_strict(content), indent=2) + "\n")

    def finish(self, result: dict[str, Any]) -> None:
        """The run is over: what earlier attempts failed with no longer matters."""
        self.write_json("result.json", result)
        (self.path / "failure.json").unlink(missing_ok=True)

    def log_metrics(self, line: dict[str, Any]) -> None:
        append_line(self.path / "metrics.jsonl", json.dumps(_strict(line)))

    def cut_metrics(self, step: int) -> None:
        """Forget the lines after a step, when training goes on from there; a step of -1 forgets all."""
        path = self.path / "metrics.jsonl"
        if path.exists():
            kept = [line for line in read_lines(path) if json.loads(line)["step"] <= step]
            write_atomically(path, "".join(f"{line}\n" for line in kept))

    @property
    def metrics(self) -> list[dict[str, Any]]:
        path = self.path / "metrics.jsonl"
        return [json.loads(line) for line in read_lines(path)] if path.exists() else []


def _strict(value: Any) -> Any:
    """JSON has no NaN and no infinity: null stands for both."""
    if isinstance(value, dict):
        return {key: _strict(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_strict(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def summary(lines: list[dict[str, Any]], selected_epoch: int) -> dict[str, float | None]:
    """A run's numbers from its metric lines, each reduction under a name of its own; None where one was not finite.

    val/accuracy                    at the epoch that validation selected (the lowest val/loss)
    val/accuracy/max, /min          of the finite values of all epochs
    val/accuracy/last               at the last epoch
    val/accuracy/mean               of the finite values of all epochs
    val/accuracy/initial            before the first step
    """
    trained = [line for line in lines if line["epoch"] > 0]
    names = sorted({name for line in lines for name in line if "/" in name})
    out: dict[str, float | None] = {}
    for name in names:
        curve = [line[name] for line in trained if name in line]
        finite = [value for value in curve if value is not None]
        for line in trained:
            if line["epoch"] == selected_epoch and name in line:
                out[name] = line[name]
        if finite:
            out |= {f"{name}/min": min(finite), f"{name}/max": max(finite), f"{name}/last": curve[-1]}
            out[f"{name}/mean"] = sum(finite) / len(finite)
        out |= {f"{name}/initial": line[name] for line in lines if line["epoch"] == 0 and name in line}
    return out


COMMIT = "commit.json"  # in a copy of the code: what `commit` said where it was copied


def commit() -> dict[str, Any]:
    """The commit of the code that runs, and whether the tree had changes; unknown where it is not a checkout."""
    root = Path(__file__).resolve().parent.parent
    if (root / COMMIT).exists():
        said: dict[str, Any] = json.loads((root / COMMIT).read_text())
        return said

    def git(*arguments: str) -> str:
        return subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True).stdout

    try:
        return {"commit": git("rev-parse", "HEAD").strip(), "dirty": bool(git("status", "--porcelain").strip())}
    except (OSError, subprocess.CalledProcessError):
        return {"commit": "unknown", "dirty": False}
