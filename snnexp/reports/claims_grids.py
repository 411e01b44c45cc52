"""Claims about a part of a sweep: each takes that part and asks another claim of it."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from scipy import stats

from snnexp.errors import UserError
from snnexp.reports.best import averaged, picked
from snnexp.reports.claims import At
from snnexp.reports.report import Claim
from snnexp.reports.scores import scored
from snnexp.reports.statistics import ALPHA
from snnexp.reports.table import demand_column, demand_numbers
from snnexp.reports.verdict import Finding, NoDataError, judged


def of_best(
    runs: pd.DataFrame, claim: Claim, rank: str, best: str, by: Sequence[str], top: int = 1, at: At | None = None
) -> Finding:
    """A claim on the best of a grid: for each seed and each combination of values of `by`, one row is left.

    It is the mean of the `top` runs with the best values of the metric `rank`, which should be one of the validation
    set, so that what is judged did not choose.
    """
    return claim(averaged(picked(scored(runs, rank, best, at), rank, best, by, top), by))


def among(runs: pd.DataFrame, claim: Claim, key: str, values: Sequence[Any]) -> Finding:
    """A claim on the runs with some values of a key only."""
    demand_column(runs, key)
    there = set(runs[key])
    if absent := [value for value in values if value not in there]:
        raise UserError(f"report: no run has {key}={absent[0]}; there are {', '.join(map(str, runs[key].unique()))}")
    return claim(runs[runs[key].isin(list(values))])


def at_best(
    runs: pd.DataFrame,
    rank: str,
    best: str,
    by: Sequence[str],
    of: str,
    low: float,
    high: float,
    at: At | None = None,
) -> Finding:
    """The best run of each seed and each combination of values of `by` has a value of the key `of` between two bounds.

    Of more of them than would where the best stood anywhere on the grid. Where all diverged, none is the best.
    """
    demand_numbers(runs, of)
    best_runs = picked(scored(runs, rank, best, at), rank, best, by, 1)
    found = best_runs[of].where(best_runs["state"] == "done")
    grid = runs[of].drop_duplicates()
    chance, hits = float(grid.between(low, high).mean()), int(found.between(low, high).sum())
    if chance ** len(found) > ALPHA:
        raise NoDataError(f"{len(found)} best runs in {chance:.2g} of the grid by chance: too few to decide")
    p = stats.binomtest(hits, len(found), chance, alternative="greater").pvalue
    counts = ", ".join(f"{value:g}: {count}" for value, count in found.value_counts().sort_index().items())
    reason = f"{hits} of {len(found)} between {low:g} and {high:g} ({counts}), p = {p:.2g}"
    return judged(p <= ALPHA, reason, "binomial, against anywhere on the grid")
