"""Main effects of a full grid, on tables whose means are known."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from snnexp.errors import OptionError, UserError
from snnexp.reports.effects import Effects, effects
from snnexp.reports.interactive import charts
from snnexp.reports.png import png

SEEDS = (0, 1, 2)
EFFECT = {"a": 0.1, "b": 0.3, "c": 0.2}


def table() -> pd.DataFrame:
    """Accuracy = effect of sg + gamma + seed / 10, and .4 more for (c, 1.0); the loss is 1 - accuracy."""
    rows = [
        {
            "sg": sg,
            "gamma": gamma,
            "seed": seed,
            "state": "done",
            "id": "x",
            "test/acc": accuracy,
            "val/loss": 1 - accuracy,
        }
        for sg in EFFECT
        for gamma in (0.5, 1.0)
        for seed in SEEDS
        for accuracy in [EFFECT[sg] + gamma + seed / 10 + 0.4 * (sg == "c" and gamma == 1.0)]
    ]
    return pd.DataFrame(rows)


FIGURE = Effects(["sg", "gamma"], "test/acc", rank="val/loss", best="lowest", order=["c"], labels={"sg": "shape"})


def test_a_bar_for_all_runs_with_a_value_and_one_for_the_best() -> None:
    shapes, gammas = FIGURE.panels(table())
    assert (shapes.x_label, shapes.y_label, list(shapes.places)) == ("shape", "test/acc", ["c", "a", "b"])
    everything, best = shapes.bars
    assert everything.y == pytest.approx([0.2 + 0.75 + 0.1 + 0.2, 0.1 + 0.75 + 0.1, 0.3 + 0.75 + 0.1])
    assert best.y == pytest.approx([0.2 + 1 + 0.1 + 0.4, 0.1 + 1 + 0.1, 0.3 + 1 + 0.1])
    assert everything.half == pytest.approx([0.1] * 3)  # the seeds' sd, with nothing of the grid in it
    assert list(gammas.places) == ["0.5", "1"]
    assert everything.notes[0] == "<b>c</b>, all runs with it<br>1.25 ± 0.1 (sd)<br>3 seeds"


def test_diverged_runs_are_left_out_and_no_run_at_all_is_no_bar() -> None:
    runs = table()
    runs.loc[(runs["sg"] == "a") & (runs["gamma"] == 1.0), ["state", "test/acc"]] = ["diverged", math.nan]
    (shapes, _) = FIGURE.panels(runs)
    assert shapes.bars[0].y[1] == pytest.approx(0.1 + 0.5 + 0.1)
    waiting = table().assign(state="missing").drop(columns=["test/acc", "val/loss"])
    panels = FIGURE.panels(waiting)
    assert all(np.isnan(bar.y).all() for panel in panels for bar in panel.bars)
    assert png(panels).startswith(b"\x89PNG")
    assert "all runs with it" in charts(FIGURE.panels(table()))


def test_the_best_value_of_each_choice_and_how_far_it_is_ahead() -> None:
    runs = table()
    noise = np.array([0.03, -0.01, 0.01])
    runs.loc[runs["sg"] == "c", "test/acc"] += np.tile(noise, 2)
    shape, gamma = effects(runs, "test/acc", "highest", ["sg", "gamma"]).to_dict("records")
    assert (shape["choice"], shape["best"], shape["next"], gamma["best"]) == ("sg", "c", "b", 1.0)
    assert shape["test/acc"] == pytest.approx(1.25 + 0.01)
    assert shape["difference"] == pytest.approx(0.1 + 0.01)
    low, high = stats.t.interval(0.95, 2, 0.1 + noise.mean(), stats.sem(noise))  # of each seed with itself
    assert shape["95%"] == f"{low:.3g} to {high:.3g}"
    lowest = effects(runs, "val/loss", "lowest", ["gamma"]).to_dict("records")
    assert lowest[0]["best"] == 1.0


def test_without_runs_the_table_names_the_choices() -> None:
    waiting = table().assign(state="missing")
    assert effects(waiting, "test/acc", "highest", ["sg"]).to_dict("records") == [{"choice": "sg"}]


def test_mistakes() -> None:
    with pytest.raises(OptionError, match="name at least one swept key"):
        Effects([], "test/acc", "val/loss", "lowest")
    with pytest.raises(UserError, match="no run has init"):
        Effects(["init"], "test/acc", "val/loss", "lowest").panels(table())
