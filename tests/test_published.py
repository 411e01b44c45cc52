"""Published values: reproduced only where the seeds show it, and never bent."""

from typing import Any

import pandas as pd
import pytest

from snnexp.errors import OptionError
from snnexp.reports.published import Bound, Exact, Value
from snnexp.reports.verdict import Finding, NoDataError, Verdict

WORDS: dict[str, Any] = {"words": "accuracy", "metric": "test/accuracy", "where": "Fig. 4", "sure": "plot"}


def runs(values: list[float], state: str = "done") -> pd.DataFrame:
    rows = [{"sg": "a", "seed": seed, "state": state, "id": "x", "test/accuracy": v} for seed, v in enumerate(values)]
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("ours", "verdict"),
    [
        ([0.757, 0.758, 0.759], Verdict.REPRODUCED),
        ([0.60, 0.61, 0.62], Verdict.NOT_REPRODUCED),
        ([0.90, 0.91, 0.92], Verdict.NOT_REPRODUCED),
        ([0.70, 0.76, 0.82], Verdict.NO_DATA),  # the right mean, but anything could be
        ([0.783, 0.786, 0.789], Verdict.NO_DATA),  # across the edge
    ],
)
def test_verdict_is_that_of_the_interval(ours: list[float], verdict: Verdict) -> None:
    finding = Value(**WORDS, value=0.758, tolerance=0.031).finding(runs(ours))
    assert finding.verdict == verdict
    assert "theirs 0.758 (tolerance 0.031)" in finding.reason


def test_more_seeds_decide() -> None:
    value = Value(**WORDS, value=0.758, sd=0.031)
    assert value.finding(runs([0.74, 0.76, 0.78])).reason.startswith(
        "too few seeds to decide: ours 0.76 [0.7103, 0.8097]"
    )
    finding = value.finding(runs([0.74, 0.76, 0.78] * 4))
    assert finding.verdict == Verdict.REPRODUCED
    assert finding.reason == "ours 0.76 [0.7492, 0.7708], n = 12; theirs 0.758 ± 0.031"


def test_diverged_runs_do_not_reproduce_a_value() -> None:
    table = runs([0.758, 0.758, 0.758])
    table.loc[0, "state"] = "diverged"
    assert Value(**WORDS, value=0.758, sd=0.031).finding(table).reason == "1 of 3 runs diverged"


def test_no_verdict_without_the_runs() -> None:
    value = Value(**WORDS, value=0.758, sd=0.031)
    with pytest.raises(NoDataError, match="2 seeds, at least 3 are needed"):
        value.finding(runs([0.7, 0.8]))
    with pytest.raises(NoDataError, match="3 failed of 3 runs"):
        value.finding(runs([0.7, 0.8, 0.9], "failed"))
    with pytest.raises(NoDataError, match="does not say at which sg"):
        value.finding(pd.concat([runs([0.7] * 3), runs([0.7] * 3).assign(sg="b")]))


def test_value_needs_a_tolerance_and_a_source() -> None:
    with pytest.raises(OptionError, match="tolerance=null: give it, or sd"):
        Value(**WORDS, value=0.7)
    with pytest.raises(OptionError, match="sure=certain: must be one of printed, plot, code"):
        Value(**{**WORDS, "sure": "certain"}, value=0.7, sd=0.1)


def test_an_exact_value_needs_one_run_and_every_run() -> None:
    runs = pd.DataFrame(
        {"beta": [1, 5], "seed": [0, 0], "state": "done", "id": ["x", "y"], "loop/integral": [1.0, 2.0]}
    )
    exact = Exact("integral", "loop/integral", value=2.004, where="Fig. 5", sure="code", tolerance=5e-3, at={"beta": 5})
    assert exact.finding(runs).verdict is Verdict.REPRODUCED
    both = Exact("integral", "loop/integral", value=2.004, where="Fig. 5", sure="code", tolerance=5e-3)
    assert both.finding(runs) == Finding(
        Verdict.NOT_REPRODUCED,
        "ours 1; theirs 2.004 (tolerance 0.005)",
        "difference against the tolerance; nothing is drawn",
    )
    diverged = runs.assign(state=["done", "diverged"])
    assert exact.finding(diverged).verdict is Verdict.NOT_REPRODUCED


@pytest.mark.parametrize(
    ("ours", "sign", "verdict"),
    [
        ([0.93, 0.94, 0.95], 1, Verdict.REPRODUCED),
        ([0.93, 0.94, 0.95], -1, Verdict.NOT_REPRODUCED),
        ([0.83, 0.84, 0.85], 1, Verdict.NOT_REPRODUCED),
        ([0.83, 0.84, 0.85], -1, Verdict.REPRODUCED),
        ([0.85, 0.92, 0.95], 1, Verdict.NO_DATA),  # across the bound
        ([0.1, 0.1, 0.1], -1, Verdict.REPRODUCED),
    ],
)
def test_a_bound_has_two_sides(ours: list[float], sign: int, verdict: Verdict) -> None:
    finding = Bound(**WORDS, value=0.9, sign=sign).finding(runs(ours))
    assert finding.verdict == verdict
    assert finding.reason.endswith(f"theirs {'above' if sign == 1 else 'below'} 0.9")


def test_a_bound_on_runs_that_diverged_or_are_missing() -> None:
    table = runs([0.95, 0.95, 0.95])
    table.loc[0, "state"] = "diverged"
    assert Bound(**WORDS, value=0.9, sign=1).finding(table).reason == "1 of 3 runs diverged"
    with pytest.raises(NoDataError, match="3 failed of 3 runs"):
        Bound(**WORDS, value=0.9, sign=1).finding(runs([0.95] * 3, "failed"))
    with pytest.raises(OptionError, match="must be 1 or -1"):
        Bound(**WORDS, value=0.9, sign=0)
