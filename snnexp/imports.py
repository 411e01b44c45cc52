"""Imports of large packages, in two thirds of the time."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Within, the garbage collector rests.

    Torch and Lightning make about a million objects while they are imported. All of them stay, and yet the collector
    walks through them again and again, for a second of five.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()
