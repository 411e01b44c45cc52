"""The benchmarks run and give the rows that their table needs; how fast is for a reader to see."""

from scripts.bench import table
from snnexp.benchmarks import load


def test_load_measures_every_number_of_runs() -> None:
    rows = load.measure([40, 80])
    assert [row["runs"] for row in rows] == [40, 80]
    assert all(row[name] > 0 for row in rows for name in ("plan", "skip", "report"))


def test_growth_is_the_time_of_a_run_against_the_first_row() -> None:
    shown = table("load", [{"runs": 10, "plan": 1.0}, {"runs": 40, "plan": 6.0}])
    assert list(shown.columns[1].cells) == ["1 s (1.00)", "6 s (1.50)"]
