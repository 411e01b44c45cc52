"""Search with optuna: real studies over small real runs."""

import io
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState
from rich.console import Console

from snnexp.errors import UserError
from snnexp.procedures.checkpoint import Checkpoint
from snnexp.study import opened
from snnexp.tune import tune
from tests.runs import CONF, SMALL, kill_at_call, server

SPACE = ["optimizer.lr=loguniform(1e-4,1e-1)", "sg=choice(fast_sigmoid,triangular)"]
METRIC = "val/loss"


def search(outputs: Path, trials: int, words: list[str] = SPACE, metric: str = METRIC) -> str:
    """Search in this process; returns what was printed."""
    console = Console(file=io.StringIO(), width=100)
    shared = [*SMALL, "trainer.max_epochs=2", f"paths.outputs={outputs}"]
    tune([*shared, *words], metric, "minimize", trials, outputs / "studies" / "x.journal", console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def told(outputs: Path) -> list[tuple[TrialState, dict[str, Any], list[float] | None]]:
    with opened(outputs / "studies" / "x.journal", METRIC, "minimize") as study:
        return [(trial.state, trial.params, trial.values) for trial in study.trials]


def runs(outputs: Path) -> list[str]:
    return sorted(path.parent.name for path in outputs.glob("runs/*/result.json"))


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    outputs = tmp_path_factory.mktemp("uninterrupted")
    search(outputs, 3)
    return outputs


def test_trials_are_ordinary_runs(uninterrupted: Path) -> None:
    trials = told(uninterrupted)
    assert [state for state, _, _ in trials] == [TrialState.COMPLETE] * 3
    results = [json.loads(path.read_text()) for path in uninterrupted.glob("runs/*/result.json")]
    assert sorted(value for _, _, values in trials for value in values or []) == sorted(
        result["metrics"][METRIC] for result in results
    )
    assert all(1e-4 <= params["optimizer.lr"] <= 1e-1 for _, params, _ in trials)


def test_the_best_is_shown_with_its_command_and_folder(uninterrupted: Path) -> None:
    said = search(uninterrupted, 3)  # all are done: nothing runs
    lowest = min(value for _, _, values in told(uninterrupted) for value in values or [])
    assert f"{METRIC} {lowest:.4g}" in said
    (folder,) = re.findall(r"^  (\S+/runs/\w+)$", said, re.MULTILINE)
    assert json.loads((Path(folder) / "result.json").read_text())["metrics"][METRIC] == lowest
    assert "python train.py" in said
    assert said.startswith("3 finished\n")


def test_options_of_ones_own_are_searched_and_the_command_says_where_they_are(tmp_path: Path) -> None:
    conf = tmp_path / "conf"
    (conf / "sg").mkdir(parents=True)
    (conf / "sg" / "mine.yaml").write_text((CONF / "sg" / "gaussian.yaml").read_text())
    console = Console(file=io.StringIO(), width=100)
    words = [*SMALL, "trainer.max_epochs=1", f"paths.outputs={tmp_path}", "allow=[mylab]", "sg=choice(mine)"]
    tune(words, METRIC, "minimize", 1, tmp_path / "x.journal", console, conf)
    assert isinstance(console.file, io.StringIO)
    (command,) = re.findall(r"python train.py (.*)\n", console.file.getvalue())
    assert command.startswith(f"--config-dir {conf} ")
    assert command.endswith("allow=[mylab] sg=mine")


def _killed(outputs: Path, save: int) -> None:
    kill_at_call(Checkpoint, "save", save)
    search(outputs, 3)


def test_a_killed_search_loses_and_doubles_no_trial(uninterrupted: Path, tmp_path: Path) -> None:
    """Killed at the last checkpoint of the second run; that run goes on from the one before."""
    child = server().Process(target=_killed, args=(tmp_path, 4))
    child.start()
    child.join(300)
    assert child.exitcode == -9
    assert [state for state, _, _ in told(tmp_path)] == [TrialState.COMPLETE, TrialState.RUNNING]
    search(tmp_path, 3)
    assert told(tmp_path) == told(uninterrupted)
    assert runs(tmp_path) == runs(uninterrupted)


def test_a_failed_trial_is_told_as_such_and_the_search_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original: Callable[..., None] = Checkpoint.save
    calls: list[int] = []

    def disk_full_at_first(*arguments: Any) -> None:
        calls.append(1)
        if len(calls) == 1:
            raise OSError("no space left on device")
        original(*arguments)

    monkeypatch.setattr(Checkpoint, "save", disk_full_at_first)
    said = search(tmp_path, 2)
    assert [state for state, _, _ in told(tmp_path)] == [TrialState.FAIL, TrialState.COMPLETE]
    (log,) = re.findall(r"trial 0 failed: no space left on device .*\((\S+failure.json)\)", said)
    assert Path(log).exists()
    assert "1 failed, 1 finished" in said


def test_a_diverged_trial_is_told_as_worse_than_all_others(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no trial has finished"):
        search(tmp_path, 1, ["optimizer.lr=uniform(1e30,2e30)", "optimizer=sgd", "trainer.gradient_clip_val=null"])
    assert [state for state, _, _ in told(tmp_path)] == [TrialState.PRUNED]
    assert len(runs(tmp_path)) == 1


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("seed=3", "nothing is searched"),
        ("seed=integer(1,b)", r"^seed=integer\(1,b\): .*'b'"),
        ("optimizer.lr=loguniform(0,1)", r"^optimizer.lr=loguniform\(0,1\): "),
        ("optimizer.lr=uniform(1,0)", r"^optimizer.lr=uniform\(1,0\): "),
        ("optimizer.lr=interval(0,1)", r"must be uniform\(a,b\)"),
        ("optimizer.lr=uniform(-1,1)", r"^optimizer.lr=-1.0: .*greater than 0"),
        ("optimizer.lr=choice(1e-3,0)", r"^optimizer.lr=0: .*greater than 0"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused_before_anything_runs(word: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=said):
        search(tmp_path, 1, [word])
    assert not (tmp_path / "runs").exists()


def test_a_study_is_one_question(uninterrupted: Path) -> None:
    with pytest.raises(UserError, match=r"optimizer.lr was .*0\.1.* and is .*0\.2.* now; name another file"):
        search(uninterrupted, 4, ["optimizer.lr=loguniform(1e-4,2e-1)", SPACE[1]])
    with pytest.raises(UserError, match="the id of all other options was"):
        search(uninterrupted, 4, [*SPACE, "neuron.threshold.mean=0.2"])
    assert len(told(uninterrupted)) == 3


def test_an_unknown_metric_is_named_with_those_that_exist(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"val/acuracy: .*did you mean val/accuracy"):
        search(tmp_path, 1, metric="val/acuracy")
    search(tmp_path, 1)  # the run is there: nothing is lost
    assert len(runs(tmp_path)) == 1


def test_help_comes_without_torch() -> None:
    code = (
        "import runpy, sys; sys.argv = ['tune.py', '--help']\ntry: runpy.run_path(sys.path.pop(), run_name='__main__')"
    )
    code += "\nexcept SystemExit: sys.exit(int('torch' in sys.modules or 'optuna' in sys.modules))"
    script = CONF.parent / "scripts" / "tune.py"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.append({str(script)!r})\n{code}"], capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert b"loguniform" in done.stdout
