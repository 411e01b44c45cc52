"""The tests behind the verdicts, for a handful of seeds each."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Array = NDArray[np.floating]

ALPHA = 0.05
SHUFFLES = 9999  # of a permutation test that can't go through all; the generator's seed is fixed


class Interval(NamedTuple):
    low: float
    high: float


def below(a: Array, b: Array) -> float:
    """One-sided p that a lies below b: the exact permutation test on mid-ranks (Mann & Whitney's, with ties).

    It needs no normal distribution and takes infinities, which are the last ranks.
    """
    ranks = stats.rankdata(np.concatenate((a, b)))
    test = stats.permutation_test(
        (ranks[: len(a)], ranks[len(a) :]),
        lambda x, y, axis: x.mean(axis) - y.mean(axis),
        vectorized=True,
        alternative="less",
        n_resamples=SHUFFLES,
        rng=0,
    )
    return float(test.pvalue)


def smallest_p(a: int, b: int) -> float:
    """What `below` gives for groups of these sizes when they are wholly apart: above `ALPHA`, they are too small."""
    return 1 / math.comb(a + b, a)


def rises(x: Array, y: Array) -> tuple[float, float]:
    """Spearman's rank correlation, and its one-sided p by permutation: that y grows with x. Infinite y rank last."""
    x_ranks, y_ranks = (stats.rankdata(values) - (len(values) + 1) / 2 for values in (x, y))
    scale = math.sqrt(float((x_ranks**2).sum() * (y_ranks**2).sum()))
    if scale == 0:
        return 0.0, 1.0
    test = stats.permutation_test(
        (y_ranks,),
        lambda y, axis: (x_ranks * y).sum(axis) / scale,
        permutation_type="pairings",
        vectorized=True,
        alternative="greater",
        n_resamples=SHUFFLES,
        rng=0,
    )
    return float(test.statistic), float(test.pvalue)


def equivalent(a: Array, b: Array, within: float) -> float:
    """p that the means differ by `within` or more: Schuirmann's two one-sided tests, with Welch's variances.

    Two groups without any variance are decided by their values alone.
    """
    distance = abs(float(a.mean() - b.mean()))
    parts = a.var(ddof=1) / len(a), b.var(ddof=1) / len(b)
    error = sum(parts)
    if error == 0:
        return 0.0 if distance < within else 1.0
    freedom = error**2 / (parts[0] ** 2 / (len(a) - 1) + parts[1] ** 2 / (len(b) - 1))
    return float(stats.t.sf((within - distance) / math.sqrt(error), freedom))


def interval(values: Array) -> Interval:
    """The 95% confidence interval of the mean by Student's t."""
    half = float(stats.t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values)))
    return Interval(float(values.mean()) - half, float(values.mean()) + half)


def chance_of_agreement(choosers: int, options: int, apart: int) -> float:
    """Probability that independent uniform choices from ordered options all lie at most `apart` places from each other.

    With S choosers, K options and d = apart < K: ((K - d) (d + 1)^S - (K - d - 1) d^S) / K^S.
    """
    if apart >= options:
        return 1.0
    spans = (options - apart) * (apart + 1) ** choosers - (options - apart - 1) * apart**choosers
    return float(spans / options**choosers)


def spread_by_chance(scores_XSR: Array) -> tuple[float, float]:
    """The sensitivity (mean over x of the sd over s of the mean over r), and the p that labels s mean nothing.

    X places, S options, R seeds, K shuffles. The test shuffles the runs among options within every place.
    """

    flat_XN = scores_XSR.reshape(len(scores_XSR), -1)
    many_KXN = np.broadcast_to(flat_XN, (SHUFFLES, *flat_XN.shape))
    shuffled = np.random.default_rng(0).permuted(many_KXN, axis=2).reshape(SHUFFLES, *scores_XSR.shape)
    observed, by_chance = (values.mean(-1).std(-1, ddof=1).mean(-1) for values in (scores_XSR, shuffled))
    as_large = int((by_chance >= observed - 1e-12).sum())
    return float(observed), (1 + as_large) / (1 + SHUFFLES)
