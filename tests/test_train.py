"""Training as a whole: it learns, it says when it can't go on, it leaves what it promises."""

import io
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from snnexp.audio.basilar_membrane import BasilarMembrane
from snnexp.audio.ear import Ear
from snnexp.audio.recordings import HeldOut
from snnexp.data.hearing import encode
from snnexp.run import execute
from tests.published_files import real
from tests.runs import composed, run

QUICK = ["threads=1", "progress=false", "trainer.accelerator=cpu"]


def stored(outputs: Path) -> tuple[Path, dict[str, Any]]:
    (path,) = (outputs / "runs").glob("*/result.json")
    return path.parent, json.loads(path.read_text())


def test_one_batch_is_learned_by_heart(tmp_path: Path) -> None:
    overrides = [*QUICK, "debug=overfit", "network.widths=[64,64]", "network.dropout=0", f"paths.outputs={tmp_path}"]
    result = execute(composed(overrides), Console(file=io.StringIO()))
    assert result["metrics"]["train/accuracy/last"] == 1.0
    assert result["metrics"]["train/loss/last"] < 0.6  # not 0: a decision is asked for from the first step on


def test_a_diverged_run_is_a_result(tmp_path: Path) -> None:
    overrides = ["optimizer=sgd", "optimizer.lr=1e38", "trainer.gradient_clip_val=null"]
    result = run(overrides, tmp_path)
    assert result["status"] == "diverged"
    assert result["diverged_step"] >= 1
    folder, on_disk = stored(tmp_path)
    assert on_disk["status"] == "diverged"
    assert (folder / "page.html").exists()
    assert not (folder / "failure.json").exists()
    # It is over: asked for again, it is shown and not run.
    shown = io.StringIO()
    execute(composed([*QUICK, *overrides, *small_of(folder), f"paths.outputs={tmp_path}"]), Console(file=shown))
    assert f"not finite at step {result['diverged_step']}" in shown.getvalue()


def small_of(folder: Path) -> list[str]:
    from tests.runs import SMALL

    return [word for word in SMALL if word not in QUICK]


def test_files_and_names_that_outside_scripts_rely_on(tmp_path: Path) -> None:
    run(["init=stability"], tmp_path)
    folder, result = stored(tmp_path)
    metrics = result["metrics"]
    assert {"test/accuracy", "val/accuracy", "test/firing_rate/0", "test/firing_rate/1"} <= metrics.keys()
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in lines] == [0, 1, 2, 3]
    accuracies = [line["val/accuracy"] for line in lines[1:]]
    losses = [line["val/loss"] for line in lines[1:]]
    assert metrics["val/accuracy/max"] == max(accuracies)
    assert metrics["val/accuracy/min"] == min(accuracies)
    assert metrics["val/accuracy/last"] == accuracies[-1]
    assert metrics["val/accuracy/initial"] == lines[0]["val/accuracy"]
    assert result["selected_epoch"] == 1 + int(np.argmin(losses))
    assert metrics["val/accuracy"] == accuracies[result["selected_epoch"] - 1]
    for layer in result["init"]:
        assert {"dampening", "sharpness", "mean", "variance", "residual", "feasible"} <= layer.keys()
        assert layer["feasible"] is False  # condition IV has no root with the dampening of III
        assert layer["sharpness"] == 1.0
    env = json.loads((folder / "env.json").read_text())
    assert {"commit", "versions", "device", "threads", "seconds", "backends"} <= env.keys()
    assert {path.name for path in folder.iterdir()} >= {"config.yaml", "page.html", "last.ckpt", "selected.ckpt"}


def test_perplexity_has_no_smoothing(tmp_path: Path) -> None:
    result = run(["loss.label_smoothing=0.2", "optimizer.lr=1e-2"], tmp_path)
    smoothed, perplexity = result["metrics"]["val/loss"], result["metrics"]["val/perplexity"]
    assert not math.isclose(math.exp(smoothed), perplexity, rel_tol=1e-3)
    plain = run(["optimizer.lr=1e-2"], tmp_path)
    assert math.isclose(math.exp(plain["metrics"]["val/loss"]), plain["metrics"]["val/perplexity"], rel_tol=1e-5)


