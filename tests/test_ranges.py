"""The ranges of keys: ends belong to them or not, and what is of another kind is for the annotation to refuse."""

from math import inf, nan
from typing import Any

import pytest

from snnexp.ranges import RANGES

SHARES = ["trainer.limit_train_batches", "trainer.limit_val_batches"]
RIGHT: list[tuple[str, list[Any]]] = [
    ("seed", [0, 2**32 - 1]),
    ("threads", [1, 64]),
    ("optimizer.lr", [1e-9, 10]),
    ("optimizer.weight_decay", [0, 0.1]),
    ("trainer.max_epochs", [1]),
    ("trainer.gradient_clip_val", [0, 1.0]),
    *((key, [0.01, 1.0, 1, 7]) for key in SHARES),
    ("trainer.accelerator", ["auto", "cpu", "gpu"]),
    ("trainer.profiler", ["simple", "advanced"]),
    *((key, ["data", "/data", "a~b"]) for key in ("paths.data", "paths.outputs")),
]
WRONG: list[tuple[str, list[Any]]] = [
    ("seed", [-1, 2**32]),
    ("threads", [0, -2]),
    ("optimizer.lr", [0, -1e-3, inf, nan]),
    ("optimizer.weight_decay", [-1e-9]),
    ("trainer.max_epochs", [0]),
    ("trainer.gradient_clip_val", [-1]),
    *((key, [0, 0.0, -1, 1.5]) for key in SHARES),
    ("trainer.accelerator", ["tpu", ""]),
    ("trainer.profiler", ["torch"]),
    *((key, ["~", "~/data"]) for key in ("paths.data", "paths.outputs")),
]


@pytest.mark.parametrize(("values", "right"), [(RIGHT, True), (WRONG, False)])
def test_ends(values: list[tuple[str, list[Any]]], right: bool) -> None:
    assert {key for key, _ in values} == set(RANGES)
    for key, each in values:
        assert [RANGES[key][0](value) for value in each] == [right] * len(each), key
