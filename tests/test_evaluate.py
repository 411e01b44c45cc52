"""A finished run, tested again through scripts/evaluate.py."""

import json
from pathlib import Path

import pytest
from omegaconf import OmegaConf

from snnexp.errors import UserError
from snnexp.evaluation import changed, evaluate_run
from tests.runs import composed, run


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    outputs = tmp_path_factory.mktemp("finished")
    result = run(["optimizer.lr=1e-2"], outputs)
    folder: Path = outputs / "runs" / result["id"]
    return folder


def test_the_same_split_gives_the_stored_result(finished: Path, capsys: pytest.CaptureFixture[str]) -> None:
    measures = evaluate_run(finished, "test", [])
    stored = json.loads((finished / "result.json").read_text())["metrics"]
    assert {f"test/{name}": value for name, value in measures.items()}.items() <= stored.items()
    assert "accuracy" in capsys.readouterr().out


def test_other_split_and_spike_mode_are_appended(finished: Path) -> None:
    deterministic = evaluate_run(finished, "val", [])
    stochastic = evaluate_run(finished, "val", ["escape=sigmoid", "escape.steepness=3"])
    assert stochastic["firing_rate/0"] != deterministic["firing_rate/0"]
    # A steep escape is a step.
    steep = evaluate_run(finished, "val", ["escape=sigmoid", "escape.steepness=1e6"])
    assert steep["accuracy"] == pytest.approx(deterministic["accuracy"], abs=0.02)
    lines = [json.loads(line) for line in (finished / "evaluations.jsonl").read_text().splitlines()]
    assert lines[-2]["overrides"] == ["escape=sigmoid", "escape.steepness=3"]
    assert lines[-1]["split"] == "val"


def test_a_net_trained_in_one_mode_is_tested_in_both(tmp_path: Path) -> None:
    words = ["optimizer.lr=1e-2", "escape=sigmoid", "escape.steepness=3"]
    for noisy in ("train", "test"):
        other = {"train": "test", "test": "train"}[noisy]
        result = run([*words, f"escape.{other}=false"], tmp_path)
        folder = tmp_path / "runs" / result["id"]
        stored = {name.removeprefix("test/"): value for name, value in result["metrics"].items()}
        deterministic = evaluate_run(folder, "test", ["escape=none"])
        assert (deterministic.items() <= stored.items()) == (noisy == "train")
        stochastic = evaluate_run(folder, "test", ["escape=sigmoid", "escape.steepness=3"])
        assert (stochastic.items() <= stored.items()) == (noisy == "test")


def test_other_data_set(finished: Path) -> None:
    moved = evaluate_run(finished, "test", ["dataset=digits", "dataset.steps=25", "dataset.seed=1"])
    assert 0 <= moved["accuracy"] <= 1


def test_what_cannot_be_evaluated_is_said(finished: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no trained run lies here"):
        evaluate_run(tmp_path, "test", [])
    with pytest.raises(UserError, match="the weights do not fit dataset=randman"):
        evaluate_run(finished, "test", ["dataset=randman", "dataset.batch_size=8"])


def test_a_run_from_before_a_group_existed_gets_its_default() -> None:
    stored = OmegaConf.to_container(composed(["seed=3"]))
    assert isinstance(stored, dict)
    del stored["augment"]
    new = changed(OmegaConf.create(stored), ["escape=sigmoid"])
    assert new.augment.transforms == []
    assert new.seed == 3
    assert new.escape is not None
