"""Claims about what a number is: as predicted, equal to closed forms."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from snnexp.errors import UserError, require
from snnexp.reports import statistics
from snnexp.reports.published import EXACT
from snnexp.reports.scores import Best, finite_cell, scored
from snnexp.reports.table import values
from snnexp.reports.verdict import Finding, NoDataError, Verdict, judged

At = Mapping[str, Any]


def follows(runs: pd.DataFrame, metric: str, prediction: str | float, within: float, at: At | None = None) -> Finding:
    """A metric is what is predicted, give or take the share `within`: a number, or another metric of the same run.

    Reproduced where the interval of the mean ratio lies inside, not reproduced where it lies outside.
    """
    require(within > 0, "within", within, "must be greater than 0")
    chosen = scored(runs, metric, Best.LOWEST, at)
    predicted = values(chosen, prediction) if isinstance(prediction, str) else prediction
    ratio = finite_cell(chosen.assign(score=values(chosen, metric) / predicted))
    low, high = statistics.interval(ratio)
    reason = f"measured / predicted {ratio.mean():.3f} [{low:.3f}, {high:.3f}], within {within:g}, n = {len(ratio)}"
    test = "95% t interval of the mean ratio against the tolerance"
    if low > 1 + within or high < 1 - within:
        return judged(False, reason, test)
    inside = 1 - within <= low and high <= 1 + within
    return Finding(Verdict.REPRODUCED if inside else Verdict.NO_DATA, reason, test)


def equals(
    runs: pd.DataFrame, metric: str, by: str, expected: Mapping[Any, float], within: float, at: At | None = None
) -> Finding:
    """For each of these values of a key, the metric of every run is the number given, to the tolerance `within`.

    For what is computed without chance, so that no seeds are needed.
    """
    require(within > 0, "within", within, "must be greater than 0")
    chosen = scored(runs, metric, Best.LOWEST, at)
    if missing := [value for value in expected if value not in set(chosen[by])]:
        raise UserError(f"report: no run has {by}={missing[0]}; there are {', '.join(map(str, chosen[by].unique()))}")
    chosen = chosen[chosen[by].isin(list(expected))]
    keys, ours = chosen[by].tolist(), chosen["score"].to_numpy(float)
    off = np.abs(ours - np.array([expected[key] for key in keys]))
    worst = int(off.argmax())
    expects = f"expected {expected[keys[worst]]:.6g} (tolerance {within:g})"
    reason = f"farthest at {keys[worst]}: {ours[worst]:.6g}, {expects}"
    return judged(bool((off <= within).all()), reason, EXACT)


def times_more(
    runs: pd.DataFrame, metric: str, by: str, more: Any, than: Any, factor: float, at: At | None = None
) -> Finding:
    """With one value of a key the metric is at least `factor` times what it is with another one.

    Reproduced where the interval of the ratio over seeds (its geometric mean) lies above the factor, not reproduced
    where it lies below. Without a ratio: reproduced where the latter is 0 in all runs, not where the former is in one.
    """
    require(factor > 0, "factor", factor, "must be greater than 0")
    high, low = (
        finite_cell(scored(runs, metric, Best.LOWEST, {**(at or {}), by: value}).sort_values("seed"))
        for value in (more, than)
    )
    if not (high > 0).all():
        return judged(False, f"{metric} is 0 at {by}={more}", "")
    if not (low > 0).any():
        return judged(True, f"{metric} is 0 at {by}={than}", "")
    if none := int((low <= 0).sum()):
        raise NoDataError(f"{metric} is 0 in {none} of {len(low)} runs at {by}={than}, so that there is no mean ratio")
    ratio = np.log(high / low)
    interval = statistics.interval(ratio)
    said = f"{np.exp(ratio.mean()):.3g} [{np.exp(interval.low):.3g}, {np.exp(interval.high):.3g}] times"
    if interval.low < np.log(factor) <= interval.high:
        raise NoDataError(f"too few seeds to decide: {said}, claimed {factor:g}")
    return judged(interval.low >= np.log(factor), f"{said}, claimed {factor:g}", "95% t interval of the mean log ratio")
