"""What papers on initialisation claim of activity in untrained networks, as functions over the table of runs.

As in `claims`, a claim holds only where a test at level .05 shows it; `at` fixes other swept keys.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from snnexp.errors import UserError, require
from snnexp.reports import statistics
from snnexp.reports.claims import At
from snnexp.reports.scores import SEEDS, Array, Best, demand_ranks, demand_seeds, diverged, groups, scored
from snnexp.reports.statistics import ALPHA, Interval
from snnexp.reports.verdict import Finding, NoDataError, Verdict, judged

INTERVALS = "95% t intervals of the means"


def at_most(
    runs: pd.DataFrame, metric: str, bound: float, by: str, options: Sequence[Any], at: At | None = None
) -> Finding:
    """For each of the options, most runs have a metric of at most the bound, as the last layer that spikes."""
    return _most(_of(runs, metric, by, options, at), lambda values: values <= bound, f"at most {bound:g}")


def at_least(
    runs: pd.DataFrame, metric: str, bound: float, by: str, options: Sequence[Any], at: At | None = None
) -> Finding:
    """For each of the options, most runs have a metric of at least the bound; one that diverged has none."""
    found = _of(runs, metric, by, options, at)
    return _most(found, lambda values: np.isfinite(values) & (values >= bound), f"at least {bound:g}")


def near(runs: pd.DataFrame, metric: str, value: float, within: float, over: str, at: At | None = None) -> Finding:
    """At every value of a key the metric's mean is at most `within` away from one value."""
    require(within > 0, "within", within, "must be greater than 0")
    found = groups(scored(runs, metric, Best.LOWEST, at), over)
    return _inside({f"{over}={key}": values for key, values in found.items()}, value - within, value + within)


def keeps(runs: pd.DataFrame, metric: str, of: str, factor: float, at: At | None = None) -> Finding:
    """A metric is within a factor of another one of the same run, above or below it, in the geometric mean."""
    require(factor > 1, "factor", factor, "must be greater than 1")
    with np.errstate(divide="ignore", invalid="ignore"):  # of runs that have no ratio: counted below
        ratios = np.log(_values(runs, metric, at) / _values(runs, of, at))
    demand_seeds(len(ratios), SEEDS)
    if not np.isfinite(ratios).all():
        return judged(False, f"no ratio to {of} in {int((~np.isfinite(ratios)).sum())} runs: 0, or diverged", INTERVALS)
    mean, (low, high) = ratios.mean(), statistics.interval(ratios)
    reason = f"{metric} is {np.exp(mean):.3g} [{np.exp(low):.3g}, {np.exp(high):.3g}] times {of}"
    return _within(Interval(low, high), -np.log(factor), np.log(factor), reason)


def falls_along(runs: pd.DataFrame, metrics: Sequence[str], at: At | None = None) -> Finding:
    """Each metric of a list is lower than the one before it: a quantity falls from layer to layer."""
    require(len(metrics) > 1, "metrics", list(metrics), "name at least two")
    found = [_values(runs, metric, at) for metric in metrics]
    tests = []
    for before, after in pairwise(found):
        demand_ranks(before, after)
        tests.append(statistics.below(after, before))
    said = ", ".join(f"{values.mean():.3g}" for values in found)
    return judged(max(tests) <= ALPHA, f"{said}; p = {max(tests):.2g}", "rank permutation test of each neighbour")


def sign_is(runs: pd.DataFrame, metric: str, sign: int, at: At | None = None) -> Finding:
    """The metric's mean has the given sign (1 or -1)."""
    require(sign in (1, -1), "sign", sign, "must be 1 or -1")
    values = _values(runs, metric, at)
    demand_seeds(len(values), SEEDS)
    if lost := int((~np.isfinite(values)).sum()):
        return judged(False, f"{lost} of {len(values)} runs diverged", INTERVALS)
    low, high = statistics.interval(values)
    holds = low > 0 if sign == 1 else high < 0
    return judged(bool(holds), f"{metric} {values.mean():.3g} [{low:.3g}, {high:.3g}]", INTERVALS)


def better_at_each(
    runs: pd.DataFrame, metric: str, best: str, by: str, better: Any, worse: Any, over: str, at: At | None = None
) -> Finding:
    """At every value of a key (`over`) one option is better than another one: all tests reject."""
    found = groups(scored(runs, metric, best, at), over, by)
    sign = Best(best).sign
    tests = []
    for value in dict.fromkeys(place for place, _ in found):
        if absent := [option for option in (better, worse) if (value, option) not in found]:
            raise UserError(f"report: no run has {by}={absent[0]} with {over}={value}")
        first, second = found[value, better], found[value, worse]
        demand_ranks(first, second)
        p = statistics.below(first, second)
        said = f"{over}={value}: {better} {sign * first.mean():.3g}, {worse} {sign * second.mean():.3g}, p = {p:.2g}"
        tests.append((p, said))
    p, hardest = max(tests)
    return judged(p <= ALPHA, hardest, "rank permutation test, one-sided, at each value")


def _of(runs: pd.DataFrame, metric: str, by: str, options: Sequence[Any], at: At | None) -> dict[str, Array]:
    found = groups(scored(runs, metric, Best.LOWEST, at), by)
    if absent := [option for option in options if option not in found]:
        raise UserError(f"report: a claim names {absent[0]}, the sweep has {', '.join(map(str, found))}")
    return {str(option): found[option] for option in options}


def _values(runs: pd.DataFrame, metric: str, at: At | None) -> Array:
    return scored(runs, metric, Best.LOWEST, at)["score"].to_numpy(float)


def _most(found: dict[str, Array], holds: Callable[[Array], NDArray[np.bool_]], words: str) -> Finding:
    test = "sign test of each option: more than half of such runs"
    if (fewest := min(map(len, found.values()))) and 0.5**fewest > ALPHA:
        raise NoDataError(f"{fewest} runs can't show that most are {words}")
    counts = {option: int(holds(values).sum()) for option, values in found.items()}
    ps = {
        option: float(stats.binomtest(count, len(found[option]), alternative="greater").pvalue)
        for option, count in counts.items()
    }
    worst = max(ps, key=lambda option: ps[option])
    reason = f"{counts[worst]} of {len(found[worst])} runs {words} ({worst}, the fewest), p = {ps[worst]:.2g}"
    return judged(ps[worst] <= ALPHA, reason, test)


def _inside(found: dict[str, Array], low: float, high: float) -> Finding:
    """The finding of the cell that lies between two values least; cells wholly outside come before all others."""
    if lost := diverged(found):
        return judged(False, f"{lost[0]}: diverged", INTERVALS)
    ranges = {name: statistics.interval(values) for name, values in found.items()}

    def beyond(name: str) -> tuple[bool, float]:
        below, above = low - ranges[name].low, ranges[name].high - high
        return ranges[name].high < low or ranges[name].low > high, max(below, above)

    worst = max(ranges, key=beyond)
    reason = f"{worst}: {found[worst].mean():.3g} [{ranges[worst].low:.3g}, {ranges[worst].high:.3g}]"
    return _within(ranges[worst], low, high, f"{reason}, to lie in [{low:g}, {high:g}]")


def _within(interval: Interval, low: float, high: float, reason: str) -> Finding:
    if low <= interval.low and interval.high <= high:
        return judged(True, reason, INTERVALS)
    if interval.high < low or interval.low > high:
        return judged(False, reason, INTERVALS)
    return Finding(Verdict.NO_DATA, f"too few seeds to decide: {reason}", INTERVALS)
