"""A sweep, expanded into its runs without running or building anything."""

import json
from collections.abc import Callable, Iterator, Sequence
from enum import StrEnum
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

from hydra import compose
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from snnexp.errors import UserError
from snnexp.identity import run_id


class State(StrEnum):
    """What the folder of a run says of it."""

    DONE = "done"
    DIVERGED = "diverged"
    RUNNING = "running"
    FAILED = "failed"
    MISSING = "missing"


class Job(NamedTuple):
    """One run of a sweep. swept: the values that differ from job to job, by key, as they were written."""

    number: int
    overrides: tuple[str, ...]
    swept: dict[str, str]
    id: str


def expand(arguments: Sequence[str], visit: Callable[[Job, DictConfig], None] | None = None) -> list[Job]:
    """The jobs of a command line, in the order in which Hydra's basic sweeper runs them.

    An experiment's own sweep (`hydra.sweeper.params`) is taken in; a word of the command line replaces the same key
    there. The configuration is composed once per combination of options, and single values are then set in it, job
    after job, which gives the same and is some forty times faster. Hydra must be initialised.
    visit: is shown every job with its configuration, which is that of the next job afterwards.
    Raises `UserError` that names the job and the key where a job does not compose.
    """
    given = _parse(arguments)
    single = [override.input_line for override in given if not override.is_sweep_override() and override.input_line]
    params = compose("train", single, return_hydra_config=True).hydra.sweeper.params or {}
    words = _parse([f"{key}={value}" for key, value in params.items()] + list(arguments))
    choices = {word.get_key_element(): _values(word) for word in words}  # a later word replaces an earlier one
    sweeping = {key for key, values in choices.items() if len(values) > 1}
    composed: dict[tuple[str, ...], DictConfig] = {}
    jobs = []
    for number, values in enumerate(product(*choices.values())):
        overrides = tuple(f"{key}={value}" for key, value in zip(choices, values, strict=True))
        try:
            config = _config(overrides, composed)
        except (HydraException, OmegaConfBaseException) as error:
            raise UserError(f"job {number} ({' '.join(overrides)}): {' '.join(str(error).split())}") from None
        swept = {key.lstrip("+"): value for key, value in zip(choices, values, strict=True) if key in sweeping}
        jobs.append(Job(number, overrides, swept, run_id(config)))
        if visit is not None:
            visit(jobs[-1], config)
    return jobs


def state(runs: Path, run: str) -> State:
    """What became of a run so far, from its files and the lock that a living process holds."""
    folder = runs / run
    try:
        return State.DIVERGED if _status(folder) == "diverged" else State.DONE
    except FileNotFoundError:
        pass
    if is_locked(runs, run):
        return State.RUNNING
    return State.FAILED if (folder / "failure.json").exists() else State.MISSING


def is_locked(runs: Path, run: str) -> bool:
    """Whether a living process holds the run."""
    import fcntl

    try:
        lock = (runs / ".locks" / run).open()
    except FileNotFoundError:
        return False
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def _status(folder: Path) -> str:
    result: dict[str, Any] = json.loads((folder / "result.json").read_text())
    return str(result["status"])


def _parse(words: Sequence[str]) -> list[Override]:
    return list(OverridesParser.create().parse_overrides(list(words)))


def _values(word: Override) -> list[str]:
    if word.is_sweep_override():
        return [str(value) for value in word.sweep_string_iterator()]
    return [word.get_value_element_as_str()]


def _config(overrides: tuple[str, ...], composed: dict[tuple[str, ...], DictConfig]) -> DictConfig:
    options = tuple(word for word in overrides if not _is_value(word))
    if options not in composed:
        composed[options] = compose("train", list(options))
    config = composed[options]  # every job of a sweep sets the same keys, so nothing of the job before is left
    for word in overrides:
        if _is_value(word):
            OmegaConf.update(config, word.partition("=")[0], _value(word), merge=False)
    return config


@cache
def _value(word: str) -> Any:
    (override,) = _parse([word])
    return override.value()


def _is_value(word: str) -> bool:
    """Whether a word sets a value inside a node, and does not choose an option, add or remove a key."""
    key = word.partition("=")[0]
    if key[0] in "+~" or "@" in key or "/" in key or key.startswith("hydra."):
        return False
    return "." in key or key in _SCALARS


_SCALARS = ("seed", "force", "backend", "threads", "progress", "allow")


def unique(jobs: Sequence[Job]) -> Iterator[Job]:
    """The jobs without those that would be the same run as an earlier one."""
    seen: set[str] = set()
    for job in jobs:
        if job.id not in seen:
            seen.add(job.id)
            yield job
