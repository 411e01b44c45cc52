"""The W&B workspace as code: validated offline by W&B's own models, saved to a stand-in for the server."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import wandb
from wandb_workspaces.workspaces import interface as ws
from wandb_workspaces.workspaces.internal import View

from snnexp.dashboard import as_json, read, save, specification
from snnexp.errors import UserError
from tests.runs import CONF, run
from tests.wandb_server import KEY, serving

GRID = ["sg=fast_sigmoid,triangular", "optimizer.lr=1e-3,1e-2", "seed=range(3)"]


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No key of this machine's user; a client that has read nothing yet."""
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "config"))
    wandb.teardown()
    yield
    wandb.teardown()


def workspace(outputs: Path, *words: str) -> ws.Workspace:
    return specification(read(["experiment=stabilizing/base", f"paths.outputs={outputs}", *GRID, *words]))


def panels(spec: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The panels' settings by section."""
    sections = spec["section"]["panelBankConfig"]["sections"]
    return {section["name"].split(":")[0]: [panel["config"] for panel in section["panels"]] for section in sections}


def test_the_specification_is_valid_and_says_the_same_when_read_back(tmp_path: Path) -> None:
    made = workspace(tmp_path)
    view = View.model_validate(made._to_model().model_dump())
    back = ws.Workspace._from_model(view)
    assert [section.name for section in back.sections] == [section.name for section in made.sections]
    assert [len(section.panels) for section in back.sections] == [len(section.panels) for section in made.sections]
    assert back.runset_settings.groupby == made.runset_settings.groupby


def test_an_experiment_of_ones_own_is_found(tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text("# @package _global_\ntrainer: {max_epochs: 3}\n")
    assert read(["experiment=mine", *GRID], tmp_path).runs == 12


def test_the_grid_is_over_the_swept_keys(tmp_path: Path) -> None:
    content = json.loads(as_json(workspace(tmp_path)))
    assert content["displayName"] == "stabilizing/base"
    shown = panels(content["spec"])
    scatter, _, parallel = shown["Grid"]
    assert scatter["xAxis"] == "config:optimizer.value.lr"
    assert scatter["yAxis"] == "summary:test/accuracy"
    assert scatter["xAxisLogScale"]
    columns = [column["accessor"] for column in parallel["columns"]]
    assert columns[:2] == ["config:choices.value.sg", "config:optimizer.value.lr"]
    assert [bars["groupBy"] for bars in shown["Sensitivity"]] == ["choices.value.sg", "optimizer.value.lr"] * 2
    rates = [metric for panel in shown["Firing rates"] for metric in panel["metrics"]]
    assert rates[:2] == ["val/firing_rate/0", "val/firing_rate/1"]


def test_every_layer_has_its_firing_rate(tmp_path: Path) -> None:
    for words in (["network.widths=[4,4,4]"], ["network=conv", "network.filters=[4,4,4]"]):
        made = specification(read(["experiment=digits/lr_sg", f"paths.outputs={tmp_path}", *words]))
        shown = panels(json.loads(as_json(made))["spec"])["Firing rates"]
        assert len([panel for panel in shown if panel["metrics"][0].startswith("val/")]) == 3


def test_panels_ask_for_what_the_logger_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        name = run(["logger=wandb", "trainer.max_epochs=1"], tmp_path)["id"]
    stored = server.runs[name]
    known = {*stored.summary, *(key for line in stored.history for key in line)}
    for settings in (
        panel for section in panels(json.loads(as_json(workspace(tmp_path)))["spec"]).values() for panel in section
    ):
        asked = {*settings.get("metrics", []), *settings.get("mediaKeys", [])}
        asked |= {settings[axis] for axis in ("xAxis", "yAxis") if axis in settings}
        asked |= {column["accessor"] for column in settings.get("columns", [])}
        names = {re.sub(r"^summary(_metrics\.|:)", "", key) for key in asked if not key.startswith("config:")}
        assert names <= known


def test_the_verdicts_are_those_of_the_report(tmp_path: Path) -> None:
    assert "scripts/report.py experiment=stabilizing/base" in workspace(tmp_path).sections[0].panels[0].markdown
    report = tmp_path / "reports" / "stabilizing" / "base.md"
    report.parent.mkdir(parents=True)
    report.write_text("| claim | verdict |\n|---|---|\n| it learns | reproduced |\n")
    assert "it learns | reproduced" in workspace(tmp_path).sections[0].panels[0].markdown


def test_a_workspace_is_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with serving() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        address = save(workspace(tmp_path, "logger.project=spikes"))
    (view,) = server.views
    assert (view["entityName"], view["projectName"], view["displayName"]) == ("me", "spikes", "stabilizing/base")
    assert panels(json.loads(view["spec"])).keys() >= {"Verdicts", "Grid", "Sensitivity", "Firing rates"}
    assert "/me/spikes?nw=" in address


def test_without_a_key_saving_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^W&B: .*--dry-run") as refused:
        save(workspace(tmp_path))
    assert "\n" not in str(refused.value)


def test_one_experiment_has_to_be_named() -> None:
    for words in (GRID, ["experiment=stabilizing/base,stabilizing/other"]):
        with pytest.raises(UserError, match="experiment=<paper>/<figure>"):
            read(words)


def test_the_command_prints_the_specification() -> None:
    script = CONF.parent / "scripts" / "dashboard.py"
    words = ["experiment=stabilizing/base", *GRID, "--dry-run"]
    done = subprocess.run([sys.executable, script, *words], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["project"] == "snnexp"
