"""Claims about numbers: bounds, powers, limits."""

import math
from typing import Any

import pandas as pd
import pytest

from snnexp.errors import OptionError
from snnexp.reports import claims_numeric as claims
from snnexp.reports.verdict import NoDataError, Verdict


def runs(values: list[float], x: list[float] | None = None, seeds: list[int] | None = None) -> pd.DataFrame:
    places = x or [1.0] * len(values)
    rows = [
        {"x": place, "seed": seed, "state": "done", "id": "x", "m/a": value, "m/b": 1.0}
        for place, value, seed in zip(places, values, seeds or range(len(values)), strict=True)
    ]
    return pd.DataFrame(rows)


def verdict(claim: Any, *arguments: Any, **named: Any) -> Verdict:
    found: Verdict = claim(*arguments, **named).verdict
    return found


def test_bounds() -> None:
    assert verdict(claims.bounded, runs([-1e-16, 0.0, 3e-16]), "m/a", -1e-15, 1e-15) == Verdict.REPRODUCED
    assert verdict(claims.bounded, runs([0.0, 0.1, 2.0]), "m/a", high=1.0) == Verdict.NOT_REPRODUCED
    assert verdict(claims.bounded, runs([0.0, 0.1, 2.0]), "m/a", low=0.05) == Verdict.NOT_REPRODUCED
    with pytest.raises(OptionError, match="low=2"):
        claims.bounded(runs([1.0]), "m/a", low=2, high=1)


@pytest.mark.parametrize("bound", [{"low": 0.5}, {"high": 2.0}])
def test_a_run_without_a_number_is_not_within_an_open_bound(bound: dict[str, float]) -> None:
    assert verdict(claims.bounded, runs([1.0, 1.0, 1.0]), "m/a", **bound) == Verdict.REPRODUCED
    assert verdict(claims.bounded, runs([1.0, 1.0, math.nan]), "m/a", **bound) == Verdict.NOT_REPRODUCED


def test_bounds_need_seeds_but_where_nothing_is_drawn() -> None:
    with pytest.raises(NoDataError, match="2 seeds, at least 3"):
        claims.bounded(runs([1.0, 1.0]), "m/a", low=0)
    twice = runs([1.0] * 4, [1.0, 1.0, 2.0, 2.0], [0, 1, 0, 1])  # four runs, still two seeds
    with pytest.raises(NoDataError, match="2 seeds, at least 3"):
        claims.bounded(twice, "m/a", low=0)
    assert verdict(claims.bounded, runs([1.0]), "m/a", low=0, seeds=1) == Verdict.REPRODUCED
    with pytest.raises(OptionError, match="seeds=0"):
        claims.bounded(runs([1.0]), "m/a", seeds=0)


def test_mean_below_a_bound_is_shown_by_the_interval() -> None:
    assert verdict(claims.mean_below, runs([1.0, 1.1, 0.9]), "m/a", 2) == Verdict.REPRODUCED
    assert verdict(claims.mean_below, runs([1.0, 1.1, 0.9]), "m/a", 0.5) == Verdict.NOT_REPRODUCED
    for values, lacking in (
        ([1.0, 3.0, 0.5], "too few seeds to decide"),
        ([1.0, 1.1], "2 seeds"),
        ([1.0, 1.1, math.nan], "no finite number"),
    ):
        with pytest.raises(NoDataError, match=lacking):
            claims.mean_below(runs(values), "m/a", 2)
    with pytest.raises(NoDataError, match="at which x"):
        claims.mean_below(runs([1.0, 1.0], [1.0, 2.0]), "m/a", 2)


def test_smaller_of_two_metrics() -> None:
    assert verdict(claims.smaller, runs([0.5] * 5), "m/a", "m/b") == Verdict.REPRODUCED  # p = 1/32
    with pytest.raises(NoDataError, match="4 runs can't show it"):  # p = 1/16 at best
        claims.smaller(runs([0.5] * 4), "m/a", "m/b")
    assert verdict(claims.smaller, runs([0.5] * 5 + [2.0] * 3), "m/a", "m/b") == Verdict.NOT_REPRODUCED


def test_monotone_and_settling_curves() -> None:
    curve = runs([4.0, 1.0, 2.0], [10.0, 1000.0, 100.0], [0, 0, 0])  # not in order
    assert verdict(claims.monotone, curve, "m/a", "x", -1) == Verdict.REPRODUCED
    assert verdict(claims.monotone, curve, "m/a", "x", 1) == Verdict.NOT_REPRODUCED
    assert verdict(claims.settles, curve, "m/a", "x", 0.1) == Verdict.NOT_REPRODUCED
    flat = runs([4.0, 1.0, 1.01], [10.0, 1000.0, 100.0], [0, 0, 0])
    assert verdict(claims.settles, flat, "m/a", "x", 0.1) == Verdict.REPRODUCED
    assert verdict(claims.settles, runs([1.0, 0.0], [1.0, 2.0]), "m/a", "x", 0.1) == Verdict.NOT_REPRODUCED
    with pytest.raises(NoDataError, match="one run at each"):
        claims.monotone(runs([1.0, 2.0]), "m/a", "x", 1)


@pytest.mark.parametrize("values", [[1.0, 2.0, math.nan], [1.0, math.nan, math.nan]])
def test_a_diverged_run_is_neither_a_higher_value_nor_a_limit(values: list[float]) -> None:
    curve = runs(values, [1.0, 2.0, 3.0], [0, 0, 0])
    assert verdict(claims.monotone, curve, "m/a", "x", 1) == Verdict.NOT_REPRODUCED
    assert verdict(claims.monotone, curve, "m/a", "x", -1) == Verdict.NOT_REPRODUCED
    assert verdict(claims.settles, curve, "m/a", "x", 0.9) == Verdict.NOT_REPRODUCED


def powers(exponents: list[float]) -> pd.DataFrame:
    places = [1.0, 10.0, 100.0]
    values = [3 * place**exponent for exponent in exponents for place in places]
    return runs(values, places * len(exponents), [seed for seed in range(len(exponents)) for _ in places])


def test_power_law() -> None:
    claim: dict[str, Any] = {"metric": "m/a", "x": "x", "exponent": -2, "within": 0.1}
    assert verdict(claims.power_law, powers([-2.0, -2.01, -1.99]), **claim) == Verdict.REPRODUCED
    assert verdict(claims.power_law, powers([-1.0, -1.01, -0.99]), **claim) == Verdict.NOT_REPRODUCED
    with pytest.raises(NoDataError, match="too few seeds"):
        claims.power_law(powers([-2.0, -2.3, -1.7]), **claim)
    assert verdict(claims.power_law, runs([0.0] * 9, [1.0, 2.0, 3.0] * 3), **claim) == Verdict.NOT_REPRODUCED
