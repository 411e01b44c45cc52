"""The best runs of a grid, and what is claimed and drawn of them."""

import math
from functools import partial

import numpy as np
import pandas as pd
import pytest

from snnexp.errors import OptionError, UserError
from snnexp.reports.best import averaged, picked
from snnexp.reports.chart import BarPanel, MapPanel
from snnexp.reports.claims import best_is
from snnexp.reports.claims_grids import among, at_best, of_best
from snnexp.reports.claims_numbers import times_more
from snnexp.reports.grids import Bars, Grid
from snnexp.reports.interactive import charts
from snnexp.reports.png import png
from snnexp.reports.published import OfBest
from snnexp.reports.report import Report
from snnexp.reports.verdict import NoDataError, Verdict

LRS = (1e-3, 1e-2, 1e-1)


def table(seeds: int = 3) -> pd.DataFrame:
    """Validation likes shape a at .01 and shape b at .1; test accuracy is .1 higher for a, less for later seeds."""
    rows = []
    for seed in range(seeds):
        for sg in ("a", "b"):
            for lr in LRS:
                away = abs(math.log10(lr / (1e-2 if sg == "a" else 1e-1)))
                test = 0.8 + 0.1 * (sg == "a") - 0.2 * away - 0.01 * seed
                rows.append({"sg": sg, "lr": lr, "seed": seed, "state": "done", "id": f"{seed}{sg}{lr}"})
                rows[-1] |= {"val/accuracy": 1 - 0.3 * away, "test/accuracy": test}
    return pd.DataFrame(rows)


def diverged(runs: pd.DataFrame, rows: pd.Series) -> pd.DataFrame:
    runs.loc[rows, "state"] = "diverged"
    return runs


def test_picked_are_the_best_of_each_seed() -> None:
    best = picked(table(), "val/accuracy", "highest", ["sg"], 1)
    assert list(zip(best["sg"], best["lr"], best["seed"], strict=True)) == [
        (sg, lr, seed) for seed in range(3) for sg, lr in (("a", 1e-2), ("b", 1e-1))
    ]
    worst = picked(table(), "val/accuracy", "lowest", ["sg"], 1)
    assert set(worst.loc[worst["sg"] == "b", "lr"]) == {1e-3}
    with pytest.raises(OptionError, match="top=0: must be at least 1"):
        picked(table(), "val/accuracy", "highest", ["sg"], 0)


def test_averages_of_the_two_best_and_of_those_that_diverged() -> None:
    runs = table()
    both = averaged(picked(runs, "val/accuracy", "highest", ["sg"], 2), ["sg"])
    b = both[(both["sg"] == "b") & (both["seed"] == 2)].iloc[0]
    assert b["test/accuracy"] == pytest.approx((0.78 + 0.58) / 2)
    lost = diverged(runs, (runs["sg"] == "b") & (runs["lr"] > 5e-3))
    states = averaged(picked(lost, "val/accuracy", "highest", ["sg"], 2), ["sg"]).groupby("sg")["state"].first()
    assert dict(states) == {"a": "done", "b": "diverged"}


WINS = partial(best_is, metric="test/accuracy", best="highest", by="sg", winner="a")
ASK = partial(of_best, claim=WINS, rank="val/accuracy", best="highest", by=["sg"])


def test_an_option_with_a_slash_in_its_name_is_no_measure() -> None:
    runs = table()
    runs.insert(0, "network/output", "spiking")
    mean = averaged(picked(runs, "val/accuracy", "highest", ["network/output"], 2), ["network/output"])
    assert set(mean["network/output"]) == {"spiking"}
    assert mean["val/accuracy"].between(0, 1).all()


def test_claims_of_the_best_are_judged_by_what_did_not_choose() -> None:
    finding = ASK(table())
    assert finding.verdict is Verdict.REPRODUCED
    assert finding.reason.startswith("a 0.89, b 0.79, p = 0.05")
    swapped = table().replace({"sg": {"a": "b", "b": "a"}})
    assert ASK(swapped).verdict is Verdict.NOT_REPRODUCED
    waiting = table()
    waiting.loc[0, "state"] = "missing"
    with pytest.raises(NoDataError, match="1 missing of 18 runs"):
        ASK(waiting)
    with pytest.raises(NoDataError, match="2 seeds, at least 3 are needed"):
        ASK(table(seeds=2))


def test_claims_among_some_values() -> None:
    alone = partial(best_is, metric="test/accuracy", best="highest", by="sg", winner="b")
    assert among(table(), alone, "lr", [1e-1]).verdict is Verdict.REPRODUCED
    assert among(table(), alone, "lr", [1e-2]).verdict is Verdict.NOT_REPRODUCED
    with pytest.raises(UserError, match=r"no run has lr=5; there are 0\.001, 0\.01, 0\.1"):
        among(table(), alone, "lr", [1e-1, 5])


def test_where_the_best_lies() -> None:
    where = partial(at_best, rank="val/accuracy", best="highest", by=["sg"], of="lr")
    assert where(table(4), low=1e-2, high=1e-1).verdict is Verdict.REPRODUCED  # eight of eight: p = .039
    assert where(table(4), low=1e-3, high=1e-2).reason.startswith("4 of 8 between 0.001 and 0.01 (0.01: 4, 0.1: 4)")
    assert where(table(4), low=1e-3, high=1e-2).verdict is Verdict.NOT_REPRODUCED
    with pytest.raises(NoDataError, match="too few to decide"):  # six of six would have p = .088
        where(table(), low=1e-2, high=1e-1)
    first = table(4).assign(state="diverged")
    assert where(first, low=1e-3, high=1e-3).reason == "0 of 8 between 0.001 and 0.001 (), p = 1"


