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


def measure(
    runs: int = 6, epochs: Sequence[int] = (6, 20), overrides: Sequence[str] = ()
) -> list[dict[str, str | float]]:
    """Seconds of a sweep of so many runs of the default, and how many times as many runs an hour that makes.

    One after another they are in one process, first with all cores and then with one; side by side each has a core. All
    that a user waits for is in it, from the typed command to the last line: of short runs the start takes a good part.

    epochs: a sweep for each of these lengths of a run.  overrides: as on the command line.
    """
    rows: list[dict[str, str | float]] = []
    for length in epochs:
        first = None
        for name, words in WAYS.items():
            seconds = _sweep([f"seed=range({runs})", f"trainer.max_epochs={length}", *words, *overrides])
            first = first or seconds
            row: dict[str, str | float] = {"sweep": name, "runs": runs, "epochs": length}
            rows.append({**row, "seconds": seconds, "throughput": first / seconds})
    return rows


def _sweep(words: Sequence[str]) -> float:
    root = CONF.parent
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, str(root / "train.py"), "-m", f"paths.outputs={folder}", *words]
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": str(root)})
        return time.perf_counter() - started
