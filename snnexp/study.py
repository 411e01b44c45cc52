"""A study of optuna's in a file: what is searched, what was tried, and what comes next."""

import fcntl
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import optuna
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import TPESampler
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock
from optuna.trial import TrialState

from snnexp.errors import UserError

Space = dict[str, FloatDistribution | IntDistribution | CategoricalDistribution]
Direction = Literal["maximize", "minimize"]

NUMBERS = re.compile(r"(?P<form>uniform|loguniform|integer)\((?P<low>[^,]+),(?P<high>[^,]+)\)")


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
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        journal = path.open("ab+")
    except OSError as error:
        raise UserError(f"--study {path}: can't be written there ({error.strerror})") from error
    with journal:
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


def hold_to(study: optuna.Study, path: Path, asked: Mapping[str, str]) -> None:
    """Refuse to go on with a study that was begun with another question. asked: the question, by what it is about."""
    stored = study.user_attrs.get("asked", dict(asked))
    for key in [*asked, *stored]:
        if asked.get(key) != stored.get(key):
            raise UserError(
                f"--study {path}: {key} was {stored.get(key, 'not searched')} there, and is "
                f"{asked.get(key, 'not searched')} now; name another file"
            )
    study.set_user_attr("asked", dict(asked))


def following(study: optuna.Study, space: Space, trials: int) -> tuple[int, dict[str, Any]] | None:
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