def test_times_more() -> None:
    runs = table(5)
    runs["val/firing_rate/0"] = np.where(runs["sg"] == "a", 0.4, 0.1) * (1 + 0.01 * runs["seed"])
    ask = partial(times_more, metric="val/firing_rate/0", by="sg", more="a", than="b", at={"lr": 1e-2})
    assert ask(runs, factor=3.9).verdict is Verdict.REPRODUCED
    assert ask(runs, factor=4.1).verdict is Verdict.NOT_REPRODUCED
    noisy = runs.assign(**{"val/firing_rate/0": runs["val/firing_rate/0"] * (1 + runs["seed"] * (runs["sg"] == "a"))})
    with pytest.raises(NoDataError, match=r"too few seeds to decide: .* times, claimed 10"):
        ask(noisy, factor=10)


def test_times_more_than_none() -> None:
    runs = table(5).assign(**{"val/firing_rate/0": 0.1})
    ask = partial(times_more, metric="val/firing_rate/0", by="sg", more="a", than="b", factor=3, at={"lr": 1e-2})
    silent = {sg: runs["sg"] == sg for sg in "ab"}
    none_of_b = ask(runs.assign(**{"val/firing_rate/0": 0.1 * ~silent["b"]}))
    assert none_of_b[:2] == (Verdict.REPRODUCED, "val/firing_rate/0 is 0 at sg=b")
    some = runs.assign(**{"val/firing_rate/0": 0.1 * ~(silent["a"] & (runs["seed"] == 0))})
    assert ask(some)[:2] == (Verdict.NOT_REPRODUCED, "val/firing_rate/0 is 0 at sg=a")
    with pytest.raises(NoDataError, match="is 0 in 1 of 5 runs at sg=b, so that there is no mean ratio"):
        ask(runs.assign(**{"val/firing_rate/0": 0.1 * ~(silent["b"] & (runs["seed"] == 0))}))


VALUE = OfBest(
    words="the two best of b",
    metric="test/accuracy",
    value=0.69,
    tolerance=0.05,
    where="a plot",
    sure="plot",
    at={"sg": "b"},
    rank="val/accuracy",
    best="highest",
    top=2,
)


def test_a_published_mean_of_the_best() -> None:
    finding = VALUE.finding(table())
    assert finding.verdict is Verdict.REPRODUCED
    assert finding.reason.startswith("ours 0.69 [")


BARS = Bars(x="sg", y=["test/accuracy"], rank="val/accuracy", best="highest", order=["b"], labels={"a": "first"})
GRID = Grid(x="sg", y="lr", metric="test/accuracy", low=0.1, high=1.0)


@pytest.mark.parametrize(
    ("scale", "stand_in", "verdict", "said"),
    [
        ("paper", None, "reproduced", "ours"),
        ("reduced", None, "no data yet", "reduced scale, so no verdict: ours"),
        ("paper", "x for y", "no data yet", "paper scale, stand-in data, so no verdict: ours"),
    ],
)
def test_published_values_are_of_the_papers_scale_and_data(
    scale: str, stand_in: str | None, verdict: str, said: str
) -> None:
    report = Report(
        "t",
        "w",
        scale,
        ["test/accuracy"],
        BARS,
        {"a is best": ASK},
        [VALUE],
        stand_in=stand_in,  # type: ignore[arg-type]
    )
    value, claim = report.judge(table())
    assert value.finding.verdict == verdict
    assert value.finding.reason.startswith(said)
    assert claim.words == "a is best" + (" (stand-in data)" if stand_in else "")
    assert claim.finding.verdict is Verdict.REPRODUCED
    assert ("x for y" in report.caveat) == (stand_in is not None)


def test_bars_show_the_best_of_each_seed() -> None:
    (panel,) = BARS.panels(table())
    assert isinstance(panel, BarPanel)
    assert panel.places == ["b", "first"]
    (bars,) = panel.bars
    assert bars.y == pytest.approx([0.79, 0.89])
    assert bars.half == pytest.approx([0.01, 0.01])
    assert bars.notes[1] == "<b>first</b><br>0.89 ± 0.01 (sd)<br>3 runs"
    (beside,) = Bars(x="lr", series="sg", y=["test/accuracy"], rank="val/accuracy", best="highest").panels(table())
    assert isinstance(beside, BarPanel)
    assert [bars.name for bars in beside.bars] == ["a", "b"]
    assert beside.bars[1].y == pytest.approx([0.39, 0.59, 0.79])


def test_a_grid_has_a_cell_for_each_pair() -> None:
    runs = table()
    (panel,) = GRID.panels(diverged(runs, (runs["sg"] == "a") & (runs["lr"] == 1e-3)))
    assert isinstance(panel, MapPanel)
    assert (panel.x_names, panel.y_names) == (["a", "b"], ["0.001", "0.01", "0.1"])
    assert panel.z == pytest.approx(np.array([[np.nan, 0.39], [0.89, 0.59], [0.69, 0.79]]), nan_ok=True)
    with pytest.raises(OptionError, match="facets=null: sg is swept too and has no place"):
        Grid(x="seed", y="lr", metric="test/accuracy", low=0.1, high=1.0).panels(runs)


def test_both_are_drawn_with_runs_and_without() -> None:
    for runs in (table(), table().assign(state="missing")):
        panels = [*BARS.panels(runs), *GRID.panels(runs)]
        assert len(png(panels)) > 1000
        assert "chart-1" in charts(panels)
