"""A quantity that is computed, without data, layers or training."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor

from snnexp.procedures import curves


class Computed(NamedTuple):
    """What was found: numbers by name (not a number where there is none), and whole curves or maps by name."""

    metrics: dict[str, float]
    curves: dict[str, Tensor]


def analytic(parts: object, folder: Path, ledger: object, quantity: Callable[[], Computed]) -> dict[str, Any]:
    """Compute a quantity; its numbers are the run's metrics, its curves lie in `curves.npz`."""
    found = quantity()
    curves.save(folder, found.curves)
    return {"status": "finished", "metrics": found.metrics}
