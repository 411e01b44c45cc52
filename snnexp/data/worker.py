"""Processes that make batches."""

import ctypes
import signal
import sys

METHOD = "fork" if sys.platform == "linux" else None
"""How they are started; None: as Python does by default. In a process that a sweep has started, that would be a worker
which imports everything for itself."""

SIGNALS = (signal.SIGUSR2, signal.SIGTERM)
DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


def attend(worker: int) -> None:
    """Leave to the main process what a signal to the whole job means; on Linux, die when it dies.

    Else the workers of a killed run live for some seconds, and their copy of its lock keeps it from going on.
    """
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(DIE_WITH_PARENT, signal.SIGKILL)
