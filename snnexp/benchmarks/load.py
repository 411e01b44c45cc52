"""How planning, skipping and reporting grow with the number of finished runs."""

import json
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from hydra import initialize_config_dir

from snnexp.main import CONF
from snnexp.reports.table import Planned, cells, read
from snnexp.sweep import Job, State, expand, state

GRID = ("sg=rectangular,triangular,exponential,gaussian,sigmoid", "optimizer.lr=1e-3,3e-3,1e-2,3e-2")  # 20 runs a seed
METRICS = ("val/perplexity/min", "test/accuracy")

T = TypeVar("T")


def measure(numbers: Sequence[int] = (1000, 2000, 5000, 10_000)) -> list[dict[str, float]]:
    """Seconds for each number of runs: to plan (expand the sweep), to skip (look at every folder), to report (read all
    results and average them over the seeds). The folders hold what a sweep and a report look at."""
    rows = []
    for number in numbers:
        with tempfile.TemporaryDirectory() as folder, initialize_config_dir(str(CONF), version_base="1.3"):
            runs = Path(folder) / "runs"
            planning, jobs = _timed(partial(expand, [*GRID, f"seed=range({number // 20})"]))
            for job in jobs:
                _write(runs / job.id)
            skipping, _ = _timed(partial(_look, jobs, runs))
            reporting, _ = _timed(partial(_report, jobs, runs))
            rows.append({"runs": len(jobs), "plan": planning, "skip": skipping, "report": reporting})
    return rows


def _look(jobs: Sequence[Job], runs: Path) -> None:
    for job in jobs:
        state(runs, job.id)


def _report(jobs: Sequence[Job], runs: Path) -> None:
    planned = (Planned(job.id, State.DONE, job.swept, int(job.swept["seed"])) for job in jobs)
    cells(read(runs, planned), METRICS)


def _write(folder: Path) -> None:
    folder.mkdir(parents=True)
    metrics = dict.fromkeys(METRICS, 0.5)
    result = {"status": "finished", "metrics": metrics, "commit": "0" * 40, "dirty": False}
    (folder / "result.json").write_text(json.dumps(result))


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    started = time.perf_counter()
    outcome = work()
    return time.perf_counter() - started, outcome
