"""Claims about numbers as such: bounds, powers, limits. An experiment file chooses them by `_target_`.

Most are for what is computed without chance, where one run decides; those that need several seeds say so.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from snnexp.errors import require
from snnexp.reports import statistics
from snnexp.reports.scores import SEEDS, Array, Best, demand_seeds, demand_signs, finite_cell, one_cell, scored
from snnexp.reports.table import demand_numbers, swept
from snnexp.reports.verdict import Finding, NoDataError, judged

At = Mapping[str, Any]


def bounded(
    runs: pd.DataFrame,
    metric: str,
    low: float = -np.inf,
    high: float = np.inf,
    at: At | None = None,
    seeds: int = SEEDS,
) -> Finding:
    """The metric lies between two bounds in every run; one without a finite number does not, whichever bound is open.

    seeds: the fewest that decide: 1 where nothing is drawn, and a second seed would give the same number.
    """
    require(low < high, "low", low, "must be smaller than high")
    require(seeds >= 1, "seeds", seeds, "must be at least 1")
    chosen = scored(runs, metric, Best.LOWEST, at)
    demand_seeds(chosen["seed"].nunique(), seeds)
    ours = chosen["score"].to_numpy(float)
    holds = np.isfinite(ours) & (ours >= low) & (ours <= high)
    reason = f"{ours.min():.3g} to {ours.max():.3g} in {len(ours)} run{'s' * (len(ours) > 1)}, bounds {low:g}, {high:g}"
    return judged(bool(holds.all()), reason, "every run between the bounds")


def mean_below(runs: pd.DataFrame, metric: str, bound: float, at: At | None = None) -> Finding:
    """The metric's mean over the seeds lies below a bound: the whole 95% interval does."""
    ours = finite_cell(scored(runs, metric, Best.LOWEST, at))
    low, high = statistics.interval(ours)
    reason = f"{ours.mean():.3g} [{low:.3g}, {high:.3g}], n = {len(ours)}, bound {bound:g}"
    if low < bound <= high:
        raise NoDataError(f"too few seeds to decide: {reason}")
    return judged(high < bound, reason, "95% t interval of the mean below the bound")


def smaller(runs: pd.DataFrame, metric: str, than: str, at: At | None = None) -> Finding:
    """Of two metrics of the same run the first is the smaller one, over the seeds."""
    first, second = one_cell(scored(runs, metric, Best.LOWEST, at)), one_cell(scored(runs, than, Best.LOWEST, at))
    demand_signs(len(first), "runs")
    less = int((first < second).sum())
    p = stats.binomtest(less, len(first), alternative="greater").pvalue
    return judged(p <= statistics.ALPHA, f"in {less} of {len(first)} runs, p = {p:.2g}", "sign test, one-sided")


def monotone(runs: pd.DataFrame, metric: str, over: str, sign: int, at: At | None = None) -> Finding:
    """With each larger value of a swept key the metric rises (sign 1) or falls (-1), in one run each; none diverged."""
    require(sign in (1, -1), "sign", sign, "must be 1 or -1")
    x, y = _one_curve(runs, metric, over, at)
    reason = ", ".join(f"{place:g}: {value:.3g}" for place, value in zip(x, y, strict=True))
    holds = np.isfinite(y).all() and (sign * np.diff(y) > 0).all()
    return judged(bool(holds), reason, "each value against the next")


def settles(runs: pd.DataFrame, metric: str, over: str, within: float, at: At | None = None) -> Finding:
    """Towards large values of a swept key the metric tends to a limit that is not zero.

    Between the last two values it changes by no more than a share `within` (below 1) of itself.
    """
    require(0 < within < 1, "within", within, "must lie between 0 and 1")
    x, y = _one_curve(runs, metric, over, at)
    change = abs(y[-1] - y[-2]) / abs(y[-1]) if y[-1] and np.isfinite(y[-2:]).all() else np.inf
    reason = f"{y[-1]:.5g} at {x[-1]:g}, a change by {change:.2g} of it from {x[-2]:g}"
    return judged(bool(change <= within), reason, f"change by at most {within:g}")


def power_law(runs: pd.DataFrame, metric: str, x: str, exponent: float, within: float, at: At | None = None) -> Finding:
    """The metric grows as a power of a swept key: the slope of its logarithm over the key's, a line for each seed."""
    require(within > 0, "within", within, "must be greater than 0")
    chosen = scored(runs, metric, Best.LOWEST, at)
    demand_numbers(chosen, x)
    if free := [key for key in swept(chosen) if key != x]:
        raise NoDataError(f"the claim does not say at which {free[0]}")
    slopes = np.array([_slope(group[x], group["score"]) for _, group in chosen.groupby("seed")])
    demand_seeds(len(slopes), SEEDS)
    if not np.isfinite(slopes).all():
        return judged(False, f"{metric} is not above 0 in every run", "")
    low, high = statistics.interval(slopes)
    reason = f"exponent {slopes.mean():.3f} [{low:.3f}, {high:.3f}], {len(slopes)} seeds; claimed {exponent:g}"
    holds = exponent - within <= low and high <= exponent + within
    if not holds and low <= exponent + within and high >= exponent - within:
        raise NoDataError(f"too few seeds to decide: {reason}")
    return judged(holds, reason, f"95% t interval of the exponent within {within:g}")


def _slope(x: pd.Series, y: pd.Series) -> float:
    if not ((x > 0) & (y > 0) & np.isfinite(y)).all() or x.nunique() < 3:
        return np.nan
    return float(np.polyfit(np.log(x.to_numpy(float)), np.log(y.to_numpy(float)), 1)[0])


def _one_curve(runs: pd.DataFrame, metric: str, over: str, at: At | None) -> tuple[Array, Array]:
    chosen = scored(runs, metric, Best.LOWEST, at)
    demand_numbers(chosen, over)
    chosen = chosen.sort_values(over)
    if len(chosen) < 2 or not chosen[over].is_unique:
        raise NoDataError(f"needs one run at each of several values of {over}")
    return chosen[over].to_numpy(float), chosen["score"].to_numpy(float)
