"""What a sweep with runs side by side brings, beside one run after another; the start of Python is part of it."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

from snnexp.main import CONF

ONE_BY_ONE: list[str] = []
SIDE_BY_SIDE = ["hydra/launcher=parallel"]


def measure(runs: int = 6, overrides: Sequence[str] = ()) -> list[dict[str, str | float]]:
    """Seconds of a sweep of so many runs of the default, one at a time with all cores and a core each side by side, and
    how many times as many runs an hour that makes. overrides: as on the command line."""
    rows: list[dict[str, str | float]] = []
    for name, launcher in {"one after another": ONE_BY_ONE, "hydra/launcher=parallel": SIDE_BY_SIDE}.items():
        seconds = _sweep([f"seed=range({runs})", *launcher, *overrides])
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
