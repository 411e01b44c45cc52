"""Accuracy over spikes, its knee, and curves over epochs."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from snnexp.errors import OptionError
from snnexp.reports.chart import Panel
from snnexp.reports.epochs import Epochs
from snnexp.reports.png import png
from snnexp.reports.spending import Knee, Spending, critical_spikes, fit

RATES = np.array([0.0, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2])
TRUE = Knee(chance=0.1, plateau=0.95, half=5.0, steepness=2.0)


def table() -> pd.DataFrame:
    """Rates of which 10,000 units times steps make spikes; accuracy on a known curve."""
    rows = [
        {"most": bound, "seed": seed, "state": "done", "id": "x", "test/rate/0": rate, "test/accuracy": accuracy}
        for bound, (rate, accuracy) in enumerate(zip(RATES, TRUE.at(1e4 * RATES), strict=True))
        for seed in range(3)
    ]
    return pd.DataFrame(rows)


def test_the_curve_is_found_again() -> None:
    found = fit(1e4 * RATES, TRUE.at(1e4 * RATES), 0.1)
    assert found == pytest.approx(TRUE, rel=1e-3)
    assert TRUE.at(np.array([0.0, 5.0])) == pytest.approx([0.1, 0.525])
    assert TRUE.critical(0.95) == pytest.approx(5 * 19**0.5)
    assert TRUE.at(np.array([TRUE.critical(0.95)])) == pytest.approx([0.1 + 0.95 * 0.85])


def test_no_curve_of_few_points_or_of_chance() -> None:
    assert np.isnan(fit(RATES[:4], RATES[:4], 0.1).half)
    assert np.isnan(fit(RATES, np.full(7, 0.1), 0.1).half)


def test_table_of_the_critical_number() -> None:
    (row,) = critical_spikes(table(), "test/rate/0", "test/accuracy", 1e4, 0.1, 0.95).to_dict("records")
    assert row["critical number"] == pytest.approx(5 * 19**0.5, rel=1e-2)
    assert row["runs"] == 21
    with pytest.raises(OptionError, match="share=1: must lie between 0 and 1"):
        critical_spikes(table(), "test/rate/0", "test/accuracy", 1e4, 0.1, 1)


def test_the_curve_that_is_drawn_is_that_of_the_table() -> None:
    runs = table()
    runs.loc[runs["seed"] == 0, "test/rate/0"] *= 5  # so that means over the seeds lie on another curve
    figure = Spending(x="test/rate/0", y="test/accuracy", scale=1e4, chance=0.1)
    (panel,) = figure.panels(runs)
    assert isinstance(panel, Panel)
    _, curve = panel.lines
    (row,) = critical_spikes(runs, "test/rate/0", "test/accuracy", 1e4, 0.1, 0.5).to_dict("records")
    half_way = 0.1 + 0.5 * (row["plateau"] - 0.1)
    assert np.interp(row["half-way"], curve.x, curve.y) == pytest.approx(half_way, abs=2e-3)


def test_points_and_their_curve() -> None:
    figure = Spending(x="test/rate/0", y="test/accuracy", scale=1e4, chance=0.1)
    (panel,) = figure.panels(table())
    assert isinstance(panel, Panel)
    points, curve = panel.lines
    assert points.x == pytest.approx(1e4 * RATES)
    assert (points.dashed, curve.dashed, panel.x_log) == (False, True, True)
    assert curve.y[-1] == pytest.approx(TRUE.at(np.array([300.0]))[0], rel=1e-3)
    assert len(png([panel])) > 1000
    (empty,) = figure.panels(table().assign(state="missing"))
    assert len(png([empty])) > 1000


def test_curves_of_the_best_over_epochs(tmp_path: Path) -> None:
    rows = []
    for number, (sg, final) in enumerate([("a", 0.5), ("a", 0.9), ("a", 0.7), ("b", 0.3)]):
        folder = tmp_path / str(number)
        folder.mkdir()
        lines = [{"epoch": 0, "val/accuracy": 0.1}] + [
            {"epoch": epoch, "val/accuracy": 0.1 + (final - 0.1) * epoch / 2} for epoch in (1, 2)
        ]
        (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        rows.append({"sg": sg, "lr": number, "seed": 0, "state": "done", "id": str(number), "folder": folder})
        rows[-1] |= {"val/accuracy/max": final}
    figure = Epochs(y=["val/accuracy"], series=["sg"], rank="val/accuracy/max", best="highest", top=2)
    (panel,) = figure.panels(pd.DataFrame(rows))
    assert isinstance(panel, Panel)
    first, second = panel.lines
    assert first.x.tolist() == [0, 1, 2]
    assert first.y == pytest.approx([0.1, 0.45, 0.8])  # of .9 and .7, not of .5
    assert first.half[-1] == pytest.approx(np.std([0.9, 0.7], ddof=1))
    assert second.y[-1] == pytest.approx(0.3)
    (empty,) = figure.panels(pd.DataFrame(rows).assign(state="missing"))
    assert len(png([empty])) > 1000
