"""Weights that change while training goes on: progress in [0, 1] -> weight in [0, 1]."""

from collections.abc import Callable

from snnexp.errors import require

Schedule = Callable[[float], float]


def always(progress: float) -> float:
    """On from the first epoch to the last: weight 1."""
    return 1.0


def first_epochs(progress: float, epochs: int, of: int) -> float:
    """On in the first epochs, weight 1, off in the others. Raises `OptionError` unless there is at least one."""
    require(epochs > 0, "epochs", epochs, "must be at least 1")
    return 1.0 if round(progress * of) < epochs else 0.0


def ramp(progress: float, start: float, end: float) -> float:
    """Off until `start`, growing linearly until `end`, then 1; both are fractions of the training.

    Source: Herranz-Celotti & Rouat (start 1/5, end 3/5). Raises `OptionError` unless 0 <= start < end <= 1.
    """
    require(0 <= start < end <= 1, "start", start, f"must lie in [0, end) with end <= 1; end is {end}")
    return min(max((progress - start) / (end - start), 0.0), 1.0)
