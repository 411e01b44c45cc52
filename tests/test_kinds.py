"""What a value of the configuration can be for an annotation, and how that is said."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

import pytest
from omegaconf import OmegaConf
from torch import Tensor

from snnexp.kinds import describe, fits
from snnexp.neurons.constants import Decay


class Colour(StrEnum):
    RED = "red"


KINDS: list[tuple[Any, list[Any], list[Any], str]] = [
    (int, [3, -1], [3.5, True, "3", None, [3], {"a": 1}], "an integer"),
    (float, [3, 3.5], [True, "3", None, [3.0], {"a": 1}], "a number"),
    (bool, [True], [1, "true", None], "true or false"),
    (str, ["a"], [1, None, ["a"], {"a": 1}], "a text"),
    (int | None, [3, None], [3.5, "3"], "an integer or null"),
    (float | Decay, [0.9, {"_target_": "x"}], ["a", None, [1]], "a number or a node with a _target_"),
    (Colour, ["red"], [1, None], "a node with a _target_"),
    (Literal["a", 3], ["a", 3], ["b", 4], "a, 3"),
    (Sequence[int], [[], [1, 2]], [1, [1.5], ["a"], {"a": 1}], "a list, each item an integer"),
    (list[str], [["a"]], [[1], "a"], "a list, each item a text"),
    (tuple[float, float], [[1, 2.0]], [[1], [1, 2, 3], ["a", "b"], 1], "a list of 2: a number, a number"),
    (tuple[int, ...], [[], [1, 2, 3]], [["a"], 1], "a list, each item an integer"),
    (Callable[[Tensor], Tensor], [{"_target_": "x"}], [1, "a", None, [1]], "a node with a _target_"),
    (Tensor, [{"_target_": "x"}], [1, "a", None], "a node with a _target_"),
    (dict[str, int], [{"a": 1}], [1, "a", None], "a node with a _target_"),
    (str | Path, ["a"], [], "a text or a node with a _target_"),
    (Any, [1, "a", None, [1], {"a": 1}], [], "a node with a _target_"),
]


@pytest.mark.parametrize(("hint", "right", "wrong", "said"), KINDS, ids=[str(kind[0]) for kind in KINDS])
def test_kinds(hint: Any, right: list[Any], wrong: list[Any], said: str) -> None:
    for value in right:
        assert fits(OmegaConf.create({"key": value}).key, hint), value
    for value in wrong:
        assert not fits(OmegaConf.create({"key": value}).key, hint), value
    assert describe(hint) == said
