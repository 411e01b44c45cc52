"""Folders as runs leave them, written by hand: a sweep without training."""

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hydra import initialize_config_dir

from snnexp.results import RunFolder
from snnexp.sweep import Job, expand, unique
from tests.runs import CONF

LR_SG = "digits/lr_sg"


def planned(experiment: str = LR_SG) -> list[Job]:
    """The jobs of an experiment's sweep."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return list(unique(expand([f"experiment={experiment}"])))


def write_run(
    runs: Path, run: str, metrics: dict[str, float | None], status: str = "finished", commit: str = "0" * 40
) -> None:
    """result.json as `snnexp.run` writes it."""
    folder = RunFolder(runs, run)
    folder.path.mkdir(parents=True, exist_ok=True)
    result = {"status": status, "selected_epoch": 3, "metrics": metrics, "init": [], "seed": 0, "dirty": False}
    folder.finish({"id": run, **result, "commit": commit})


def fail_run(runs: Path, run: str) -> None:
    folder = RunFolder(runs, run)
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.write_json("failure.json", {"error": "MemoryError()", "log": "..."})


def write_plainly(runs: Path, run: str, metrics: dict[str, float]) -> None:
    """The same without waiting for the disk, for thousands of them."""
    (runs / run).mkdir(parents=True)
    result: dict[str, Any] = {"id": run, "status": "finished", "metrics": metrics, "commit": "c" * 40, "dirty": False}
    (runs / run / "result.json").write_text(json.dumps(result))


WIDTH = {"rectangular": 0.5, "triangular": 0.8, "exponential": 0.9, "gaussian": 0.7, "sigmoid": 0.8}


def perplexity(job: Job, best_lr: float = 3e-3) -> float:
    """A valley over the learning rate, widest for the fast sigmoid; the seed is a small, deterministic noise."""
    away = math.log10(float(job.swept["optimizer.lr"]) / best_lr) / WIDTH.get(job.swept["sg"], 2.2)
    return 1.4 + 0.3 * away**2 + 0.011 * int(job.swept["seed"]) + 0.002 * len(job.swept["sg"])


def fill(runs: Path, jobs: list[Job], value: Callable[[Job], float] = perplexity) -> None:
    """Every run of digits/lr_sg done, with an accuracy that falls with the perplexity."""
    for job in jobs:
        lowest = value(job)
        write_run(runs, job.id, {"val/perplexity/min": lowest, "test/accuracy": math.exp(-0.3 * lowest)})
