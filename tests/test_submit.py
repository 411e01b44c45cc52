"""What would be given to SLURM, and the copy of the code; a real SLURM is in test_slurm.py."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from snnexp.errors import UserError
from snnexp.results import commit
from snnexp.submit import chunks, keep_code, plan, show, submit
from tests.runs import SMALL, run

ROOT = Path(__file__).resolve().parent.parent
SWEEP = ["sg=fast_sigmoid,triangular", "seed=0,1"]

Small = Callable[..., list[str]]


@pytest.fixture
def small(tmp_path: Path) -> Small:
    return lambda *words: [*SMALL, f"paths.outputs={tmp_path}", *words]


def test_finished_runs_are_left_out(small: Small, tmp_path: Path) -> None:
    run(["sg=triangular", "seed=1"], tmp_path)
    found = plan(small(*SWEEP))
    assert found.counts == {"missing": 3, "done": 1}
    assert [job.label for job, _ in found.missing] == [
        "sg=fast_sigmoid seed=0",
        "sg=fast_sigmoid seed=1",
        "sg=triangular seed=0",
    ]


def test_the_queue_is_the_launchers(small: Small) -> None:
    queue = plan(small("hydra.launcher.partition=gpu", "hydra.launcher.gres=gpu:1")).queue
    assert (queue["partition"], queue["gres"], queue["timeout_min"]) == ("gpu", "gpu:1", 240)


def test_a_job_is_given_what_composes_to_its_run(small: Small, tmp_path: Path) -> None:
    (tmp_path / "sg").mkdir()
    (tmp_path / "sg" / "mine.yaml").write_text((ROOT / "conf" / "sg" / "gaussian.yaml").read_text())
    ((job, words),) = plan(small("sg=mine"), tmp_path).missing
    assert job.id in run(words, tmp_path)["id"]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (
            ["optimizer.lr=1e-3,-1"],
            "job 1 (optimizer.lr=-1): optimizer.lr=-1: a learning rate is finite and greater than 0",
        ),
        (["force=true"], "force=true: a finished run is left out here; train.py runs it again"),
        (["hydra/launcher=parallel"], "must be slurm, or made of it"),
    ],
)
def test_what_is_wrong_is_one_line(words: list[str], line: str, small: Small, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        submit(small(*words), 1)
    assert str(caught.value).endswith(line)
    assert not list(tmp_path.iterdir())


def test_a_dry_run_shows_every_run_and_writes_nothing(
    small: Small, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show(small(*SWEEP, "hydra.launcher.partition=gpu"), 3)
    out = capsys.readouterr().out
    assert [line.split()[1] for line in out.splitlines() if line.startswith("│")] == ["0", "0", "0", "1"]
    assert "4 runs: 4 missing; 4 to be run, in 2 jobs\n" in out
    assert " partition=gpu " in out
    assert not list(tmp_path.iterdir())


def test_a_dry_run_imports_no_torch() -> None:
    program = (
        "import sys; from snnexp.submit import show; show(['seed=0,1'], 1)\n"
        "print({'torch', 'lightning', 'wandb', 'tonic'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.endswith("set()\n")


def test_the_copy_of_the_code_knows_its_commit(tmp_path: Path) -> None:
    code = keep_code(tmp_path / "code")
    program = "import json; from snnexp import results; print(results.__file__); print(json.dumps(results.commit()))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", program], env={"PYTHONPATH": str(code)}, capture_output=True, text=True, check=True
    )
    file, said = done.stdout.splitlines()
    assert file == str(code / "snnexp" / "results.py")
    assert json.loads(said) == commit()


def test_chunks() -> None:
    assert list(chunks([1, 2, 3, 4, 5], 2)) == [[1, 2], [3, 4], [5]]
    assert list(chunks([], 2)) == []
