"""Processes that go when the one that started them goes."""

import ctypes
import signal
import sys

DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG


def die_with_parent() -> None:
    """On Linux, have this process killed as soon as the one is dead that started it.

    Else what a killed program has started goes on: it takes cores, and its copy of a lock keeps a run from going on.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DEATH_SIGNAL, signal.SIGKILL)
