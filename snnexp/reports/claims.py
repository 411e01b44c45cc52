"""What a paper claims, as functions over the table of runs; an experiment file chooses them by `_target_`.

Every claim is reproduced only where a test at level .05 shows it. Each ranks a diverged run behind all others, and
gives `no data yet` while a run it looks at is not over or there are too few seeds. `best` says whether the lowest or
the highest value of the metric is the good one; `at` fixes other swept keys.
"""

import math
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from snnexp.errors import UserError, require
from snnexp.reports import statistics
from snnexp.reports.derived import normalised
from snnexp.reports.scores import Array, Best, demand_ranks, demand_seeds, diverged, groups, scored
from snnexp.reports.statistics import ALPHA
from snnexp.reports.table import demand_numbers, values
from snnexp.reports.verdict import Finding, NoDataError, judged

PAIRS = 5  # the fewest runs of which a correlation says something

At = Mapping[str, Any]


def best_is(runs: pd.DataFrame, metric: str, best: str, by: str, winner: Any, at: At | None = None) -> Finding:
    """One option is better than every other one: all pairwise tests reject (so no correction is needed)."""
    return _first(groups(scored(runs, metric, best, at), by), winner, Best(best).sign)


def ordered(runs: pd.DataFrame, metric: str, best: str, by: str, order: Sequence[Any], at: At | None = None) -> Finding:
    """Options in order, the best first: each is better than the next one."""
    found = groups(scored(runs, metric, best, at), by)
    _demand_options(found, order)
    return all_better(found, list(pairwise(order)), Best(best).sign, "neighbour")


def grows_with(runs: pd.DataFrame, metric: str, x: str, at: At | None = None) -> Finding:
    """The metric rises with the value of a swept key; not if a run diverged, which is no higher value."""
    demand_numbers(runs, x)
    found = groups(scored(runs, metric, Best.LOWEST, at), x)
    if len(found) < 3:
        raise NoDataError(f"{len(found)} values of {x}, at least 3 are needed")
    test = "Spearman, by permutation, one-sided"
    if wild := diverged(found):
        return judged(False, f"diverged at {x}={wild[0]:g}", test)
    positions = np.repeat(np.array(list(found), dtype=float), [len(scores) for scores in found.values()])
    rank, p = statistics.rises(positions, np.concatenate(list(found.values())))
    reason = f"Spearman's rank correlation {rank:.2f}, p = {p:.2g}, {len(positions)} runs"
    return judged(p <= ALPHA, reason, test)


def correlates(runs: pd.DataFrame, x: str, y: str, sign: int, at: At | None = None) -> Finding:
    """Two metrics of the same runs correlate with the given sign (1 or -1), over all seeds and swept values.

    Runs in which one of the two was not finite are left out, and counted in the reason.
    """
    require(sign in (1, -1), "sign", sign, "must be 1 or -1")
    chosen = scored(runs, x, Best.LOWEST, at)
    pairs = pd.DataFrame({"x": values(chosen, x), "y": values(chosen, y)}).dropna()
    if len(pairs) < PAIRS:
        raise NoDataError(f"{len(pairs)} runs with both values, at least {PAIRS} are needed")
    if pairs["x"].nunique() == 1 or pairs["y"].nunique() == 1:
        return judged(False, f"all {len(pairs)} runs have the same {x if pairs['x'].nunique() == 1 else y}", "Pearson")
    r, p = stats.pearsonr(pairs["x"], pairs["y"])
    left = f", {len(chosen) - len(pairs)} without" if len(pairs) < len(chosen) else ""
    holds = bool(p <= ALPHA and np.sign(r) == sign)
    return judged(holds, f"r = {r:.2f}, p = {p:.2g}, {len(pairs)} runs{left}", "Pearson, two-sided")


def flat_over(runs: pd.DataFrame, metric: str, over: str, within: float, at: At | None = None) -> Finding:
    """The metric's mean differs by less than `within` (in its own unit) between any two values of a key.

    Shown, and not merely not refuted: noise alone does not make a curve flat.
    """
    require(within > 0, "within", within, "must be greater than 0")
    found = groups(scored(runs, metric, Best.LOWEST, at), over)
    if len(found) < 2:
        raise NoDataError(f"{over} has one value only")
    test = "Welch, two one-sided tests of each pair"
    if wild := diverged(found):
        return judged(False, f"diverged at {over}={wild[0]}", test)
    p = max(statistics.equivalent(a, b, within) for a, b in combinations(found.values(), 2))
    means = [scores.mean() for scores in found.values()]
    return judged(p <= ALPHA, f"means differ by up to {max(means) - min(means):.3g}, p = {p:.2g}", test)


