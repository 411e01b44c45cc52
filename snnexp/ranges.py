"""What values mean beyond their kind: ranges of keys that no constructor checks in time."""

from collections.abc import Callable
from math import inf
from typing import Any

Range = tuple[Callable[[Any], bool], str]
"""Whether a value is right, and what would be."""


def _number(holds: Callable[[Any], bool], right: str) -> Range:
    return lambda value: isinstance(value, int | float) and holds(value), right


def _one_of(*names: str) -> Range:
    return lambda value: not isinstance(value, str) or value in names, f"must be one of {', '.join(names)}"


_SHARE = _number(
    lambda value: value > 0 and (isinstance(value, int) or value <= 1),
    "must be a share in (0, 1.0] or a number of batches of at least 1",
)

_PLACE: Range = (lambda value: not str(value).startswith("~"), "must be written out, or with ${oc.env:HOME} for ~")

RANGES: dict[str, Range] = {
    "seed": _number(lambda value: 0 <= value < 2**32, "must lie in [0, 2^32)"),
    "threads": _number(lambda value: value > 0, "must be at least 1"),
    "optimizer.lr": _number(lambda value: 0 < value < inf, "a learning rate is finite and greater than 0"),
    "optimizer.weight_decay": _number(lambda value: value >= 0, "must not be negative"),
    "trainer.max_epochs": _number(lambda value: value > 0, "must be at least 1"),
    "trainer.gradient_clip_val": _number(lambda value: value >= 0, "must not be negative; null: no clipping"),
    "trainer.limit_train_batches": _SHARE,
    "trainer.limit_val_batches": _SHARE,
    "trainer.accelerator": _one_of("auto", "cpu", "gpu"),
    "trainer.profiler": _one_of("simple", "advanced"),
    "paths.data": _PLACE,
    "paths.outputs": _PLACE,
}
"""Keys that all options of a group share, or that Lightning checks late. Null is for the annotation to refuse."""
