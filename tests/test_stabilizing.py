"""The experiments of *stabilizing* that train nothing: what they expand to, what they say, and one run of each kind."""

import os
import re
from pathlib import Path
from typing import Any

import pytest
from hydra import initialize_config_dir

from snnexp.config import check
from snnexp.publish import publish
from snnexp.sweep import expand, unique
from tests.runs import CONF, composed, run

FOLDER = CONF / "experiment" / "stabilizing"
EXPERIMENTS = sorted(file.stem for file in FOLDER.glob("*.yaml") if "\nreport:" in file.read_text())
OURS = [
    *("fig1a", "fig1b", "fig5_lines", "gradient_growth", "mean_median"),
    *("predictions", "predictions_no_download", "tabS1"),
]


def test_they_are_there() -> None:
    assert set(OURS) <= set(EXPERIMENTS)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_as_many_runs_as_the_comment_says(name: str) -> None:
    (said,) = re.findall(r"= (\d+)\s+(?:#\s+)?runs", (FOLDER / f"{name}.yaml").read_text())
    with initialize_config_dir(str(CONF), version_base="1.3"):
        assert len(list(unique(expand([f"experiment=stabilizing/{name}"])))) == int(said)


@pytest.mark.parametrize("name", ["fig5_lines", "gradient_growth", "predictions_no_download", "tabS1"])
def test_a_report_without_runs_says_so(name: str, tmp_path: Path) -> None:
    head, *lines = publish([f"experiment=stabilizing/{name}", f"paths.outputs={tmp_path}"])
    assert "missing" in head
    verdicts = [line for line in lines if line.startswith("  no data yet")]
    assert verdicts
    assert not any("reproduced" in line for line in lines)


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
