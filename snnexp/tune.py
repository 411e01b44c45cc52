"""Search beyond grids: optuna proposes the values, and every trial is an ordinary run."""

import fcntl
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import optuna
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import TrialState
from rich.console import Console

from snnexp.config import check, unknown
from snnexp.errors import UserError
from snnexp.identity import run_id
from snnexp.main import CONF
from snnexp.run import execute
from snnexp.sweep import is_locked

Space = dict[str, FloatDistribution | IntDistribution | CategoricalDistribution]
Direction = Literal["maximize", "minimize"]

NUMBERS = re.compile(r"(?P<form>uniform|loguniform|integer)\((?P<low>[^,]+),(?P<high>[^,]+)\)")
SAID = {TrialState.COMPLETE: "finished", TrialState.PRUNED: "diverged", TrialState.FAIL: "failed"}


class Search(NamedTuple):
    """What is searched. others: the words of the command line that all trials share."""

    space: Space
    others: list[str]
    metric: str

    def overrides(self, values: Mapping[str, Any]) -> list[str]:
        return [*self.others, *(f"{key}={values[key]}" for key in self.space)]


def tune(words: Sequence[str], metric: str, direction: Direction, trials: int, path: Path, console: Console) -> None:
    """Search until the study in a file has so many trials, those of earlier calls among them; say which is best.

    words: of these, key=loguniform(a,b), uniform(a,b), integer(a,b) and choice(a,b,...) are searched by a
    tree-structured Parzen estimator; the others hold for all trials. metric: a name in result.json, at the weights
    that validation selected if it has no further suffix. direction: maximize or minimize.

    A trial whose run diverges is told to optuna as worse than all others (pruned), one that fails as failed. A trial
    that was under way when its process ended is gone on with. What is proposed is a function of the trials before, so
    a search that was killed proposes the same as one that was not. Raises `UserError` where the words can't be used
    anywhere in the space, or the study was made with others.
    """
    search = Search(*parse(words), metric)
    with initialize_config_dir(str(CONF), version_base="1.3"), opened(path, metric, direction) as study:
        _check(search)
        _hold_to_question(study, search, path)
        while (trial := _next(study, search.space, trials)) is not None:
            state = _run(study, search, *trial, console)
            console.print(f"trial {trial[0]} {state}", highlight=False, soft_wrap=True)
        _show_best(study, search, console)


def parse(words: Sequence[str]) -> tuple[Space, list[str]]:
    """Take the words that span the space from those that hold for all trials."""
    space: Space = {}
    others = []
    for word in words:
        key, _, value = word.partition("=")
        if numbers := NUMBERS.fullmatch(value):
            space[key] = _numbers(word, **numbers.groupdict())
            continue
        override = OverridesParser.create().parse_override(word)
        if override.is_discrete_sweep():
            space[key] = CategoricalDistribution(list(override.sweep_string_iterator()))
        elif override.is_sweep_override():
            raise UserError(f"{word}: must be uniform(a,b), loguniform(a,b), integer(a,b) or choice(a,b,...)")
        else:
            others.append(word)
    if not space:
        raise UserError("nothing is searched: give a key as in optimizer.lr=loguniform(1e-4,1e-1)")
    return space, others


def _numbers(word: str, form: str, low: str, high: str) -> FloatDistribution | IntDistribution:
    try:
        if form == "integer":
            return IntDistribution(int(low), int(high))
        return FloatDistribution(float(low), float(high), log=form == "loguniform")
    except ValueError as error:
        raise UserError(f"{word}: {error}") from None


