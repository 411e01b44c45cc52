"""What "Stabilizing Spiking Neuron Training" claims beyond what `claims` has: of pairs of runs, of sensitivities.

As there, a claim holds only where a test at level .05 shows it; `at` fixes swept keys, and others may stay open.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from snnexp.errors import UserError
from snnexp.reports.claims import At, all_better
from snnexp.reports.derived import normalised
from snnexp.reports.scores import Array, Best, demand_seeds, demand_signs, groups, scored
from snnexp.reports.statistics import ALPHA
from snnexp.reports.table import demand_column, swept, values
from snnexp.reports.verdict import Finding, judged


def better_twin(
    runs: pd.DataFrame, metric: str, best: str, by: str, better: Any, worse: Any, at: At | None = None
) -> Finding:
    """Runs with one value of a key are better than those with another that differ in nothing else, seed included.

    Whatever else is swept, the number of such pairs is what counts; equal ones count against the claim.
    """
    chosen = scored(runs, metric, best, at)
    demand_column(chosen, by)
    if absent := [value for value in (better, worse) if value not in set(chosen[by])]:
        raise UserError(f"report: a claim names {absent[0]}, the sweep has {', '.join(map(str, chosen[by].unique()))}")
    keys = [key for key in swept(chosen) if key != by] + ["seed"]
    first, second = (chosen[chosen[by] == value].set_index(keys)["score"] for value in (better, worse))
    pairs = pd.concat([first, second], axis=1, join="inner", keys=["first", "second"])
    return _more_often(int((pairs["first"] < pairs["second"]).sum()), len(pairs), "pairs", f"{better} is better in")


def usually_below(runs: pd.DataFrame, metric: str, than: str, at: At | None = None) -> Finding:
    """Of two metrics of the same run the first is the smaller one, in more runs than by chance, whatever is swept."""
    chosen = scored(runs, metric, Best.LOWEST, at)
    pairs = pd.DataFrame({"first": values(chosen, metric), "second": values(chosen, than)}).dropna()
    return _more_often(int((pairs["first"] < pairs["second"]).sum()), len(pairs), "runs", "smaller in")


def sensitivity_rises(
    runs: pd.DataFrame, metric: str, best: str, by: str, over: str, among: str, order: Sequence[Any]
) -> Finding:
    """The sensitivity to an option rises along the values of a key (`among`) in their order.

    Sensitivity: the mean over another key's values (`over`) of the standard deviation, over the options, of the
    post-training normalised loss, in which a diverged run counts as the worst; one number a seed, each normalised by
    all runs of its value of `among`.
    """
    demand_column(runs, among)
    found = {value: _of_seeds(runs, metric, best, by, over, {among: value}) for value in order}
    return all_better(found, list(pairwise(order)), 1, "neighbour")


def _of_seeds(runs: pd.DataFrame, metric: str, best: str, by: str, over: str, at: At) -> Array:
    chosen = scored(runs, metric, best, at).sort_values("seed", kind="stable")
    found = groups(chosen, over, by)
    sizes = {len(scores) for scores in found.values()}
    demand_seeds(min(sizes), max(sizes))
    places, options = (list(dict.fromkeys(key[part] for key in found)) for part in (0, 1))
    scores_XSR = np.array([[found[place, option] for option in options] for place in places])
    spread: Array = normalised(scores_XSR).std(1, ddof=1).mean(0)
    return spread


def _more_often(count: int, of: int, what: str, says: str) -> Finding:
    demand_signs(of, what)
    p = stats.binomtest(count, of, alternative="greater").pvalue
    return judged(bool(p <= ALPHA), f"{says} {count} of {of} {what}, p = {p:.2g}", "sign test, one-sided")
