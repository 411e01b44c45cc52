"""The configuration: its top level, the check before anything is built, and building."""

import difflib
import importlib
import inspect
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import Enum
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.utils import instantiate
from omegaconf import MISSING, DictConfig, ListConfig, OmegaConf

from snnexp.errors import OptionError, UserError, require


@dataclass
class Config:
    """The keys of the top level. Below them every key is a parameter of the constructor that `_target_` names."""

    sg: Any = MISSING
    dampening: Any = MISSING
    sharpness: Any = MISSING
    init: Any = MISSING
    selt: Any = MISSING
    dataset: Any = MISSING
    neuron: Any = MISSING
    escape: Any = MISSING
    network: Any = MISSING
    readout: Any = MISSING
    loss: Any = MISSING
    optimizer: Any = MISSING
    scheduler: Any = MISSING
    trainer: Any = MISSING
    procedure: Any = MISSING
    logger: Any = MISSING
    seed: int = 0
    force: bool = False
    backend: str = "auto"
    threads: int | None = None
    progress: bool = True
    paths: Any = MISSING
    allow: list[str] = field(default_factory=list)
    identity: Any = MISSING


ConfigStore.instance().store(name="schema", node=Config)

ALLOWED = ("snnexp", "torch", "lightning", "hydra")
"""Packages that a `_target_` may name; `allow` adds a user's own."""

# Ranges of the keys that all options of a group share; what one option alone has, its constructor checks.
_POSITIVE: Callable[[Any], bool] = lambda value: value > 0  # noqa: E731
_NOT_NEGATIVE: Callable[[Any], bool] = lambda value: value >= 0  # noqa: E731
RANGES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "seed": (_NOT_NEGATIVE, "must be an integer of at least 0"),
    "threads": (_POSITIVE, "must be at least 1"),
    "optimizer.lr": (_POSITIVE, "a learning rate is greater than 0"),
    "optimizer.weight_decay": (_NOT_NEGATIVE, "must not be negative"),
    "trainer.max_epochs": (_POSITIVE, "must be at least 1"),
    "trainer.gradient_clip_val": (_NOT_NEGATIVE, "must not be negative; null switches clipping off"),
}


def check(config: DictConfig) -> None:
    """Hold the whole configuration against the signatures that it names, before anything is built.

    Raises `UserError` for a top-level key that does not exist, a `_target_` that does not exist or may not be named, a
    key that its constructor lacks (also in `_partial_` nodes), one that is missing, a value of the wrong kind or out of
    range. The text names the key, the value and what would be right.
    """
    known = [item.name for item in fields(Config)]
    for name in config:
        if name not in known:
            raise UserError(unknown("", str(name), "the configuration", known))
    for path, node in nodes(config):
        _check_node(path, node, (*ALLOWED, *config.allow))
    for path, (holds, right) in RANGES.items():
        value = OmegaConf.select(config, path)
        if isinstance(value, int | float):
            require(holds(value), path, value, right)


def nodes(config: Any, path: str = "") -> Iterator[tuple[str, DictConfig]]:
    """Every node with a `_target_`, with its dotted path."""
    if isinstance(config, DictConfig):
        if "_target_" in config:
            yield path, config
        for key in config:
            yield from nodes(config[key], f"{path}.{key}" if path else str(key))
    elif isinstance(config, ListConfig):
        for index, item in enumerate(config):
            yield from nodes(item, f"{path}[{index}]")


def _check_node(path: str, node: DictConfig, allowed: Sequence[str]) -> None:
    target = locate(path, node._target_, allowed)
    short = node._target_.rpartition(".")[2]
    try:
        parameters = inspect.signature(target).parameters
        hints = typing.get_type_hints(target.__init__ if inspect.isclass(target) else target)
    except (TypeError, ValueError, NameError):  # built in C: it can't be asked, and says itself what it refuses
        return
    given = [str(key) for key in node if not str(key).startswith("_")]
    for key in given:
        if key not in parameters:
            raise UserError(unknown(f"{path}.", key, short, list(parameters)))
        value = node[key]
        if not isinstance(value, DictConfig) and not _fits(value, hints.get(key, Any)):
            raise OptionError(f"{path}.{key}", value, f"must be {_describe(hints[key])}")
    if not node.get("_partial_", False):
        for name, parameter in parameters.items():
            if parameter.default is parameter.empty and parameter.kind.name != "VAR_KEYWORD" and name not in given:
                raise UserError(f"{path}.{name} is missing: {short} needs it")


