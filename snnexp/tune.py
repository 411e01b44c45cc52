"""Search beyond grids: optuna proposes the values, and every trial is an ordinary run."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import optuna
from hydra import compose, initialize_config_dir
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from optuna.distributions import CategoricalDistribution
from optuna.trial import TrialState
from rich.console import Console

from snnexp.config import check, unknown
from snnexp.errors import UserError
from snnexp.identity import run_id
from snnexp.main import CONF, search_path
from snnexp.run import execute
from snnexp.study import Direction, Space, following, hold_to, opened, parse
from snnexp.sweep import is_locked

SAID = {TrialState.COMPLETE: "finished", TrialState.PRUNED: "diverged", TrialState.FAIL: "failed"}


class Search(NamedTuple):
    """What is searched. others: the words of the command line that all trials share; conf: as for `tune`."""

    space: Space
    others: list[str]
    metric: str
    conf: Path | None

    def overrides(self, values: Mapping[str, Any]) -> list[str]:
        """The words for `compose` that make a trial with these values."""
        return [*search_path(self.conf), *self.others, *self.words(values)]

    def words(self, values: Mapping[str, Any]) -> list[str]:
        return [f"{key}={values[key]}" for key in self.space]


def tune(
    words: Sequence[str],
    metric: str,
    direction: Direction,
    trials: int,
    path: Path,
    console: Console,
    conf: Path | None = None,
) -> None:
    """Search until the study in a file has so many trials, those of earlier calls among them; say which is best.

    words: of these, key=loguniform(a,b), uniform(a,b), integer(a,b) and choice(a,b,...) are searched by a
    tree-structured Parzen estimator; the others hold for all trials. metric: a name in result.json, at the weights
    that validation selected if it has no further suffix. direction: maximize or minimize. conf: a further folder of
    options, as for `train.py --config-dir`.

    A trial whose run diverges is told to optuna as worse than all others (pruned), one that fails as failed. A trial
    that was under way when its process ended is gone on with. What is proposed is a function of the trials before, so
    a search that was killed proposes the same as one that was not. Raises `UserError` where the words can't be used
    anywhere in the space, or the study was made with others.
    """
    search = Search(*parse(words), metric, conf)
    with initialize_config_dir(str(CONF), version_base="1.3"), opened(path, metric, direction) as study:
        _check(search)
        hold_to(study, path, _question(search))
        while (trial := following(study, search.space, trials)) is not None:
            state = _run(study, search, *trial, console)
            console.print(f"trial {trial[0]} {state}", highlight=False, markup=False, soft_wrap=True)
        _show_best(study, search, console)


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


def _question(search: Search) -> dict[str, str]:
    """What makes it the same search when it is asked again: where each key is searched, and what else holds."""
    asked = {key: str(where) for key, where in search.space.items()}
    rest = compose("train", [*search_path(search.conf), *search.others])
    return {**asked, "the id of all other options": run_id(rest)}


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
    config = compose("train", search.overrides(best.params))
    folders = [] if search.conf is None else ["--config-dir", str(search.conf)]
    command = ["python train.py", *folders, *search.others, *search.words(best.params)]
    folder = Path(config.paths.outputs) / "runs" / run_id(config)
    console.print(f"best: trial {best.number}, {search.metric} {_short(best.value)}", highlight=False, markup=False)
    console.print(f"  {' '.join(command)}", highlight=False, markup=False, soft_wrap=True)
    console.print(f"  {folder}", highlight=False, markup=False, soft_wrap=True)


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
