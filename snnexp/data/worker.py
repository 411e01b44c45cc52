"""Processes that make batches."""

import signal
import sys

from snnexp.parent import die_with_parent
from snnexp.signals import BEFORE_KILL

METHOD = "fork" if sys.platform == "linux" else None
"""How they are started; None: as Python does by default. In a process that a sweep has started, that would be a worker
which imports everything for itself."""


def attend(worker: int) -> None:
    """Leave to the main process what a signal to the whole job means, and die with it."""
    for number in BEFORE_KILL:
        signal.signal(number, signal.SIG_IGN)
    die_with_parent()
