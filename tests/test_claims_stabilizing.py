"""Claims on pairs of runs and on sensitivities, the tables behind them, and their figures, on tables made by hand."""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from snnexp.errors import OptionError, UserError
from snnexp.reports import claims_stabilizing, derived
from snnexp.reports.chart import BarPanel, Lines, Panel
from snnexp.reports.interactive import charts
from snnexp.reports.png import png
from snnexp.reports.points import Points
from snnexp.reports.sensitivity import Sensitivity
from snnexp.reports.verdict import NoDataError, Verdict

YES, NO = Verdict.REPRODUCED, Verdict.NOT_REPRODUCED
LR = (0.01, 0.1)


def table(loss: Callable[[str, str, float, int], float]) -> pd.DataFrame:
    """Runs over task x sg x lr x seed; a value that is not finite stands for a diverged run."""
    rows = []
    for task in ("easy", "hard"):
        for sg in "abc":
            for lr in LR:
                for seed in range(4):
                    value = loss(task, sg, lr, seed)
                    done = math.isfinite(value)
                    row = {"task": task, "sg": sg, "lr": lr, "seed": seed, "state": "done" if done else "diverged"}
                    rows.append({**row, "id": "x", "commit": "c", "day": "d", "loss/a": value, "loss/b": value**2})
    return pd.DataFrame(rows)


def spread_on_hard(task: str, sg: str, lr: float, seed: int) -> float:
    """On the hard task the shapes differ; on the easy one the learning rates, and the shapes by a little noise."""
    return 2 + (("abc".index(sg) if task == "hard" else 0.1 * "abc".index(sg)) + 10 * lr) + 0.01 * seed


def test_twins_differ_in_nothing_else() -> None:
    runs = table(spread_on_hard)
    found = claims_stabilizing.better_twin(runs, "loss/a", "lowest", "sg", "a", "b")
    assert (found.verdict, found.reason) == (YES, "a is better in 16 of 16 pairs, p = 1.5e-05")
    assert claims_stabilizing.better_twin(runs, "loss/a", "lowest", "sg", "b", "a").verdict == NO
    assert claims_stabilizing.better_twin(runs, "loss/a", "highest", "sg", "b", "a").verdict == YES
    with pytest.raises(NoDataError, match="4 pairs can't show it"):
        claims_stabilizing.better_twin(runs, "loss/a", "lowest", "sg", "a", "b", {"task": "easy", "lr": 0.1})
    with pytest.raises(UserError, match="a claim names z, the sweep has a, b, c"):
        claims_stabilizing.better_twin(runs, "loss/a", "lowest", "sg", "a", "z")


def test_equal_and_diverged_twins() -> None:
    equal = table(lambda task, sg, lr, seed: 1.0 + seed)
    assert claims_stabilizing.better_twin(equal, "loss/a", "lowest", "sg", "a", "b").verdict == NO
    lost = table(lambda task, sg, lr, seed: math.inf if sg == "b" else 1e9)
    assert claims_stabilizing.better_twin(lost, "loss/a", "lowest", "sg", "a", "b").verdict == YES


def test_noise_rarely_makes_better_twins() -> None:
    noise = np.random.default_rng(0)
    tables = (table(lambda *_: float(noise.normal())) for _ in range(100))
    found = [claims_stabilizing.better_twin(runs, "loss/a", "lowest", "sg", "a", "b").verdict for runs in tables]
    assert found.count(YES) <= 10  # 16 pairs: p = .038 at 12


def test_usually_below() -> None:
    runs = table(spread_on_hard)
    found = claims_stabilizing.usually_below(runs, "loss/a", "loss/b")
    assert (found.verdict, found.reason) == (YES, "smaller in 48 of 48 runs, p = 3.6e-15")
    assert claims_stabilizing.usually_below(runs, "loss/b", "loss/a").verdict == NO


def rises(runs: pd.DataFrame, order: list[str]) -> Verdict:
    return claims_stabilizing.sensitivity_rises(runs, "loss/a", "lowest", "sg", "lr", "task", order).verdict