def agree_on_best(
    runs: pd.DataFrame, metric: str, best: str, of: str, among: str, apart: int = 0, at: At | None = None
) -> Finding:
    """All options of a key (`among`) have their best mean at the same value of another key (`of`).

    apart: how many places of the grid may lie between two of them. Tested against best values that are drawn
    independently and uniformly from the grid.
    """
    demand_numbers(runs, of)
    found = groups(scored(runs, metric, best, at), among, of)
    means = pd.Series({key: scores.mean() for key, scores in found.items()}).unstack(sort=False).fillna(math.inf)
    means = means[sorted(means.columns)]
    if lost := [option for option, row in means.iterrows() if not np.isfinite(row).any()]:
        return judged(False, f"{lost[0]} diverged at every {of}", "exact chance of agreement")
    p = statistics.chance_of_agreement(len(means), len(means.columns), apart)
    if p > ALPHA:
        raise NoDataError(f"{len(means)} of {among} over {len(means.columns)} of {of} agree by chance with p = {p:.2g}")
    places = means.to_numpy().argmin(axis=1)
    bests = pd.Series(means.columns[places], index=means.index)
    each = "; ".join(f"{value:g}: {', '.join(map(str, group.index))}" for value, group in bests.groupby(bests))
    said = f"all at {bests.iloc[0]:g}" if bests.nunique() == 1 else f"best {of} {each}"
    reason = f"{said} (by chance p = {p:.2g})"
    return judged(bool(np.ptp(places) <= apart), reason, "exact chance of agreement")


def widest_range(
    runs: pd.DataFrame, metric: str, best: str, by: str, over: str, winner: Any, within: float, at: At | None = None
) -> Finding:
    """One option works at more values of a key than every other option.

    An option works where its metric is at most the share `within` worse than the best mean over seeds anywhere. The
    number of such values, counted for each seed, is what the options are compared by.
    """
    require(within > 0, "within", within, "must be greater than 0")
    chosen = scored(runs, metric, best, at)
    target = min(float(scores.mean()) for scores in groups(chosen, by, over).values())
    works = np.isfinite(chosen["score"]) & (chosen["score"] <= target + within * abs(target))
    widths = works.groupby([chosen[by], chosen["seed"]], sort=False).sum()
    found = {option: -1.0 * counts.to_numpy(float) for option, counts in widths.groupby(level=0, sort=False)}
    return _first(found, winner, -1)


def choice_matters(
    runs: pd.DataFrame, metric: str, best: str, by: str, over: str | Sequence[str], at: At | None = None
) -> Finding:
    """The sensitivity to an option is larger than runs shuffled among the options would show.

    Sensitivity: the mean over a key's values (or over the combinations of several keys' values) of the standard
    deviation, over options, of the post-training normalised loss, in which a diverged run counts as the worst one.
    """
    keys = [over] if isinstance(over, str) else list(over)
    found = groups(scored(runs, metric, best, at), *keys, by)
    sizes = {len(scores) for scores in found.values()}
    demand_seeds(min(sizes), max(sizes))
    places = list(dict.fromkeys(key[:-1] for key in found))
    options = list(dict.fromkeys(key[-1] for key in found))
    scores_XSR = np.array([[found[(*place, option)] for option in options] for place in places])
    sensitivity, p = statistics.spread_by_chance(normalised(scores_XSR))
    reason = f"sensitivity {sensitivity:.3f}, p = {p:.2g}"
    return judged(p <= ALPHA, reason, "permutation of the options' labels")


def _first(found: Mapping[Any, Array], winner: Any, sign: int) -> Finding:
    _demand_options(found, [winner])
    if len(found) < 2:
        raise NoDataError(f"{winner} has no rival among the runs")
    return all_better(found, [(winner, rival) for rival in found if rival != winner], sign, "rival")


def all_better(found: Mapping[Any, Array], pairs: Sequence[tuple[Any, Any]], sign: int, each: str) -> Finding:
    """Whether the first of each pair is better; the reason is the pair with the largest p, of these the best rival."""
    tests = []
    for first, then in pairs:
        a, b = found[first], found[then]
        demand_ranks(a, b)
        p = statistics.below(a, b)
        text = f"{first} {sign * a.mean():z.3g}, {then} {sign * b.mean():z.3g}, p = {p:.2g}"
        tests.append((-p, float(b.mean()), text))
    minus_p, _, hardest = min(tests, key=lambda test: test[:2])
    return judged(-minus_p <= ALPHA, hardest, f"rank permutation test, one-sided, of each {each}")


def _demand_options(found: Mapping[Any, Array], named: Sequence[Any]) -> None:
    if absent := [option for option in named if option not in found]:
        raise UserError(f"report: a claim names {absent[0]}, the sweep has {', '.join(map(str, found))}")
