"""Runs on a real SLURM: submitted, cancelled, preempted, requeued, out of time."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.runs import SMALL, in_child
from tests.slurm.cluster import Cluster, missing, wait_until
from tests.test_preemption import saved
from tests.test_resume import assert_same, everything

ROOT = Path(__file__).resolve().parent.parent
QUEUE = ["hydra.launcher.mem_gb=1", "hydra.launcher.timeout_min=5"]
LONG = ["dataset.train_samples=200", "dataset.batch_size=1", "trainer.limit_val_batches=1"]
"""200 batches an epoch."""
LAUNCHER = "hydra/launcher=slurm"

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.slow,
    pytest.mark.skipif(bool(missing()), reason=missing()),
]

Program = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    # Not in pytest's folder, which is closed to others: munged insists on an open way to its socket.
    with tempfile.TemporaryDirectory(prefix="slurm") as folder:
        cluster = Cluster(Path(folder))
        yield cluster
        cluster.stop()


@pytest.fixture
def program(cluster: Cluster, tmp_path: Path) -> Program:
    """Runs a script of a checkout, in the test's folder."""

    def run(script: str, *words: str, checkout: Path = ROOT) -> subprocess.CompletedProcess[str]:
        file, *flags = script.split()
        command = [sys.executable, str(checkout / file), *flags, *SMALL, *QUEUE, *words]
        environment = {**cluster.environment, "PYTHONPATH": str(checkout)}
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)

    return run


def results(folder: Path) -> list[str]:
    return [json.loads(path.read_text())["status"] for path in folder.glob("outputs/runs/*/result.json")]


def logs(folder: Path) -> str:
    return "".join(path.read_text() for path in sorted(folder.glob("outputs/slurm/*/*_log.*")))


def test_an_array_of_six_with_the_code_of_its_submission(cluster: Cluster, program: Program, tmp_path: Path) -> None:
    checkout = tmp_path / "checkout"
    for name in ("snnexp", "conf", "scripts"):
        shutil.copytree(ROOT / name, checkout / name)
    sweep = ["sg=fast_sigmoid,triangular", "seed=range(3)"]
    first = program("scripts/submit.py", *sweep, checkout=checkout)
    assert "6 runs: 6 missing; 6 to be run, in 6 jobs" in first.stdout, first.stderr
    arrays = re.search(r"scancel (\d+) (\d+);", first.stdout)
    assert arrays is not None  # two: MaxArraySize is 5
    (checkout / "snnexp" / "run.py").write_text("raise RuntimeError('this is not what was submitted')\n")
    (checkout / "conf" / "sg" / "triangular.yaml").unlink()
    cluster.wait_until_empty()
    assert results(tmp_path) == ["finished"] * 6, logs(tmp_path)
    again = program("scripts/submit.py", *sweep)
    assert again.stdout == "6 runs: 6 done; none to be run\n"


def test_submitted_twice_it_runs_once_and_killed_it_goes_on(cluster: Cluster, program: Program, tmp_path: Path) -> None:
    # The first run is so long that it does not end in the five seconds that SLURM gives it before it kills.
    sweep = ["trainer.max_epochs=25,1", *LONG, "procedure.checkpoint_every=50", "--runs-per-job", "2"]
    first = program("scripts/submit.py", *sweep, "+hydra.launcher.additional_parameters.hold=true")
    assert "2 runs: 2 missing; 2 to be run, in 1 job" in first.stdout, first.stderr
    (job,) = cluster.states()
    assert program("scripts/submit.py", *sweep).stdout == "2 runs: 2 in the queue; none to be run\n"
    cluster.ask("scontrol", "release", job)
    wait_until(lambda: bool(list(tmp_path.glob("outputs/runs/*/last.ckpt"))), "a checkpoint")
    cluster.ask("scancel", job)
    cluster.wait_until_empty()
    assert results(tmp_path) == []
    assert "2 to be run, in 1 job" in program("scripts/submit.py", *sweep).stdout
    cluster.wait_until_empty()
    assert results(tmp_path) == ["finished"] * 2, logs(tmp_path)
    assert logs(tmp_path).count("continuing from") == 1


def test_whatever_hits_a_run_no_step_is_lost(cluster: Cluster, program: Program, tmp_path: Path) -> None:
    """Preempted, requeued, out of time: saved after the last end of an epoch, and the same bits at the end."""
    run = [*LONG, "trainer.max_epochs=8", "procedure.checkpoint_every=100000", "network.dropout=0.2"]
    submitted = program("scripts/submit.py", *run)
    assert submitted.returncode == 0, submitted.stderr
    (job,) = cluster.states()
    assert re.search("1 runs of 1 jobs: 1 (in the queue|running)", program("scripts/plan.py", LAUNCHER, *run).stdout)

    def epochs() -> int:
        lines = "".join(path.read_text() for path in tmp_path.glob("outputs/runs/*/metrics.jsonl"))
        return max(lines.count("\n") - 1, 0)  # one is from before training

    for hit in (
        ["sbatch", "--partition=urgent", "--ntasks=2", "--output=/dev/null", "--wrap=sleep 3"],
        ["scancel", "--signal=USR2", job],  # in a job of less than ten minutes submitit takes it for the time limit's
        ["scontrol", "requeue", job],  # SIGTERM; the run may go on for five seconds, and it may end in them
    ):
        before = epochs()
        wait_until(lambda before=before: epochs() > before, f"an epoch\n{logs(tmp_path)}")
        done = epochs()
        cluster.ask(*hit)
        wait_until(lambda: cluster.states()[job] == "PENDING", f"{job} to be put back")
        step, _ = saved(tmp_path / "outputs")
        assert step > 200 * done, hit
    cluster.wait_until_empty()
    assert results(tmp_path) == ["finished"], logs(tmp_path)
    assert logs(tmp_path).count("continuing from") in (2, 3)
    assert in_child(run, tmp_path / "whole") == 0
    assert_same(everything(tmp_path / "outputs"), everything(tmp_path / "whole"))


def test_the_launcher(program: Program, tmp_path: Path) -> None:
    done = program("train.py -m", LAUNCHER, "seed=0,1")
    assert done.returncode == 0, done.stderr
    assert results(tmp_path) == ["finished"] * 2


def test_what_slurm_refuses_is_one_line(program: Program) -> None:
    refused = program("scripts/submit.py", "seed=0", "hydra.launcher.partition=nowhere")
    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert line.startswith("SLURM takes no such jobs: ")
    assert "invalid partition" in line
