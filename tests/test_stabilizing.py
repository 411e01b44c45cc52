"""The experiments of *stabilizing*: what they expand to, what they say, and runs of those that train nothing."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hydra import initialize_config_dir
from omegaconf import DictConfig
from rich.console import Console

from snnexp.config import check
from snnexp.publish import publish
from snnexp.run import execute
from snnexp.sweep import Job, check_job, expand, unique
from tests.runs import CONF, composed, run

FOLDER = CONF / "experiment" / "stabilizing"
EXPERIMENTS = sorted(file.stem for file in FOLDER.glob("*.yaml") if "\nreport:" in file.read_text())
TRAINED = [
    *("fig2_sl_mnist", "fig2_shd", "fig2_ptb", "fig2_alif", "fig2_slstm", "fig2_sensitivity", "fig3", "figS1"),
    *(
        "figS2_sl_mnist",
        "figS2_ptb",
        "fig4",
        "fig4_code",
        "fig5_dampening",
        "fig5_sharpness",
        "fig5_tail",
        "tab1",
        "tab2",
        "lstm",
    ),
]
UNTRAINED = [
    *("fig1a", "fig1b", "fig5_lines", "gradient_growth", "mean_median"),
    *("predictions", "predictions_no_download", "tabS1"),
]


def test_they_are_there() -> None:
    assert {*UNTRAINED, *TRAINED, *(f"{name}_reduced" for name in TRAINED), "ptb_sota"} <= set(EXPERIMENTS)


def jobs(name: str, look: Callable[[Job, DictConfig], None] | None = None) -> list[Job]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return list(unique(expand([f"experiment=stabilizing/{name}"], look)))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_its_runs_are_sound_and_as_many_as_the_comment_says(name: str) -> None:
    seen: set[tuple[str | None, ...]] = set()

    def look(job: Job, config: DictConfig) -> None:
        options = tuple(job.swept.get(key) for key in ("experiment/stabilizing/setting", "conditions", "init", "sg"))
        if options not in seen:
            seen.add(options)
            check_job(job, config)

    (said,) = re.findall(r"= (\d+)\s+(?:#\s+)?runs", (FOLDER / f"{name}.yaml").read_text())
    assert len(jobs(name, look)) == int(said)
    assert seen


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_report_without_runs_says_so(name: str, tmp_path: Path) -> None:
    head, *lines = publish([f"experiment=stabilizing/{name}", f"paths.outputs={tmp_path}"])
    assert "missing" in head
    verdicts = [line for line in lines if line.startswith("  no data yet")]
    assert verdicts
    assert not any("reproduced" in line for line in lines)


@pytest.mark.parametrize("scale", ["", "_reduced"])
def test_the_sensitivity_needs_no_runs_of_its_own(scale: str) -> None:
    others = [f"fig2_{name}{scale}" for name in ("sl_mnist", "shd", "ptb", "alif", "slstm")]
    assert {job.id for job in jobs(f"fig2_sensitivity{scale}")} == {job.id for name in others for job in jobs(name)}


def test_shared_runs_are_the_same_runs() -> None:
    shared = {job.id for job in jobs("figS1")} & {job.id for job in jobs("fig3")}
    assert len(shared) == len(jobs("fig3"))
    assert len({job.id for job in jobs("lstm")} & {job.id for job in jobs("fig2_slstm")}) == 28


SAID = sorted(set(re.findall(r"`([\w.]+=[\w.]+)`", (FOLDER / "README.md").read_text())))


@pytest.mark.parametrize("word", SAID)
def test_the_options_of_the_table_are_there(word: str) -> None:
    procedure = ["procedure=predict"] if word.startswith("procedure.") else []
    check(composed(["init=stability", "selt=gradual", *procedure, word]))


def test_the_table_names_options() -> None:
    assert len(SAID) > 8


def looked_at(words: list[str], outputs: Path) -> dict[str, Any]:
    result = run(["experiment=stabilizing/base", "dataset=digits", *words], outputs)
    assert result["status"] == "finished"
    folder = outputs / "runs" / result["id"]
    assert {"curves.npz", "page.html", "result.json"} <= {path.name for path in folder.iterdir()}
    metrics: dict[str, Any] = result["metrics"]
    return metrics


@pytest.mark.parametrize(
    ("words", "metrics"),
    [
        (["procedure=shapes", "sg=arctan"], {"psi/peak": 1, "psi/area_of_square": 0.5}),
        (["procedure=predict"], {"III/feasible/0": 1, "III/feasible/1": 1}),
        (["procedure=activity", "neuron=slstm"], {"macs/0": 0, "macs/1": 0}),
        (["procedure=gradient_growth", "dampening=stability"], {"maximum/0/predicted": 1, "maximum/1/predicted": 1}),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_run_of_each_procedure(words: list[str], metrics: dict[str, float], tmp_path: Path) -> None:
    followed = ["procedure.steps=12"] if "procedure=gradient_growth" in words else []
    found = looked_at([*words, *followed], tmp_path)
    assert {name: found[name] for name in metrics} == pytest.approx(metrics, abs=1e-5)


@pytest.mark.data
def test_gradients_on_latency_mnist(tmp_path: Path) -> None:
    root = os.environ.get("SNNEXP_DATA")
    if root is None or not (Path(root) / "mnist").is_dir():
        pytest.skip("SNNEXP_DATA does not name a folder with mnist/")
    words = ["dataset=sl_mnist", "dataset.steps=100", "procedure=gradient_growth", "procedure.start=60"]
    found = looked_at([*words, f"paths.data={root}", "dampening=stability", "network.widths=[64,64]"], tmp_path)
    assert found["maximum/0/predicted"] == pytest.approx(1, abs=1e-5)
    assert found["maximum/0"] < 0.5


@pytest.mark.data
def test_decolle_starts_at_half_the_steps_on_event_recordings(tmp_path: Path) -> None:
    root = os.environ.get("SNNEXP_DATA")
    if root is None or not (Path(root) / "nmnist").is_dir():
        pytest.skip("SNNEXP_DATA does not name a folder with nmnist/")
    words = ["experiment=stabilizing/tab1_reduced", "selt=start", f"paths.data={root}", f"paths.outputs={tmp_path}"]
    words += ["dataset.train_samples=64", "trainer.max_epochs=1", "trainer.accelerator=cpu", "threads=1"]
    metrics = execute(composed(words), Console(quiet=True))["metrics"]
    for layer in range(3):
        assert metrics[f"val/firing_rate/{layer}/initial"] == pytest.approx(0.5, abs=0.15)
    assert metrics["test/accuracy/best"] == max(metrics[f"test/accuracy{of}"] for of in ("", "/0", "/1"))
