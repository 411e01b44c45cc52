"""Runs made comparable: all of them over, lower is better, a diverged run behind all others."""

import math
from collections.abc import Mapping
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from snnexp.errors import UserError, choice
from snnexp.reports.statistics import ALPHA, smallest_p
from snnexp.reports.table import OVER, demand_column, select, swept, values
from snnexp.reports.verdict import NoDataError

Array = NDArray[np.floating]

SEEDS = 3  # the fewest of which a mean has an interval worth the name


class Best(StrEnum):
    LOWEST = "lowest"
    HIGHEST = "highest"

    @property
    def sign(self) -> int:
        """What a metric is multiplied with to be a score."""
        return 1 if self is Best.LOWEST else -1


def scored(runs: pd.DataFrame, metric: str, best: str, at: Mapping[str, Any] | None) -> pd.DataFrame:
    """The runs at the given values with a column `score`, smaller for better runs and infinite for diverged ones.

    Raises `NoDataError` unless every one of them is over: a verdict on the runs that happen to be there would be one on
    those that are fast, or did not fail.
    """
    chosen = select(runs, at or {})
    waiting = chosen.loc[~chosen["state"].isin(OVER), "state"]
    if len(waiting):
        kinds = ", ".join(f"{count} {state}" for state, count in waiting.value_counts().items())
        raise NoDataError(f"{kinds} of {len(chosen)} runs")
    demand_column(chosen, metric)
    score = choice(Best, "best", best).sign * values(chosen, metric)
    return chosen.assign(score=score.fillna(math.inf))


def groups(runs: pd.DataFrame, *keys: str) -> dict[Any, Array]:
    """The scores of the seeds for each value of the keys (a tuple, where there are several), in order of appearance.

    Raises `UserError` where another key varies inside a group, and `NoDataError` for fewer than `SEEDS` seeds.
    """
    for key in keys:
        demand_column(runs, key)
    if free := [key for key in swept(runs) if key not in keys]:
        raise UserError(f"report: a claim over {', '.join(keys)} leaves {free[0]} open; `at` fixes it to one value")
    by: Any = keys[0] if len(keys) == 1 else list(keys)
    found = {value: group["score"].to_numpy(float) for value, group in runs.groupby(by, sort=False)}
    demand_seeds(min(map(len, found.values())), SEEDS)
    return found


def one_cell(runs: pd.DataFrame) -> Array:
    """The scores of runs of which only the seed differs; raises `NoDataError` where something else does, or few are."""
    if free := swept(runs):
        raise NoDataError(f"the claim does not say at which {free[0]}")
    demand_seeds(len(runs), SEEDS)
    return runs["score"].to_numpy(float)


def diverged(found: Mapping[Any, Array]) -> list[Any]:
    """The keys of `groups` under which some run has no finite number."""
    return [key for key, scores in found.items() if not np.isfinite(scores).all()]


def finite_cell(runs: pd.DataFrame) -> Array:
    """The scores of `one_cell`, for a mean; raises `NoDataError` also where one of them is no finite number."""
    scores = one_cell(runs)
    if not np.isfinite(scores).all():
        raise NoDataError("some runs have no finite number")
    return scores


def demand_seeds(seeds: int, needed: int) -> None:
    if seeds < needed:
        raise NoDataError(f"{seeds} seed{'s' * (seeds != 1)}, at least {needed} are needed")


def demand_signs(number: int, what: str) -> None:
    """Raise `NoDataError` where a sign test of so many could not show anything, even if all of them agreed."""
    if 0.5**number > ALPHA:
        raise NoDataError(f"{number} {what} can't show it")


def demand_ranks(a: Array, b: Array) -> None:
    """Raise `NoDataError` where groups of these sizes could not be told apart by ranks, however far apart they are."""
    if smallest_p(len(a), len(b)) > ALPHA:
        raise NoDataError(f"{len(a)} and {len(b)} seeds can't be told apart at p = {ALPHA}")
