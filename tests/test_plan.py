"""The list of a sweep's runs: right, narrow, without torch, and not slower per run where there are many."""

import subprocess
import sys
from pathlib import Path

import pytest

from snnexp.errors import UserError
from snnexp.plan import plan
from snnexp.results import RunFolder

ROOT = Path(__file__).resolve().parent.parent

LIGHT = """\
import sys
from snnexp.plan import plan
plan(sys.argv[1:])
print(sorted({"torch", "lightning", "wandb", "tonic", "matplotlib", "pandas"} & set(sys.modules)))
"""


def python(text: str, *arguments: str) -> list[str]:
    """The lines that a program in a process of its own prints."""
    done = subprocess.run([sys.executable, "-c", text, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def rows(out: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.strip("│").split("│")] for line in out.splitlines() if line[:1] == "│"]


def test_every_job_has_its_state(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["sg=gaussian,triangular", "optimizer.lr=1,1.0", "seed=0,1", f"paths.outputs={tmp_path}"]
    plan(words)
    empty = rows(capsys.readouterr().out)
    assert [row[:4] for row in empty[:3]] == [
        ["0", "gaussian", "1", "0"],
        ["1", "gaussian", "1", "1"],
        ["2", "gaussian", "1.0", "0"],
    ]
    assert [row[5] for row in empty[:3]] == ["missing", "missing", "missing (as job 0)"]
    ids = [row[4] for row in empty]
    folders = {number: RunFolder(tmp_path / "runs", ids[number]) for number in (0, 1, 4, 5)}
    with folders[0].claim():
        folders[0].finish({"status": "finished"})
    with folders[1].claim():
        folders[1].write_json("failure.json", {"error": "once"})
    with folders[4].claim():
        folders[4].finish({"status": "diverged"})
    with folders[5].claim():
        plan(words)
    out = capsys.readouterr().out
    found = ["done", "failed", "done (as job 0)", "failed (as job 1)"]
    found += ["diverged", "running", "diverged (as job 4)", "running (as job 5)"]
    assert [row[5] for row in rows(out)] == found
    assert out.splitlines()[-1] == "4 runs of 8 jobs: 1 done, 1 failed, 1 diverged, 1 running"


def test_a_damaged_result_does_not_end_the_list(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["seed=0,1", f"paths.outputs={tmp_path}"]
    plan(words)
    first = rows(capsys.readouterr().out)[0][2]
    (tmp_path / "runs" / first).mkdir(parents=True)
    (tmp_path / "runs" / first / "result.json").write_text('{"stat')
    plan(words)
    assert [row[3] for row in rows(capsys.readouterr().out)] == ["failed", "missing"]


def test_a_further_folder_of_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(
        "# @package _global_\nhydra: {sweeper: {params: {seed: 'range(3)'}}}"
    )
    plan(["experiment=mine", f"paths.outputs={tmp_path}"], tmp_path)
    assert capsys.readouterr().out.endswith("3 runs of 3 jobs: 3 missing\n")


def test_a_further_folder_that_is_not_there() -> None:
    with pytest.raises(UserError, match=r"^--config-dir /nothing: there is no such folder$"):
        plan(["sg=gaussian"], Path("/nothing"))


def test_a_mistake_names_the_job() -> None:
    with pytest.raises(UserError, match=r"^job 1 \(seed=x\): seed=x: must be an integer"):
        plan(["seed=0,x"])


def test_the_grid_fits_the_terminal_and_needs_no_torch(tmp_path: Path) -> None:
    *lines, imported = python(LIGHT, "experiment=digits/lr_sg", f"paths.outputs={tmp_path}")
    assert lines[-1] == "90 runs of 90 jobs: 90 missing"
    assert max(map(len, lines)) <= 100
    assert imported == "[]"
    assert list(tmp_path.iterdir()) == []
