"""Processes that make batches."""

import signal
import sys

from snnexp.parent import die_with_parent

METHOD = "fork" if sys.platform == "linux" else None
"""How they are started; None: as Python does by default. In a process that a sweep has started, that would be a worker
which imports everything for itself."""

SIGNALS = (signal.SIGUSR2, signal.SIGTERM)


def attend(worker: int) -> None:
    """Leave to the main process what a signal to the whole job means, and die with it."""
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    die_with_parent()