def test_sensitivity_rises() -> None:
    runs = table(spread_on_hard)
    assert rises(runs, ["easy", "hard"]) == YES
    assert rises(runs, ["hard", "easy"]) == NO
    with pytest.raises(NoDataError, match="1 missing of 24 runs"):
        rises(runs.assign(state=["missing", *runs["state"][1:]]), ["easy", "hard"])


def test_sensitivities_are_those_of_each_value_by_itself() -> None:
    runs = table(spread_on_hard)
    frame = derived.sensitivities(runs, "loss/a", "sg", "lr", "task").set_index("task")
    easy = derived.sensitivity(runs[runs["task"] == "easy"], "loss/a", "sg", "lr").set_index("lr")
    assert frame.loc["easy", "of means"] == easy.loc["mean", "of means"]
    assert frame.loc["easy", "of runs, ± sd/2"] == easy.loc["± sd/2", "of runs"]
    assert frame["runs"].tolist() == [24, 24]
    assert frame.loc["hard", "of means"] > 2 * frame.loc["easy", "of means"]


def test_correlations_of_each_group() -> None:
    runs = table(lambda task, sg, lr, seed: seed + 1.0)
    runs["loss/b"] = np.where(runs["task"] == "easy", 1.0, -1.0) * runs["loss/a"]
    frame = derived.correlations(runs, ["loss/a"], "loss/b", ["task"])
    assert frame[["task", "r", "runs"]].to_numpy().tolist() == [
        ["easy", pytest.approx(1), 24],
        ["hard", pytest.approx(-1), 24],
    ]
    assert derived.correlations(runs, ["loss/a", "loss/b"], "loss/a")["x"].tolist() == ["loss/a", "loss/b"]


def test_every_run_is_a_point() -> None:
    runs = table(lambda task, sg, lr, seed: math.inf if sg == "c" else seed + lr)
    figure = Points(
        {"a loss": ["loss/b"]}, "loss/a", ["task"], labels={"task=hard": "the hard one", "loss/b": "square"}
    )
    easy, hard = figure.panels(runs)
    assert isinstance(easy, Panel)
    assert (easy.title, hard.title) == ("task: easy", "the hard one")
    (line,) = easy.lines
    assert (len(line.x), line.joined, line.points) == (16, False, True)
    assert line.name.startswith("square (r = 0.9")
    assert line.x == pytest.approx(line.y**2)
    waiting = figure.panels(runs.assign(state="missing"))
    assert isinstance(waiting[0], Panel)
    assert [line.name for line in waiting[0].lines] == ["square"]
    assert '"mode":"markers"' in charts([easy, hard])
    assert len(png([easy, hard])) > 10_000
    with pytest.raises(OptionError, match="name at least one panel"):
        Points({}, "loss/a")


def test_bars_of_sensitivity() -> None:
    runs = table(spread_on_hard)
    figure = Sensitivity("loss/a", "sg", "lr", "task", {"task": ["hard", "easy"]}, {"hard": "Hard"})
    (panel,) = figure.panels(runs)
    assert isinstance(panel, BarPanel)
    assert list(panel.places) == ["Hard", "easy"]
    frame = derived.sensitivities(runs, "loss/a", "sg", "lr", "task")
    assert panel.bars[0].y.tolist() == frame["of means"].tolist()[::-1]
    (waiting,) = figure.panels(runs.assign(state="missing"))
    assert isinstance(waiting, BarPanel)
    assert np.isnan(waiting.bars[0].y).all()


def test_marks_are_drawn_where_they_are() -> None:
    runs = table(spread_on_hard)
    runs = runs[runs["task"] == "easy"]
    figure = Lines("lr", "sg", ["loss/a"], log=["lr"], marks={"predicted": 0.03})
    panels = figure.panels(runs)
    assert '"x0":0.03' in charts(panels)
    assert f'"x":{math.log10(0.03)}' in charts(panels)
    assert png(panels) != png(Lines("lr", "sg", ["loss/a"], log=["lr"]).panels(runs))