def test_the_sparsity_term_lowers_the_rates(tmp_path: Path) -> None:
    more = ["trainer.max_epochs=6", "init=stability"]
    free = run(more, tmp_path)["metrics"]
    sparse = run([*more, "selt=constant", "selt.factor=100", "selt.target=0.01"], tmp_path)["metrics"]
    for layer in (0, 1):
        assert sparse[f"test/firing_rate/{layer}"] < 0.5 * free[f"test/firing_rate/{layer}"]


@pytest.mark.parametrize("precision", ["64-true", "bf16-mixed"])
def test_precisions(precision: str, tmp_path: Path) -> None:
    result = run([f"trainer.precision={precision}", "trainer.max_epochs=2"], tmp_path)
    assert result["status"] == "finished"
    assert result["metrics"]["train/loss/last"] < result["metrics"]["val/loss/initial"]


@pytest.mark.slow
def test_the_default_learns_digits(tmp_path: Path) -> None:
    """One seed at a third of the epochs; the three full ones are `test_the_default_is_as_good_as_the_readme_says`."""
    config = composed([*QUICK, "trainer.max_epochs=20", f"paths.outputs={tmp_path}"])
    assert execute(config, Console(file=io.StringIO()))["metrics"]["test/accuracy"] > 0.9


@pytest.mark.longest
def test_the_default_is_as_good_as_the_readme_says(tmp_path: Path) -> None:
    configs = [composed([*QUICK, f"seed={seed}", f"paths.outputs={tmp_path}"]) for seed in range(3)]
    results = [execute(config, Console(file=io.StringIO())) for config in configs]
    assert np.mean([result["metrics"]["test/accuracy"] for result in results]) >= 0.95


@pytest.mark.data
@pytest.mark.slow
def test_sl_mnist_trains_from_the_published_files(tmp_path: Path) -> None:
    import os

    if "SNNEXP_DATA" not in os.environ:
        pytest.skip("SNNEXP_DATA does not name a folder with MNIST")
    small = [
        "dataset.train_samples=1000",
        "dataset.batch_size=50",
        "trainer.max_epochs=2",
        "trainer.limit_val_batches=20",
        "seed=1",
    ]
    for encoding in ("paper", "code"):
        config = composed(
            [*QUICK, *small, "dataset=sl_mnist", f"dataset.encoding={encoding}", "sg=fast_sigmoid", "init=stability",
             "network.widths=[64,64]", f"paths.outputs={tmp_path}"]
        )  # fmt: skip
        result = execute(config, Console(file=io.StringIO()))
        assert result["metrics"]["val/accuracy"] > 0.15, encoding  # of 1000 samples: five deviations above chance


@pytest.mark.data
@pytest.mark.slow
def test_real_speech_is_heard_and_told_apart(tmp_path: Path) -> None:
    """The whole way from wav files, on 24 recordings of two words and two speakers; 16 of them are for training."""
    wav, out = tmp_path / "wav", tmp_path / "spoken_digits"
    wav.mkdir()
    for path in real("fsdd/recordings").glob("fsdd/recordings/[06]_[jt]*.wav"):  # jackson and theo
        if int(path.stem.split("_")[2]) in range(3, 9):
            (wav / path.name).symlink_to(path)
    ear = Ear(BasilarMembrane(channels=100))
    assert [path.name for path in encode(wav, out, ear, [HeldOut.OFFICIAL])] == [
        "official_train.h5",
        "official_test.h5",
    ]
    config = composed(
        [*QUICK, "dataset=spoken_digits", "dataset.channels=100", "dataset.classes=2", "dataset.batch_size=4",
         "dataset.validation=0.125", "network.widths=[32]", "network.dropout=0", "network/output=linear", "readout=sum",
         "init=fluctuation", "trainer.max_epochs=12", f"paths.data={tmp_path}", f"paths.outputs={tmp_path}"]
    )  # fmt: skip
    metrics = execute(config, Console(file=io.StringIO()))["metrics"]
    assert metrics["train/accuracy/last"] >= 13 / 14  # by chance once in a thousand times
    assert metrics["test/accuracy"] >= 7 / 8  # once in 28
