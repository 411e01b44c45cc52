"""Measures of how a network in training fires: by hand, and as lines and metrics of a run."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

from snnexp.errors import OptionError
from snnexp.escape import Sigmoid
from snnexp.files import read_lines
from snnexp.procedures import firing
from snnexp.procedures.firing import fano
from snnexp.procedures.train import evaluate
from snnexp.results import RunFolder
from snnexp.run import Parts, quiet
from snnexp.spike_trains import fano_factor, window_counts
from tests.runs import SMALL, composed, run

NOISY = ["escape=sigmoid", "network.dropout=0.2"]
FANO = "{_target_: snnexp.procedures.firing.fano, _partial_: true, trials: 20, window: 3}"
TESTED = (
    "{_target_: snnexp.procedures.firing.tested, _partial_: true, name: plain, escape: null}",
    "{_target_: snnexp.procedures.firing.tested, _partial_: true, name: noisy,"
    " escape: {_target_: snnexp.escape.Sigmoid, steepness: 10.0}}",
)
MEASURED = [f"procedure.each_epoch=[{FANO}]", f"procedure.at_end=[{','.join(TESTED)}]"]


def parts(folder: Path, *words: str) -> Parts:
    made = Parts(composed([*SMALL, *words]), RunFolder(folder, "run"), Console(quiet=True))
    made.data.setup("fit")
    return made


def test_fano_factor_is_that_of_all_trials_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = parts(tmp_path, *NOISY)
    monkeypatch.setattr(firing, "AT_ONCE", 1000)
    found = fano(made, trials=200, window=4, sample=2)
    made.task.eval()
    made.task.reseed(1, 0)  # type: ignore[arg-type]
    x_TBI = next(iter(made.data.loader("test"))).inputs[:, 2:3].expand(-1, 200, -1)
    with torch.no_grad():
        layers = made.task.network(x_TBI).layers
    for index, layer in enumerate(layers):
        counts = window_counts(layer.spikes, 4)
        expected = fano_factor(counts.double()).item() * 200 / 199
        assert found[f"fano/{index}"] == pytest.approx(expected, rel=1e-5)
    monkeypatch.setattr(firing, "AT_ONCE", 64)  # in parts, with other draws
    assert fano(made, trials=200, window=4, sample=2)["fano/0"] == pytest.approx(found["fano/0"], rel=0.2)


def test_without_noise_all_trials_are_the_same_and_the_mode_stays(tmp_path: Path) -> None:
    made = parts(tmp_path, *NOISY[1:])
    for training in (True, False):
        made.task.network.train(training)
        assert set(fano(made, trials=5, window=2).values()) == {0.0}
        assert made.task.network.training is training
    with pytest.raises(OptionError, match=r"^trials=1: must be at least 2"):
        fano(made, trials=1, window=2)


def test_tested_with_the_other_threshold_and_put_back(tmp_path: Path) -> None:
    made = parts(tmp_path, *NOISY)
    with quiet():
        own, layers = evaluate(made, "test"), made.task.network.hidden
        before = [layer.escape for layer in layers]
        assert firing.tested(made, "own", before[0]) == {f"test/own/{name}": own[name] for name in ("accuracy", "loss")}
        plain = firing.tested(made, "plain", None)
    assert plain["test/plain/loss"] != own["loss"]
    assert [layer.escape for layer in layers] == before
    assert isinstance(before[0], Sigmoid)
    with quiet():
        without = evaluate(parts(tmp_path, *NOISY[1:]), "test")
    assert plain["test/plain/loss"] == pytest.approx(without["loss"], rel=1e-6)


def test_measures_of_a_run_change_nothing_else(tmp_path: Path) -> None:
    def lines(result: dict[str, Any], outputs: Path) -> list[dict[str, float]]:
        return [json.loads(line) for line in read_lines(outputs / "runs" / result["id"] / "metrics.jsonl")]

    bare, more = run(NOISY, tmp_path / "bare"), run([*NOISY, *MEASURED], tmp_path / "more")
    assert bare["id"] != more["id"]
    for plain, measured in zip(lines(bare, tmp_path / "bare"), lines(more, tmp_path / "more"), strict=True):
        assert set(measured) - set(plain) == {"fano/0", "fano/1"}
        assert plain == {name: measured[name] for name in plain}
    metrics = more["metrics"]
    assert all(np.isfinite(metrics[f"fano/{layer}/{when}"]) for layer in (0, 1) for when in ("initial", "last"))
    assert metrics["test/noisy/loss"] == pytest.approx(metrics["test/loss"], rel=1e-6)
    assert metrics["test/plain/loss"] != metrics["test/loss"]
