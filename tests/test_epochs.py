"""Curves over the epochs: which runs, their mean, and which lines are dashed."""

import json
from pathlib import Path

import pandas as pd
import pytest

from snnexp.errors import UserError
from snnexp.reports.chart import Panel
from snnexp.reports.epochs import Epochs, logged


def runs(folder: Path) -> pd.DataFrame:
    """Two options at two depths, two seeds each; the accuracy of an epoch is epoch / 10, more by the seed / 100."""
    rows = []
    for number, (depth, init, seed) in enumerate((d, i, s) for d in (3, 8) for i in ("a", "b") for s in (0, 1)):
        place = folder / str(number)
        place.mkdir()
        lines = [{"epoch": epoch, "train/accuracy": epoch / 10 + seed / 100} for epoch in (1, 2)]
        (place / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
        rows.append({"depth": depth, "init": init, "seed": seed, "state": "done", "id": str(number), "folder": place})
    return pd.DataFrame(rows).assign(**{"train/accuracy/last": 0.2})


def figure(**options: object) -> Epochs:
    given = {"y": ["train/accuracy"], "series": ["init", "depth"], "rank": "train/accuracy/last", "best": "highest"}
    return Epochs(**{**given, **options})  # type: ignore[arg-type]


def test_a_line_is_the_mean_over_seeds_for_every_combination(tmp_path: Path) -> None:
    table = runs(tmp_path)
    assert logged(table["folder"].iloc[1], "train/accuracy") == {1: pytest.approx(0.11), 2: pytest.approx(0.21)}
    (panel,) = figure(labels={"3": "3 layers"}).panels(table)
    assert isinstance(panel, Panel)
    assert [line.name for line in panel.lines] == ["a, 3 layers", "b, 3 layers", "a, 8", "b, 8"]
    assert panel.lines[0].y.tolist() == pytest.approx([0.105, 0.205])
    assert panel.lines[0].half.tolist() == pytest.approx([0.00707, 0.00707], abs=1e-5)
    assert len({line.colour for line in panel.lines}) == 4


def test_dashed_lines_have_the_colour_of_the_one_before(tmp_path: Path) -> None:
    (panel,) = figure(dashed=["b"]).panels(runs(tmp_path))
    assert isinstance(panel, Panel)
    assert [line.dashed for line in panel.lines] == [False, True, False, True]
    colours = [line.colour for line in panel.lines]
    assert colours[0] == colours[1] != colours[2] == colours[3]


def test_without_runs_that_are_done_there_are_no_lines(tmp_path: Path) -> None:
    (panel,) = figure(dashed=["b"]).panels(runs(tmp_path).assign(state="missing"))
    assert isinstance(panel, Panel)
    assert panel.lines == []


def test_an_ended_run_without_its_lines_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"metrics\.jsonl is not there, though the run has ended; train\.py with force"):
        logged(tmp_path, "train/accuracy")
