"""The configuration: its top level, the check before anything is built, and building."""

import difflib
import importlib
import inspect
import typing
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields
from functools import partial
from typing import Any

from hydra.core.config_store import ConfigStore
from hydra.errors import InstantiationException
from omegaconf import MISSING, DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from snnexp.errors import OptionError, UserError, require
from snnexp.imports import uncollected
from snnexp.kinds import describe, fits
from snnexp.ranges import RANGES


@dataclass
class Paths:
    """Folders of this machine: `data` holds the published data sets, runs are written below `outputs`."""

    data: str = MISSING
    outputs: str = MISSING


@dataclass
class Identity:
    """Which values make a run another one, see `identity.run_id`."""

    ignore: list[str] = MISSING
    neutral: dict[str, Any] = MISSING


@dataclass
class Config:
    """The keys of the top level. Below them every key is a parameter of the constructor that `_target_` names."""

    sg: Any = MISSING
    dampening: Any = MISSING
    sharpness: Any = MISSING
    init: Any = MISSING
    selt: Any = MISSING
    dataset: Any = MISSING
    augment: Any = MISSING
    neuron: Any = MISSING
    escape: Any = MISSING
    network: Any = MISSING
    readout: Any = MISSING
    loss: Any = MISSING
    learning: Any = MISSING
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
    report: Any = None
    paths: Paths = field(default_factory=Paths)
    allow: list[str] = field(default_factory=list)
    identity: Identity = field(default_factory=Identity)


ConfigStore.instance().store(name="schema", node=Config)

ALLOWED = ("snnexp", "torch", "lightning")
"""Packages that a `_target_` may name; `allow` adds a user's own."""

# What `snnexp.run` gives to the constructors itself, by the node that describes them: no options of a user.
SUPPLIED: dict[str, tuple[str, ...]] = {
    "neuron": ("size",),
    "network": ("inputs", "classes", "neuron", "surrogate", "escape", "backend"),
    "network.output": ("inputs", "size", "classes"),
    "network.output.neuron": ("size",),
    "optimizer": ("params",),
    "scheduler": ("optimizer",),
    "init": ("network", "inputs"),
    "procedure": ("parts", "folder", "ledger"),
    "logger": ("run", "folder", "config", "choices"),
    "trainer": (
        *("callbacks", "logger", "devices", "num_nodes", "plugins", "default_root_dir", "enable_progress_bar"),
        *("enable_model_summary", "enable_checkpointing", "num_sanity_val_steps", "log_every_n_steps"),
    ),
}


def check(config: DictConfig) -> None:
    """Hold the whole configuration against the signatures that it names, before anything is built.

    Raises `UserError` for a top-level key that does not exist, a value that is missing or refers to nothing, a
    `_target_` that does not exist or may not be named, a key that its constructor lacks (also in `_partial_` nodes),
    one that is missing, a value of the wrong kind or out of range. The text names the key, the value and what would be
    right.
    """
    _check_keys("", "the configuration", config, Config)
    _check_keys("paths.", "paths", config.paths, Paths)
    _check_keys("identity.", "identity", config.identity, Identity)
    try:
        OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    except OmegaConfBaseException as error:
        raise UserError(f"{error.full_key}: {str(error).splitlines()[0]}") from error
    check_nodes("", config, config.allow)
    for path, (holds, right) in RANGES.items():
        value = OmegaConf.select(config, path)
        require(value is None or holds(value), path, value, right)


def _check_keys(prefix: str, owner: str, node: DictConfig, schema: type) -> None:
    known = [item.name for item in fields(schema)]
    for name in node:
        if name not in known:
            raise UserError(unknown(prefix, str(name), owner, known))
    for name in known:
        if name not in node:
            raise UserError(f"{prefix}{name} is missing")


def check_nodes(path: str, config: Any, allow: Sequence[str]) -> None:
    """The part of `check` that is about a node, and all inside it, and the constructors that they name."""
    for place, node in nodes(config, path):
        _check_node(place, node, (*ALLOWED, *allow))


def nodes(config: Any, path: str = "") -> Iterator[tuple[str, DictConfig]]:
    """Every node with a `_target_`, with its dotted path."""
    if isinstance(config, DictConfig):
        if "_target_" in config:
            yield path, config
        for key in config:
            yield from nodes(config[key], f"{path}.{key!s}" if path else str(key))
    elif isinstance(config, ListConfig):
        for index, item in enumerate(config):
            yield from nodes(item, f"{path}[{index}]")


COLLECTING = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