def locate(path: str, target: str, allowed: Sequence[str]) -> Any:
    """The object that a `_target_` names; raises `UserError` where it may not be named or does not exist."""
    if target.split(".")[0] not in allowed:
        raise UserError(
            f"{path}._target_={target}: only {', '.join(allowed)} may be named; "
            f"for code of your own add allow=[{target.split('.')[0]}]"
        )
    parts = target.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:cut])
        try:
            found = importlib.import_module(module)
        except ModuleNotFoundError as error:
            if error.name is not None and (module + ".").startswith(error.name + "."):
                continue
            raise
        for name in parts[cut:]:
            if not hasattr(found, name):
                raise UserError(f"{path}._target_={target}: {module} has no {name}{_nearest(name, dir(found))}")
            found = getattr(found, name)
        return found
    raise UserError(f"{path}._target_={target}: there is no such module")


def build(node: Any, **arguments: Any) -> Any:
    """Make the object that a node describes (or, for `_partial_`, what will make it). The one place that does so."""
    extra: dict[str, Any] = {}
    if "_execution_whitelist_" in inspect.signature(instantiate).parameters:  # Hydra 1.4; `check` does it on 1.3
        extra["_execution_whitelist_"] = "*"
    return instantiate(node, **arguments, **extra, _convert_="all")


def explain(config: DictConfig, error: OptionError) -> str:
    """The error's line, with the place in the configuration from which the refused value came, where there is one."""
    places = [path for path, value in _leaves(config) if path.rpartition(".")[2] == error.option]
    same = [path for path in places if OmegaConf.select(config, path) == error.value] or places
    return f"{same[0]}={error.value}: {error.right}" if len(same) == 1 else str(error)


def _leaves(config: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(config, DictConfig):
        for key in config:
            inner = f"{path}.{key}" if path else str(key)
            yield inner, config[key]
            yield from _leaves(config[key], inner)


def unknown(prefix: str, key: str, owner: str, known: Sequence[str]) -> str:
    """The line for a key or option that does not exist, with the nearest and all that do."""
    names = [name for name in known if name not in ("args", "kwargs", "self")]
    return f"{prefix}{key}: {owner} has no such option{_nearest(key, names)}; it has: {', '.join(names) or 'none'}"


def _nearest(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f", did you mean {close[0]}?" if close else ""


def _fits(value: Any, hint: Any) -> bool:
    """Whether a plain value can be meant by an annotation; kinds that a configuration can't hold are left alone."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(_fits(value, argument) for argument in arguments)
    if hint is type(None) or value is None:
        return value is None and hint in (type(None), Any, object, inspect.Parameter.empty)
    if hint in (int, float, bool, str):
        if isinstance(value, bool):
            return hint is bool
        return isinstance(value, int | float if hint is float else hint)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return isinstance(value, str)
    if origin in (list, tuple, Sequence) or hint in (list, tuple):
        return isinstance(value, ListConfig)
    if origin in (dict, Mapping) or origin is Callable or _is_own_class(hint):
        return False
    return True


def _is_own_class(hint: Any) -> bool:
    return isinstance(hint, type) and hint.__module__.startswith("snnexp")


def _describe(hint: Any) -> str:
    names = {int: "an integer", float: "a number", bool: "true or false", str: "a text", type(None): "null"}
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return " or ".join(dict.fromkeys(_describe(argument) for argument in arguments))
    if typing.get_origin(hint) in (list, tuple, Sequence):
        return "a list"
    return names.get(hint, "a node with a _target_")
