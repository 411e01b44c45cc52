"""The tests behind the verdicts, against scipy, brute force, and their level on random data."""

import math
from itertools import permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats

from snnexp.reports import statistics

numbers = st.floats(-100, 100).map(lambda value: round(value, 3))
samples = st.lists(numbers, min_size=3, max_size=6, unique=True)


@given(samples, samples)
@settings(max_examples=50)
def test_below_is_mann_whitney_where_nothing_is_tied(a: list[float], b: list[float]) -> None:
    if set(a) & set(b):
        return
    exact = stats.mannwhitneyu(a, b, alternative="less", method="exact").pvalue
    assert statistics.below(np.array(a), np.array(b)) == pytest.approx(exact)


def test_below_counts_ties_and_infinities() -> None:
    a, b = np.array([1.0, 1.0, 2.0]), np.array([2.0, math.inf, math.inf])
    pooled = stats.rankdata(np.concatenate((a, b)))
    sums = [sum(order[:3]) for order in permutations(pooled)]
    brute = np.mean([total <= pooled[:3].sum() for total in sums])
    assert statistics.below(a, b) == pytest.approx(brute)
    assert statistics.below(a, a) > 0.5


@pytest.mark.parametrize(("a", "b"), [(3, 3), (4, 4), (3, 5)])
def test_smallest_p_is_what_groups_wholly_apart_give(a: int, b: int) -> None:
    p = statistics.below(np.arange(a, dtype=float), 100 + np.arange(b, dtype=float))
    assert p == pytest.approx(statistics.smallest_p(a, b))


def test_rises_is_spearman() -> None:
    rng = np.random.default_rng(0)
    x = np.repeat([1.0, 2.0, 3.0, 5.0], 3)
    y = x + rng.normal(0, 2, 12)
    rank, p = statistics.rises(x, y)
    reference = stats.spearmanr(x, y, alternative="greater")
    assert rank == pytest.approx(reference.statistic)
    assert p == pytest.approx(reference.pvalue, abs=0.02)
    assert statistics.rises(x, np.ones(12)) == (0.0, 1.0)


@given(samples, samples, st.floats(0.1, 200))
@settings(max_examples=50)
def test_equivalent_is_two_welch_tests(a: list[float], b: list[float], within: float) -> None:
    x, y = np.array(a), np.array(b)
    above = stats.ttest_ind(x - y.mean() + within, y - y.mean(), equal_var=False, alternative="greater").pvalue
    under = stats.ttest_ind(x - y.mean() - within, y - y.mean(), equal_var=False, alternative="less").pvalue
    assert statistics.equivalent(x, y, within) == pytest.approx(max(above, under), abs=1e-6)


def test_equivalence_without_variance_is_decided_by_the_values() -> None:
    a, b = np.full(3, 1.0), np.full(3, 1.5)
    assert statistics.equivalent(a, b, 0.6) == 0
    assert statistics.equivalent(a, b, 0.5) == 1


@given(samples)
def test_interval_is_students(values: list[float]) -> None:
    low, high = stats.t.interval(0.95, len(values) - 1, np.mean(values), stats.sem(values))
    assert statistics.interval(np.array(values)) == pytest.approx((low, high))


@pytest.mark.parametrize("apart", [0, 1, 2, 3, 4, 9])
@pytest.mark.parametrize(("choosers", "options"), [(2, 3), (3, 4), (4, 5)])
def test_chance_of_agreement_is_a_count(choosers: int, options: int, apart: int) -> None:
    picks = list(product(range(options), repeat=choosers))
    share = sum(max(pick) - min(pick) <= apart for pick in picks) / len(picks)
    assert statistics.chance_of_agreement(choosers, options, apart) == pytest.approx(share)


def test_spread_by_chance_sees_options_and_only_them() -> None:
    rng = np.random.default_rng(0)
    noise: NDArray[np.floating] = rng.normal(0, 1, (4, 5, 3))
    places = noise + 10 * np.arange(4)[:, None, None]  # the place matters, the option does not
    options = noise + 3 * np.arange(5)[None, :, None]
    observed, p = statistics.spread_by_chance(options)
    assert observed == pytest.approx(np.mean([np.std(place.mean(1), ddof=1) for place in options]))
    assert p == 1e-4
    assert statistics.spread_by_chance(places)[1] > 0.05
    assert statistics.spread_by_chance(np.ones((2, 3, 3)))[1] == 1