def _check_node(path: str, node: DictConfig, allowed: Sequence[str]) -> None:
    name = str(node._target_)
    target, short = locate(path, name, allowed), name.rpartition(".")[2]
    try:
        parameters, hints = _signature(target)
    except (TypeError, ValueError, NameError):  # built in C: it can't be asked, and says itself what it refuses
        return
    given = [str(key) for key in node if not str(key).startswith("_")]
    collects = any(parameter.kind in COLLECTING for parameter in parameters.values())
    options = set(parameters) - set(SUPPLIED.get(path, ()))
    named = {name: item for name, item in parameters.items() if item.kind not in COLLECTING and name in options}
    needed = [name for name, parameter in named.items() if parameter.default is parameter.empty and name not in given]
    for key in given:
        if key not in named and (inspect.isclass(target) or not collects):
            # What a _partial_ node lacks, the program supplies.
            raise UserError(unknown(f"{path}.", key, short, [name for name in named if name not in needed]))
        elsewhere = OmegaConf.is_interpolation(node, key)  # and checked there, under the name that the user gave
        if not elsewhere and not fits(node[key], hints.get(key, Any)):
            raise OptionError(f"{path}.{key}", node[key], f"must be {describe(hints[key])}")
    if needed and not node.get("_partial_", False):
        raise UserError(f"{path}.{needed[0]} is missing: {short} needs it")


def _signature(target: Any) -> tuple[dict[str, inspect.Parameter], dict[str, Any]]:
    """Parameters and annotations of what is called, with those of the base class to which a class passes its ** on."""
    parameters: dict[str, inspect.Parameter] = {}
    hints: dict[str, Any] = {}
    for owner in target.__mro__ if inspect.isclass(target) else [target]:
        own = inspect.signature(owner).parameters
        parameters = {**own, **parameters}
        hints = {**typing.get_type_hints(owner.__init__ if inspect.isclass(owner) else owner), **hints}
        if all(parameter.kind is not parameter.VAR_KEYWORD for parameter in own.values()):
            break
    return parameters, hints


def locate(path: str, target: str, allowed: Sequence[str]) -> Any:
    """The object that a `_target_` names; raises `UserError` where it may not be named or does not exist."""
    if "." not in target:
        raise UserError(
            f"{path}._target_={target}: must be a module and a name in it, such as snnexp.surrogates.gaussian"
        )
    if target.split(".")[0] not in allowed:
        raise UserError(
            f"{path}._target_={target}: only {', '.join(allowed)} may be named; "
            f"for code of your own add allow=[{target.split('.')[0]}]"
        )
    parts = target.split(".")
    for cut in range(len(parts) - 1, 0, -1):
        module = ".".join(parts[:cut])
        try:
            with uncollected():
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


def build(node: Any) -> Any:
    """Make the object that a node describes (or, for `_partial_`, what will make it). The one place that does so.

    As Hydra's `instantiate` does; but a partial of that goes through Hydra's rules whenever it is called, which takes
    longer than a surrogate, called a hundred times a step, takes for its values. `check` says what may be named.

    Raises what the constructor says a user can mend (`UserError`); any other error of it as `InstantiationException`.
    """
    if isinstance(node, ListConfig):
        return [build(item) for item in node]
    if not isinstance(node, DictConfig):
        return node
    if "_target_" not in node:
        return {key: build(node[key]) for key in node}
    given = {str(key): build(node[key]) for key in node if not str(key).startswith("_")}
    name = str(node._target_)
    target = locate("", name, [name.split(".")[0]])
    if node.get("_partial_", False):
        return partial(target, **given)
    try:
        return target(**given)
    except UserError:
        raise
    except Exception as error:
        raise InstantiationException(f"{name}: {error!r}") from error


def explain(config: DictConfig, error: OptionError) -> str:
    """The error's line, with the place in the configuration from which the refused value came, where there is one.

    A place is a key of the option's name, or one inside it (`neuron.threshold.mean` for `threshold`).
    """
    places = {path: value for path, value in _leaves(config) if error.option in path.split(".")}
    same = [path for path, value in places.items() if value == error.value]
    owners = {path[: path.rindex(error.option)] for path in same}
    return str(OptionError(same[0], places[same[0]], error.right)) if len(owners) == 1 else str(error)


def _leaves(config: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(config, DictConfig):
        for key in config:
            inner = f"{path}.{key!s}" if path else str(key)
            yield inner, config[key]
            yield from _leaves(config[key], inner)
    elif isinstance(config, ListConfig):
        for index, item in enumerate(config):
            yield from _leaves(item, f"{path}[{index}]")


def unknown(prefix: str, key: str, owner: str, known: Sequence[str]) -> str:
    """The line for a key or option that does not exist, with the nearest and all that do."""
    return f"{prefix}{key}: {owner} has no such option{_nearest(key, known)}; it has: {', '.join(known) or 'none'}"


def _nearest(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f", did you mean {close[0]}?" if close else ""
