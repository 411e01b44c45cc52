"""What a sweep with runs side by side brings, beside one run after another; the start of Python is part of it."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from snnexp.main import CONF

WAYS = {
    "one after another": [],
    "one after another, threads=1": ["threads=1"],
    "hydra/launcher=parallel": ["hydra/launcher=parallel"],
}


def measure(runs: int = 6, overrides: Sequence[str] = ("trainer.max_epochs=6",)) -> list[dict[str, str | float]]:
    """Seconds of a sweep of so many short runs of the default, and how many times as many runs an hour that makes.

    One at a time it is with all cores, and with one; side by side each run has a core. overrides: as on the command
    line.
    """
    rows: list[dict[str, str | float]] = []
    for name, words in WAYS.items():
        seconds = _sweep([f"seed=range({runs})", *words, *overrides])
        first = float(rows[0]["seconds"]) if rows else seconds
        rows.append({"sweep": name, "runs": runs, "seconds": seconds, "throughput": first / seconds})
    return rows


def _sweep(words: Sequence[str]) -> float:
    root = CONF.parent
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(root / "train.py"), "-m", f"paths.outputs={folder}", *words]
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": str(root)})
        return time.perf_counter() - started
