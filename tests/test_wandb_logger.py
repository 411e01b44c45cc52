"""Weights & Biases' own client, offline."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.runs import run


def test_every_run_is_a_wandb_run_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    ids = [run(["logger=wandb", "trainer.max_epochs=1", f"seed={seed}"], tmp_path)["id"] for seed in (0, 1)]
    assert ids[0] != ids[1]
    for name in ids:
        (folder,) = (tmp_path / "runs" / name / "wandb").glob(f"offline-run-*-{name}")
        (log,) = folder.glob("*.wandb")
        shown = subprocess.run(
            [Path(sys.executable).parent / "wandb", "leet", "inspect", log, "--json"], capture_output=True, text=True
        )
        assert shown.returncode == 0, shown.stderr
        assert "val/accuracy" in shown.stdout
        assert "snnexp.surrogates.fast_sigmoid" in shown.stdout


def test_the_logger_does_not_change_the_run(tmp_path: Path) -> None:
    plain = run(["trainer.max_epochs=1"], tmp_path / "plain")
    logged = run(["trainer.max_epochs=1", "logger=wandb", "logger.offline=true"], tmp_path / "logged")
    assert plain == logged
