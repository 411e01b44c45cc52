"""Two thousand runs: what is done for each of them does not grow with their number."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hydra import initialize_config_dir

from snnexp.sweep import expand
from tests.conftest import Ended
from tests.runs import CONF

ROOT = CONF.parent

GRID = ["sg=gaussian,triangular", "optimizer.lr=1e-3,1e-2", "dataset.steps=8,9,10,11,12"]

# Every file or folder that Python opens or lists is an event.
COUNTED = """\
import sys
from snnexp.plan import plan
outputs, number = sys.argv[1], 0
def count(event, arguments):
    global number
    if event in ("open", "os.listdir", "os.scandir") and outputs in str(arguments[0]):
        number += 1
sys.addaudithook(count)
plan([f"paths.outputs={outputs}", *sys.argv[2:]])
print(number)
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Outputs that hold 2,000 finished runs, as far as a sweep looks at them."""
    outputs = tmp_path_factory.mktemp("outputs")
    with initialize_config_dir(str(CONF), version_base="1.3"):
        jobs = expand([*GRID, "seed=range(100)"])
    for job in jobs:
        folder = outputs / "runs" / job.id
        folder.mkdir(parents=True)
        (folder / "result.json").write_text('{"status": "finished"}')
    return outputs


def opened(outputs: Path, seeds: int) -> int:
    """How often a plan opens or lists something below the outputs."""
    command = [sys.executable, "-c", COUNTED, str(outputs), *GRID, f"seed=range({seeds})"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    *_, summary, count = done.stdout.splitlines()
    runs = 20 * seeds
    assert summary == f"{runs} runs of {runs} jobs: {runs} done"
    return int(count)


@pytest.mark.slow
def test_a_plan_opens_no_more_files_a_run(finished: Path) -> None:
    few, many = opened(finished, 25), opened(finished, 100)
    assert 500 <= few <= 2 * 500
    assert many <= 4 * few


@pytest.mark.slow
def test_finished_runs_are_skipped_before_hydra_starts_any(finished: Path, command: Callable[..., Ended]) -> None:
    ended = command("-m", f"paths.outputs={finished}", *GRID, "seed=range(100)")
    assert ended == ("2000 runs: 2000 done; none to be run\n", "", 0)
