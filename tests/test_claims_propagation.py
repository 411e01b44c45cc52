"""Claims on activity, each with runs for which it holds and runs for which it does not."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pytest

from snnexp.errors import OptionError, UserError
from snnexp.reports.claims_propagation import at_least, at_most, better_at_each, falls_along, keeps, near, sign_is
from snnexp.reports.verdict import NoDataError, Verdict

YES, NO, OPEN = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED, Verdict.NO_DATA


def table(**values: Sequence[float]) -> pd.DataFrame:
    """Runs of the option `a`, with these metrics; __ stands for /."""
    count = len(next(iter(values.values())))
    base = {"init": "a", "seed": range(count), "state": "done", "id": "x"}
    return pd.DataFrame({**base, **{name.replace("__", "/"): list(value) for name, value in values.items()}})


def drawn(mean: float, sd: float, count: int = 10) -> list[float]:
    values = np.random.default_rng(0).normal(size=count)
    return list(mean + sd * (values - values.mean()) / values.std(ddof=1))


@pytest.mark.parametrize(
    ("last", "verdict"), [([1, 2, 2, 3, 5], YES), ([1, 2, 2, 3, 6], NO), ([1, 2, 3, 4, 5, 9, 1, 1], YES)]
)
def test_most_die_by(last: list[float], verdict: Verdict) -> None:
    # 4 of 5 are p = 6/32, 7 of 8 are p = 9/256.
    finding = at_most(table(alive__last=last), "alive/last", 5, "init", ["a"])
    assert finding.verdict is verdict
    assert "at most 5 (a, the fewest)" in finding.reason


def test_each_option_must_and_the_worst_is_named() -> None:
    both = pd.concat([table(m__x=[1.0] * 6), table(m__x=[1.0] * 3 + [0.0] * 3).assign(init="b")])
    assert at_least(both, "m/x", 1, "init", ["a"]).verdict is YES
    finding = at_least(both, "m/x", 1, "init", ["a", "b"])
    assert (finding.verdict, finding.reason) == (NO, "3 of 6 runs at least 1 (b, the fewest), p = 0.66")
    with pytest.raises(UserError, match="a claim names c, the sweep has a, b"):
        at_least(both, "m/x", 1, "init", ["c"])
    with pytest.raises(NoDataError, match="4 runs can't show"):
        at_least(table(m__x=[1.0] * 4), "m/x", 1, "init", ["a"])


def test_a_diverged_run_shows_nothing() -> None:
    runs = table(m__x=[1.0] * 6, m__y=[1.0] * 6).assign(state=["done"] * 3 + ["diverged"] * 3)
    assert at_least(runs, "m/x", 1, "init", ["a"]).reason.startswith("3 of 6 runs")
    assert keeps(runs, "m/x", "m/y", 2.0).reason == "no ratio to m/y in 3 runs: 0, or diverged"
    for sign in (1, -1):
        assert sign_is(runs, "m/x", sign)[:2] == (NO, "3 of 6 runs diverged")


@pytest.mark.parametrize(
    ("mean", "sd", "verdict"), [(1.0, 0.1, YES), (1.15, 0.1, OPEN), (1.5, 0.1, NO), (0.7, 0.1, NO), (1.0, 1.0, OPEN)]
)
def test_near(mean: float, sd: float, verdict: Verdict) -> None:
    assert near(table(m__x=drawn(mean, sd)), "m/x", 1.0, 0.2, "init").verdict is verdict


def test_near_at_every_value() -> None:
    cells = [
        table(m__x=drawn(mean, sd)).assign(theta=theta) for theta, mean, sd in ((0, 1, 0.1), (1, 1, 0.4), (2, 2, 0.1))
    ]
    assert near(pd.concat(cells[:2]), "m/x", 1.0, 0.2, "theta").verdict is OPEN
    finding = near(pd.concat(cells), "m/x", 1.0, 0.2, "theta")
    assert finding.verdict is NO
    assert finding.reason.startswith("theta=2: 2 [")
    lost = table(m__x=[1.0, 1.0, np.nan])
    assert near(lost, "m/x", 1.0, 0.2, "init").verdict is NO


@pytest.mark.parametrize(
    ("ratio", "verdict"), [(1.0, YES), (1.9, YES), (0.55, YES), (2.02, OPEN), (3.0, NO), (0.1, NO)]
)
def test_keeps(ratio: float, verdict: Verdict) -> None:
    before = drawn(10, 1)
    after = [ratio * value * spread for value, spread in zip(before, np.exp(drawn(0, 0.02)), strict=True)]
    finding = keeps(table(m__a=before, m__b=after), "m/b", "m/a", 2.0)
    assert finding.verdict is verdict
    assert finding.reason.removeprefix("too few seeds to decide: ").startswith(f"m/b is {ratio:.3g} [")


def test_nothing_is_not_kept() -> None:
    finding = keeps(table(m__a=[1.0] * 3, m__b=[0.0, 1.0, 1.0]), "m/b", "m/a", 2.0)
    assert (finding.verdict, finding.reason) == (NO, "no ratio to m/a in 1 runs: 0, or diverged")
    with pytest.raises(OptionError, match=r"^factor=1\.0: "):
        keeps(table(m__a=[1.0]), "m/a", "m/a", 1.0)


@pytest.mark.parametrize(
    ("means", "verdict"), [((30, 20, 10), YES), ((30, 20, 20.1), NO), ((10, 20, 30), NO), ((30, 10, 20), NO)]
)
def test_falls_along(means: tuple[float, ...], verdict: Verdict) -> None:
    runs = table(**{f"m__{place}": drawn(mean, 1) for place, mean in enumerate(means)})
    assert falls_along(runs, ["m/0", "m/1", "m/2"]).verdict is verdict


@pytest.mark.parametrize(("mean", "sign", "verdict"), [(1, 1, YES), (-1, -1, YES), (1, -1, NO), (0.1, 1, NO)])
def test_sign_is(mean: float, sign: int, verdict: Verdict) -> None:
    assert sign_is(table(m__x=drawn(mean, 0.5)), "m/x", sign).verdict is verdict


CLAIMS: list[Callable[[pd.DataFrame], object]] = [
    lambda runs: near(runs, "m/x", 1.0, 0.2, "init"),
    lambda runs: keeps(runs, "m/x", "m/x", 2.0),
    lambda runs: sign_is(runs, "m/x", 1),
    lambda runs: falls_along(runs, ["m/x", "m/x"]),
    lambda runs: at_most(runs, "m/x", 1, "init", ["a"]),
]


@pytest.mark.parametrize("claim", CLAIMS)
def test_no_verdict_while_a_run_is_missing_or_seeds_are_few(claim: Callable[[pd.DataFrame], object]) -> None:
    runs = table(m__x=[1.0] * 6)
    runs.loc[0, "state"] = "running"
    with pytest.raises(NoDataError, match="1 running of 6 runs"):
        claim(runs)
    with pytest.raises(NoDataError):
        claim(table(m__x=[1.0, 1.0]))


def deep(first: float, second: float) -> pd.DataFrame:
    """Option a beats option b at depth 1 by far, and at depth 2 where `first` is larger than `second`."""
    cells = {(1, "a"): 0.9, (1, "b"): 0.5, (2, "a"): first, (2, "b"): second}
    parts = [
        table(m__x=[mean, mean + 0.01, mean - 0.01]).assign(init=init, depth=depth)
        for (depth, init), mean in cells.items()
    ]
    frame = pd.concat(parts, ignore_index=True)
    return frame[["init", "depth", "seed", "state", "id", "m/x"]]


@pytest.mark.parametrize(("first", "second", "verdict"), [(0.9, 0.1, YES), (0.3, 0.3, NO), (0.3, 0.6, NO)])
def test_better_at_each_value_of_a_key(first: float, second: float, verdict: Verdict) -> None:
    finding = better_at_each(deep(first, second), "m/x", "highest", "init", "a", "b", "depth")
    assert finding.verdict is verdict
    if verdict is NO:
        assert finding.reason.startswith(f"depth=2: a {first:g}, b {second:g}, p = ")


def test_better_at_each_needs_both_options_at_each() -> None:
    with pytest.raises(UserError, match="no run has init=c with depth=1"):
        better_at_each(deep(0.9, 0.1), "m/x", "highest", "init", "a", "c", "depth")
    with pytest.raises(NoDataError, match="2 seeds"):
        better_at_each(deep(0.9, 0.1).query("seed < 2"), "m/x", "highest", "init", "a", "b", "depth")