class _Held(JournalFileOpenLock):
    """The journal's own lock, which a killed process would leave behind, is not needed: the study is held already."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass


@contextmanager
def opened(path: Path, metric: str, direction: Direction) -> Iterator[optuna.Study]:
    """The study of a metric in a journal, for this process alone; made where there is none.

    What a crash left of a torn last line is cut off. Raises `UserError` while another process has it open.
    """
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+") as journal:
        try:
            fcntl.flock(journal, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UserError(f"--study {path}: another process is searching it; wait for it or stop it") from None
        journal.seek(0)
        content = journal.read()
        if content and not content.startswith(b'{"op_code"'):
            raise UserError(f"--study {path}: this is no journal of a study; name another file")
        journal.truncate(content.rfind(b"\n") + 1)
        storage = JournalStorage(JournalFileBackend(str(path), _Held(str(path))))
        yield optuna.create_study(
            storage=storage, study_name=f"{direction} {metric}", direction=direction, load_if_exists=True
        )


def _check(search: Search) -> None:
    """Check the configurations at both ends of every searched range, and at every choice."""
    ends = {
        key: list(where.choices) if isinstance(where, CategoricalDistribution) else [where.low, where.high]
        for key, where in search.space.items()
    }
    first = {key: values[0] for key, values in ends.items()}
    for key, values in ends.items():
        for value in values:
            check(compose("train", search.overrides({**first, key: value})))


def _hold_to_question(study: optuna.Study, search: Search, path: Path) -> None:
    asked = {key: str(where) for key, where in search.space.items()}
    asked["all other options"] = run_id(compose("train", search.others))
    stored = study.user_attrs.get("asked", asked)
    for key in [*asked, *stored]:
        if asked.get(key) != stored.get(key):
            raise UserError(
                f"--study {path}: {key} was {stored.get(key, 'not searched')} there, and is "
                f"{asked.get(key, 'not searched')} now; name another file"
            )
    study.set_user_attr("asked", asked)


def _next(study: optuna.Study, space: Space, trials: int) -> tuple[int, dict[str, Any]] | None:
    """Number and values of the next trial to run: one that was left, or a new one while there are too few."""
    for left in study.get_trials(states=[TrialState.RUNNING]):
        if left.params.keys() == space.keys():
            return left.number, left.params
        study.tell(left.number, state=TrialState.FAIL)  # killed while its values were written: it never ran
    if len([trial for trial in study.trials if trial.params.keys() == space.keys()]) >= trials:
        return None
    study.sampler = TPESampler(seed=len(study.trials))
    trial = study.ask({**space})
    return trial.number, trial.params


def _run(study: optuna.Study, search: Search, number: int, values: dict[str, Any], console: Console) -> str:
    """Run a trial and tell the study how it ended; returns that in words."""
    with _composed(search.overrides(values)) as config:
        runs, run = Path(config.paths.outputs) / "runs", run_id(config)
        words = " ".join(f"{key}={_short(value)}" for key, value in values.items())
        if is_locked(runs, run):
            raise UserError(f"trial {number} is run {run}, which another process runs; start again when it is over")
        try:
            result = execute(config, Console(quiet=True))
        except Exception as error:
            study.tell(number, state=TrialState.FAIL)
            where = "" if isinstance(error, UserError) else f" ({runs / run / 'failure.json'})"
            return f"failed: {' '.join(str(error).split())}  {words}{where}"
    if search.metric not in result["metrics"] and result["status"] == "finished":
        raise UserError(unknown("--metric ", search.metric, "the result", sorted(result["metrics"])))
    value = result["metrics"].get(search.metric)
    if value is None or result["status"] == "diverged":
        study.tell(number, state=TrialState.PRUNED)
        return f"diverged  {words}  {runs / run}"
    study.tell(number, value)
    return f"{search.metric} {_short(value)}  {words}  {runs / run}"


@contextmanager
def _composed(overrides: list[str]) -> Iterator[DictConfig]:
    """A configuration, while Hydra knows its options as it does in a job of a sweep."""
    hydra = HydraConfig.instance()
    before = hydra.cfg
    hydra.set_config(compose("train", overrides, return_hydra_config=True))
    try:
        yield compose("train", overrides)
    finally:
        hydra.cfg = before


def _show_best(study: optuna.Study, search: Search, console: Console) -> None:
    counts = Counter(SAID[trial.state] for trial in study.trials if trial.params.keys() == search.space.keys())
    console.print(", ".join(f"{count} {state}" for state, count in counts.items()), highlight=False)
    if not counts["finished"]:
        raise UserError("no trial has finished, so none is best")
    best = study.best_trial
    overrides = search.overrides(best.params)
    config = compose("train", overrides)
    folder = Path(config.paths.outputs) / "runs" / run_id(config)
    console.print(f"best: trial {best.number}, {search.metric} {_short(best.value)}", highlight=False)
    console.print(f"  python train.py {' '.join(overrides)}", highlight=False, soft_wrap=True)
    console.print(f"  {folder}", highlight=False, soft_wrap=True)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
