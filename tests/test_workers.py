"""Processes of a sweep: what they have imported, and how many threads they take, before they do anything."""

import os
import subprocess
import sys

import pytest

SIDE_BY_SIDE = """
import os, sys
import joblib
from snnexp.workers import prepare

def seen():
    return os.getppid(), "lightning" in sys.modules, os.environ["OMP_NUM_THREADS"]

prepare(2)
assert "torch" not in sys.modules
found = joblib.Parallel(n_jobs=2, batch_size=1)(joblib.delayed(seen)() for _ in range(4))
(parent, imported, threads), = set(found)
assert parent != os.getpid()
print(imported, threads)
"""


@pytest.mark.slow
@pytest.mark.parametrize("told", [None, "3"])
def test_they_are_forked_from_one_that_has_imported_everything(told: str | None) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    environment |= {"OMP_NUM_THREADS": told} if told else {}
    ended = subprocess.run(
        [sys.executable, "-c", SIDE_BY_SIDE], env=environment, capture_output=True, text=True, check=True
    )
    share = max(len(os.sched_getaffinity(0)) // 2, 1)
    assert ended.stdout == f"True {told or share}\n"
