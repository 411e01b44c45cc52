"""A sweep, expanded into its runs without running or building anything."""

import fcntl
from collections.abc import Callable, Iterator, Sequence, Set
from enum import StrEnum
from functools import cache
from itertools import pairwise, product
from pathlib import Path
from typing import Any, NamedTuple, Self

from hydra import compose
from hydra._internal.config_repository import CachingConfigRepository
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from snnexp.config import check
from snnexp.errors import UserError
from snnexp.identity import run_id
from snnexp.main import one_line
from snnexp.results import RunFolder


class State(StrEnum):
    """What became of a run; all but QUEUED, which SLURM is asked for, is read from its folder."""

    DONE = "done"
    DIVERGED = "diverged"
    RUNNING = "running"
    QUEUED = "in the queue"
    FAILED = "failed"
    MISSING = "missing"


class Outcome(NamedTuple):
    """What became of a job of a sweep; line says why, where it is not done.

    (Here, because it travels between processes, and the one that waits for the others has no need of torch.)
    """

    state: State
    line: str = ""


class Job(NamedTuple):
    """One run of a sweep. swept: the values that differ from job to job, by key, as they were written."""

    number: int
    overrides: tuple[str, ...]
    swept: dict[str, str]
    id: str

    @property
    def label(self) -> str:
        return " ".join(f"{key}={value}" for key, value in self.swept.items())

    @property
    def place(self) -> str:
        """Where in the sweep a mistake is."""
        return f"job {self.number} ({self.label})" if self.swept else f"job {self.number}"


def expand(arguments: Sequence[str], visit: Callable[[Job, DictConfig], None] | None = None) -> list[Job]:
    """The jobs of a command line, in the order in which Hydra's basic sweeper runs them.

    An experiment's own sweep (`hydra.sweeper.params`) is taken in; a word of the command line replaces the same key
    there. The configuration is composed once per combination of options, and single values are then set in it, job
    after job, which gives the same and is some forty times faster. Hydra must be initialised.
    visit: is shown every job with its configuration, which is that of the next job afterwards.
    Raises `UserError` that names the job and the key where a job does not compose.
    """
    loader: Any = GlobalHydra.instance().config_loader()
    repository = loader.repository
    loader.repository = _Files(repository)
    try:
        return _expand(arguments, visit)
    finally:
        loader.repository = repository


def _expand(arguments: Sequence[str], visit: Callable[[Job, DictConfig], None] | None) -> list[Job]:
    given = _parse(arguments)
    hydras = tuple(str(word.input_line) for word in given if word.is_hydra_override())  # where to find files, and so on
    single = [str(word.input_line) for word in given if not word.is_sweep_override()]
    params = compose("train", single, return_hydra_config=True).hydra.sweeper.params or {}
    own = [str(word.input_line) for word in given if not word.is_hydra_override()]
    words = _parse([f"{key}={value}" for key, value in params.items()] + own)
    choices = {word.get_key_element(): _values(word) for word in words}  # a later word replaces an earlier one
    sweeping = {key for key, values in choices.items() if len(values) > 1}
    composed: dict[tuple[str, ...], DictConfig] = {}
    jobs = []
    for number, values in enumerate(product(*choices.values())):
        overrides = tuple(f"{key}={value}" for key, value in zip(choices, values, strict=True))
        swept = {key.lstrip("+"): value for key, value in zip(choices, values, strict=True) if key in sweeping}
        try:
            config = _config(hydras, overrides, composed)
        except (HydraException, OmegaConfBaseException) as error:
            line = one_line(error, [*hydras, *overrides])
            raise UserError(f"{Job(number, overrides, swept, '').place}: {line}") from error
        jobs.append(Job(number, overrides, swept, run_id(config)))
        if visit is not None:
            visit(jobs[-1], config)
    return jobs


def check_job(job: Job, config: DictConfig) -> None:
    """Check a job's configuration; raises `UserError` that names the job."""
    try:
        check(config)
    except UserError as error:
        raise UserError(f"{job.place}: {error}") from error


def state(runs: Path, run: str, queued: Set[str] = frozenset()) -> State:
    """What became of a run so far, from its files and the lock that a living process holds.

    queued: the runs that wait in a queue, or that it is running on a machine whose locks may not be seen here.
    A `result.json` that is none counts as failed: nobody writes one but by accident, and the run, when it is asked for
    again, says what to do about it.
    """
    folder = RunFolder(runs, run)
    try:
        result = folder.result
    except UserError:
        return State.FAILED
    if is_locked(runs, run):  # also where a finished run is being done again
        return State.RUNNING
    if result is not None:
        return State.DIVERGED if result["status"] == "diverged" else State.DONE
    if run in queued:
        return State.QUEUED
    return State.FAILED if (folder.path / "failure.json").exists() else State.MISSING


def is_locked(runs: Path, run: str) -> bool:
    """Whether a living process holds the run."""
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


class _Files(CachingConfigRepository):
    """Hydra's configuration files, read once for all compositions of a sweep.

    Hydra reads them anew for each, into a copy of the repository; here the copy is the same one. All jobs of a sweep
    have the same search path, so what has been read stays right.
    """

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self


def _parse(words: Sequence[str]) -> list[Override]:
    return OverridesParser.create(GlobalHydra.instance().config_loader()).parse_overrides(list(words))


def _values(word: Override) -> list[str]:
    if not word.is_sweep_override():
        return [word.get_value_element_as_str()]
    if not word.is_discrete_sweep():
        raise UserError(f"{word.input_line}: a sweep lists its values, as 1,2 or range(3) or glob(*)")
    return [str(value) for value in word.sweep_string_iterator()]


def _config(
    hydras: tuple[str, ...], overrides: tuple[str, ...], composed: dict[tuple[str, ...], DictConfig]
) -> DictConfig:
    options = tuple(word for word in overrides if not _is_value(word))
    values = [word for word in overrides if _is_value(word)]
    if _overlap(overrides):
        return compose("train", [*hydras, *overrides])
    if options not in composed:
        composed[options] = compose("train", [*hydras, *options])
    config = composed[options]  # every job of a sweep sets the same keys, so nothing of the job before is left
    for word in values:
        try:
            OmegaConf.update(config, word.partition("=")[0], _value(word))
        except OmegaConfBaseException:
            compose("train", [*hydras, *overrides])  # for the error as Hydra words it, which `one_line` knows
            raise
    return config


def _overlap(overrides: Sequence[str]) -> bool:
    """Whether a word sets something inside what another one sets, so that their order matters."""
    keys = (word.partition("=")[0] for word in overrides if not _is_option(word))
    paths = sorted(key.lstrip("+~").split(".") for key in keys)
    return any(inner[: len(outer)] == outer for outer, inner in pairwise(paths))


@cache
def _value(word: str) -> Any:
    (override,) = OverridesParser.create().parse_overrides([word])
    return override.value()


def _is_option(word: str) -> bool:
    """Whether a word may choose an option of a group: no prefix, no path to a value, and a plain name."""
    key = word.partition("=")[0]
    return key[0] not in "+~" and "." not in key and key not in _SCALARS and not isinstance(_value(word), dict | list)


def _is_value(word: str) -> bool:
    """Whether a word replaces a value: it does not choose an option, add or remove a key, or merge into a node."""
    key = word.partition("=")[0]
    if key[0] in "+~" or "@" in key or "/" in key or isinstance(_value(word), dict):
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
