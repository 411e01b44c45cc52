"""The benchmarks run and give the rows that their table needs; how fast is for a reader to see."""

import math

import pytest

from scripts.bench import growth, plain
from snnexp.benchmarks import load, loading


def test_load_measures_every_number_of_runs() -> None:
    rows = load.measure([40, 80])
    assert [row["runs"] for row in rows] == [40, 80]
    assert all(row[name] > 0 for row in rows for name in ("plan", "skip", "report"))


def test_growth_is_the_time_of_a_run_against_the_first_row() -> None:
    shown = growth("load", [{"runs": 10, "plan": 1.0}, {"runs": 40, "plan": 6.0}])
    assert list(shown.columns[1].cells) == ["1 s (1.00)", "6 s (1.50)"]


def test_loading_measures_ours_tonic_and_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SNNEXP_DATA", raising=False)
    small = ["dataset.batch_size=8", "dataset.step_ms=20", "network.widths=[8]", "threads=1"]
    (row,) = loading.measure(24, 2, small)
    assert row["data set"] == "synthetic"
    assert row["batch"] == 8
    numbers = [value for value in row.values() if not isinstance(value, str)]
    assert all(math.isfinite(number) and number > 0 for number in numbers)
    assert plain("loading", [row]).columns[0].header == "data set"
