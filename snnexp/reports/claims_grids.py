"""Claims about a part of a sweep: each takes that part and asks another claim of it."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from snnexp.errors import UserError
from snnexp.reports.best import averaged, picked
from snnexp.reports.claims import At
from snnexp.reports.report import Claim
from snnexp.reports.scores import scored
from snnexp.reports.table import demand_column
from snnexp.reports.verdict import Finding


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
