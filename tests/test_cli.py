"""The command in a process of its own: exit codes, what it writes, and what it has to import."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

SLOW_TO_IMPORT = ("torch", "lightning", "wandb", "tonic", "matplotlib", "sklearn", "scipy")

LIGHT = f"""\
import runpy, sys
sys.argv = ["train.py", *sys.argv[1:]]
try:
    runpy.run_path("train.py", run_name="__main__")
finally:
    imported = sorted(set({SLOW_TO_IMPORT!r}) & set(sys.modules))
    assert not imported, imported
"""


def python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Python in the folder of train.py; a warning is an error."""
    plain = {name: value for name, value in os.environ.items() if name not in ("HYDRA_FULL_ERROR", "PYTHONWARNINGS")}
    command = [sys.executable, "-W", "error", *arguments]
    return subprocess.run(command, cwd=ROOT, env=plain | environment, capture_output=True, text=True, timeout=300)


def test_mistake_is_one_line_on_stderr_and_exit_code_1() -> None:
    ended = python("train.py", "sg=fast_sigmiod")
    assert ended.stderr.startswith("sg=fast_sigmiod: sg has no such option, did you mean fast_sigmoid?; it has: ")
    assert ended.stderr.count("\n") == 1
    assert (ended.stdout, ended.returncode) == ("", 1)


def test_full_error_has_a_traceback() -> None:
    ended = python("train.py", "sg=fast_sigmiod", HYDRA_FULL_ERROR="1")
    assert "Traceback (most recent call last)" in ended.stderr
    assert "fast_sigmiod" in ended.stderr
    assert ended.returncode == 1


@pytest.mark.parametrize("arguments", [["--help"], ["sg=gaussian", "-h"], ["--cfg", "job"], ["sg=fast_sigmiod"]])
def test_what_trains_nothing_imports_nothing_slow(arguments: list[str]) -> None:
    ended = python("-c", LIGHT, *arguments)
    assert "AssertionError" not in ended.stderr
    assert ended.stdout or "no such option" in ended.stderr


@pytest.mark.parametrize(
    ("line", "choices"),
    [
        ("python train.py sg=fa", {"sg=fast_sigmoid"}),
        ("python train.py conditions=I", {"conditions=I", "conditions=II", "conditions=I-II", "conditions=IV"}),
        ("python train.py network/output=", {"network/output=linear", "network/output=spiking"}),
        ("python train.py neuron.thr", {"neuron.threshold."}),
        ("python train.py sg=gaussian optimizer.l", {"optimizer.lr="}),
    ],
)
def test_completion(line: str, choices: set[str]) -> None:
    """As the function calls it that `--shell-completion install=bash` defines."""
    ended = python("-c", LIGHT, "-sc", "query=bash", COMP_LINE=line, COMP_POINT=str(len(line)))
    assert (ended.stderr, ended.returncode) == ("", 0)
    assert choices <= set(ended.stdout.split())
    assert all(choice.startswith(line.split()[-1]) for choice in ended.stdout.split())


def test_the_command_trains(tmp_path: Path) -> None:
    small = ["trainer.max_epochs=1", "dataset.train_samples=64", "network.widths=[32]", "trainer.accelerator=cpu"]
    ended = python("train.py", "sg=fast_sigmoid", "init=stability", f"paths.outputs={tmp_path}", *small)
    assert (ended.stderr, ended.returncode) == ("", 0)
    (path,) = tmp_path.glob("runs/*/result.json")
    assert json.loads(path.read_text())["status"] == "finished"
    assert str(path) in ended.stdout
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["runs"]
