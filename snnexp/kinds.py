"""Whether a value of the configuration can be what a constructor's annotation asks for."""

import types
import typing
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any, Literal

from omegaconf import DictConfig, ListConfig

PLAIN = {int: "an integer", float: "a number", bool: "true or false", str: "a text", type(None): "null"}
LISTS = (list, tuple, Sequence)


def fits(value: Any, hint: Any) -> bool:
    """Whether a value can be meant by an annotation; annotations that say nothing of configurations admit all."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, argument) for argument in arguments)
    if origin is Literal:
        return value in arguments
    if origin in LISTS or hint in LISTS:
        return isinstance(value, ListConfig) and _items_fit(value, arguments)
    if isinstance(value, DictConfig):
        return hint not in PLAIN
    if hint in PLAIN:
        kind = type(value)
        return kind is hint or (kind is int and hint is float)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return isinstance(value, str)
    needs_node = isinstance(hint, type) and hint not in (Any, object, Path)
    return not needs_node and origin not in (Callable, dict, Mapping)


def _items_fit(values: ListConfig, hints: tuple[Any, ...]) -> bool:
    if not hints or hints[-1] is Ellipsis or len(hints) == 1:
        return all(fits(value, hint) for value in values for hint in hints[:1])
    return len(values) == len(hints) and all(map(fits, values, hints))


def describe(hint: Any) -> str:
    """What a value of an annotation looks like on the command line."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(describe, arguments)))
    if origin is Literal:
        return ", ".join(map(str, arguments))
    if origin is tuple and Ellipsis not in arguments:
        return f"a list of {len(arguments)}: {', '.join(map(describe, arguments))}"
    if origin in LISTS:
        return f"a list, each item {describe(arguments[0])}"
    return "a list" if hint in LISTS else PLAIN.get(hint, "a node with a _target_")
