"""Claims about numbers: every verdict, at the border and without data."""

from typing import Any

import pandas as pd
import pytest

from snnexp.errors import UserError
from snnexp.reports.claims_numbers import equals, follows
from snnexp.reports.verdict import NoDataError, Verdict


def table(metric: list[float | None], other: list[float] | None = None, **keys: list[Any]) -> pd.DataFrame:
    size = len(metric)
    done = {"seed": list(range(size)), "state": ["done"] * size, "m/0": metric, "p/0": other or [1.0] * size}
    return pd.DataFrame({**keys, **done})


@pytest.mark.parametrize(
    ("values", "verdict"),
    [
        ([2.02, 2.0, 1.98], Verdict.REPRODUCED),
        ([2.5, 2.52, 2.48], Verdict.NOT_REPRODUCED),
        ([1.5, 2.0, 2.5], Verdict.NO_DATA),
    ],
)
def test_follows_a_metric_or_a_number(values: list[float | None], verdict: Verdict) -> None:
    assert follows(table(values, [2.0] * 3), "m/0", "p/0", 0.1).verdict is verdict
    assert follows(table(values), "m/0", 2, 0.1).verdict is verdict


def test_equals() -> None:
    runs = table([1.0, 0.5, 0.5001], sg=["a", "b", "b"])
    assert equals(runs, "m/0", "sg", {"a": 1, "b": 0.5}, 1e-3).verdict is Verdict.REPRODUCED
    found = equals(runs, "m/0", "sg", {"a": 1, "b": 0.5}, 1e-5)
    assert found.verdict is Verdict.NOT_REPRODUCED
    assert found.reason == "farthest at b: 0.5001, expected 0.5 (tolerance 1e-05)"
    assert equals(runs, "m/0", "sg", {"a": 1}, 1e-5).verdict is Verdict.REPRODUCED
    with pytest.raises(UserError, match="no run has sg=c; there are a, b"):
        equals(runs, "m/0", "sg", {"c": 1}, 1e-3)
    with pytest.raises(NoDataError, match="1 missing of 3 runs"):
        equals(runs.assign(state=["done", "done", "missing"]), "m/0", "sg", {"a": 1}, 1e-3)
