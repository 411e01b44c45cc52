"""The table of runs: a row for every planned run, whatever became of it."""

import json
import math
import os
from pathlib import Path

import pandas as pd
import pytest

from snnexp.errors import UserError
from snnexp.reports import derived
from snnexp.reports.table import Planned, cells, read, select, swept, values
from tests.runs import run
from tests.sweeps import write_run


@pytest.fixture
def runs(tmp_path: Path) -> pd.DataFrame:
    write_run(tmp_path, "a0", {"val/loss": 1.0, "val/loss/min": 0.5})
    write_run(tmp_path, "a1", {"val/loss": 3.0, "val/loss/min": 1.5}, commit="1" * 40)
    write_run(tmp_path, "b0", {"val/loss": None, "val/loss/min": 9.0}, "diverged")
    os.utime(tmp_path / "a0" / "result.json", (0, 86400 * 365))
    plan = [("a0", "done", "a", 0), ("a1", "done", "a", 1), ("b0", "diverged", "b", 0), ("b1", "failed", "b", 1)]
    return read(tmp_path, [Planned(run, state, {"sg": sg, "lr": "1e-3"}, seed) for run, state, sg, seed in plan])


def test_every_run_is_a_row(runs: pd.DataFrame) -> None:
    assert list(runs.columns) == [
        "sg",
        "lr",
        "seed",
        "state",
        "id",
        "folder",
        "commit",
        "day",
        "val/loss",
        "val/loss/min",
    ]
    assert list(runs["state"]) == ["done", "done", "diverged", "failed"]
    assert list(runs["lr"]) == [0.001] * 4
    assert runs["day"][0] == "1971-01-01"
    assert list(runs["commit"][:2]) == ["0" * 40, "1" * 40]
    assert runs["commit"].isna().tolist() == [False, False, False, True]
    assert swept(runs) == ["sg"]


def test_changed_tree_is_marked(tmp_path: Path) -> None:
    write_run(tmp_path, "a", {})
    path = tmp_path / "a" / "result.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "dirty": True}))
    assert read(tmp_path, [Planned("a", "done", {}, 0)])["commit"][0] == "0" * 40 + "+"


def test_diverged_run_has_no_final_number(runs: pd.DataFrame) -> None:
    assert values(runs, "val/loss/min").tolist()[:2] == [0.5, 1.5]
    assert values(runs, "val/loss/min").isna().tolist() == [False, False, True, True]


def test_cells_count_what_they_rest_on(runs: pd.DataFrame) -> None:
    first, second = cells(runs, ["val/loss"]).to_dict("records")
    assert first == {
        "sg": "a", "n": 2, "N": 2, "diverged": 0, "val/loss": 2.0, "val/loss sd": pytest.approx(math.sqrt(2)),
    }  # fmt: skip
    assert (second["n"], second["N"], second["diverged"]) == (0, 2, 1)
    assert math.isnan(second["val/loss"])


def test_sweep_of_seeds_alone_is_one_cell(runs: pd.DataFrame) -> None:
    (cell,) = cells(runs[runs["sg"] == "a"], ["val/loss"]).to_dict("records")
    assert (cell["n"], cell["val/loss"]) == (2, 2.0)


def test_select(runs: pd.DataFrame) -> None:
    assert list(select(runs, {"sg": "a", "lr": 0.001})["id"]) == ["a0", "a1"]
    with pytest.raises(UserError, match="no run has sg=c; there are a, b"):
        select(runs, {"sg": "c"})
    with pytest.raises(UserError, match="no run has gs; there are sg, lr, seed"):
        select(runs, {"gs": "c"})


def grid(losses: dict[tuple[str, float], list[float]]) -> pd.DataFrame:
    """Runs over sg x lr x seed; infinite is diverged."""
    rows = [
        {
            "sg": sg,
            "lr": lr,
            "seed": seed,
            "state": "done" if math.isfinite(loss) else "diverged",
            "id": "x",
            "loss": loss,
        }
        for (sg, lr), seeds in losses.items()
        for seed, loss in enumerate(seeds)
    ]
    return pd.DataFrame(rows)


def test_sensitivity_by_the_papers_words_and_by_its_code() -> None:
    runs = grid({("a", 1.0): [1, 2], ("b", 1.0): [3, 4], ("a", 2.0): [5, 5], ("b", 2.0): [math.inf, 5]})
    normalised = {1.0: [[0, 0.25], [0.5, 0.75]], 2.0: [[1, 1], [1, 1]]}
    frame = derived.sensitivity(runs, "loss", "sg", "lr").set_index("lr")
    means = pd.Series([sum(option) / 2 for option in normalised[1.0]])
    everything = pd.Series([0, 0.25, 0.5, 0.75])
    assert frame.loc["1", "of means"] == pytest.approx(means.std())
    assert frame.loc["1", "of runs"] == pytest.approx(everything.std())
    assert frame.loc["2", ["of means", "of runs"]].tolist() == [0, 0]
    assert frame.loc["mean", "of means"] == pytest.approx(means.std() / 2)
    assert frame.loc["± sd/2", "of means"] == pytest.approx(means.std() / 4)
    assert frame["runs"].tolist()[:3] == [4, 4, 8]


def test_sensitivity_before_any_run(runs: pd.DataFrame) -> None:
    frame = derived.sensitivity(runs.assign(state="missing"), "val/loss", "sg", "lr")
    assert frame.iloc[:, 0].tolist() == ["mean", "± sd/2"]


def test_best_cells_and_correlation() -> None:
    losses = {(sg, lr): [lr + number, lr + number + 0.5] for number, sg in enumerate("abcdef") for lr in (0.1, 0.2)}
    runs = grid({**losses, ("z", 0.1): [math.inf, math.inf]}).assign(double=lambda frame: 2 * frame["loss"])
    best = derived.best_cells(runs, "loss", "lowest")
    assert len(best) == 10
    assert best.iloc[0][["sg", "lr"]].tolist() == ["a", 0.1]
    assert derived.best_cells(runs, "loss", "highest", 2)["sg"].tolist() == ["f", "f"]
    (row,) = derived.correlation(runs, "loss", "double").to_dict("records")
    assert (row["r"], row["runs"]) == (pytest.approx(1), 24)
    assert math.isnan(derived.correlation(runs.assign(double=1.0), "loss", "double")["r"][0])


def test_real_run_is_a_row(tmp_path: Path) -> None:
    result = run(["trainer.max_epochs=1"], tmp_path)
    row = read(tmp_path / "runs", [Planned(result["id"], "done", {}, 0)]).iloc[0]
    assert row["commit"].startswith(result["commit"])
    assert row["test/accuracy"] == result["metrics"]["test/accuracy"]
    assert row["val/perplexity/min"] == result["metrics"]["val/perplexity/min"]
