"""A multirun, as a user sees it: checked first, one line a run, finished runs skipped, the failed listed."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Ended
from tests.runs import SMALL

Command = Callable[..., Ended]

TINY = [*SMALL, "trainer.max_epochs=1", "dataset.train_samples=32"]

BROKEN = """
from pathlib import Path

def broken(network, inputs):
    raise ZeroDivisionError("in the user's code,\\nsaid in two lines")
"""


@pytest.fixture
def sweep(command: Command, tmp_path: Path) -> Command:
    return lambda *words: command("-m", *TINY, f"paths.outputs={tmp_path}/outputs", *words)


def results(folder: Path) -> dict[str, Any]:
    return {path.parent.name: json.loads(path.read_text()) for path in folder.glob("outputs/runs/*/result.json")}


def own_code(folder: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """An initialisation of a user's that fails; returns the words that make it known."""
    (folder / "conf" / "init").mkdir(parents=True)
    (folder / "conf" / "init" / "broken.yaml").write_text("_target_: userlab.broken\n_partial_: true\n")
    (folder / "userlab.py").write_text(BROKEN)
    monkeypatch.syspath_prepend(str(folder))
    return [f"hydra.searchpath=[file://{folder}/conf]", "allow=[userlab]"]


def test_one_bad_value_of_five_hundred_ends_the_sweep_before_it_starts(sweep: Command, tmp_path: Path) -> None:
    ended = sweep("seed=range(249)", "optimizer.lr=1e-3,-1")
    right = "optimizer.lr=-1: a learning rate is finite and greater than 0"
    assert ended == ("", f"job 1 (seed=0 optimizer.lr=-1): {right}\n", 1)
    assert not (tmp_path / "outputs").exists()


def test_the_last_job_is_checked_too(sweep: Command, tmp_path: Path) -> None:
    ended = sweep("seed=0,1", "+neuron.treshold=1", "optimizer.lr=1,2,0")
    assert ended.err.startswith("job 0 (seed=0 optimizer.lr=1): neuron.treshold: LIF has no such option, did you mean")
    ended = sweep("seed=0,1", "optimizer.lr=1,2", "trainer.accelerator=cpu,quantum")
    right = "trainer.accelerator=quantum: must be one of auto, cpu, gpu"
    assert ended == ("", f"job 4 (trainer.accelerator=quantum seed=0 optimizer.lr=1): {right}\n", 1)
    ended = sweep("seed=0,1,4294967296")
    assert ended.err == "job 2 (seed=4294967296): seed=4294967296: must lie in [0, 2^32)\n"
    assert not (tmp_path / "outputs").exists()


def test_failed_and_diverged_runs_stop_no_other_and_are_listed(
    sweep: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    diverging = ["optimizer=sgd", "trainer.gradient_clip_val=null", "optimizer.lr=1e-2,1e38"]
    words = [*own_code(tmp_path, monkeypatch), "init=broken,glorot", *diverging, "dataset.train_samples=150"]
    ended = sweep(*words)
    assert (ended.code, ended.err) == (1, "2 of 4 runs failed; the same command tries them again\n")
    lines = ended.out.splitlines()
    assert lines[0] == "4 runs: 4 missing; 4 to be run"
    assert max(len(line) for line in lines if "|" in line) <= 100
    progress = [line.partition(",")[0] for line in lines if "|" in line]
    assert progress == ["0 done", "0 done", "1 done", "2 done"]
    assert sum("ZeroDivisionError" in line for line in lines) == 4  # when it happened, and in the list
    listed = {line.partition("  ")[0]: line.split()[-1] for line in lines[-3:]}
    assert list(listed) == [
        "failed: init=broken optimizer.lr=0.01",
        "failed: init=broken optimizer.lr=1e+38",
        "diverged: init=glorot optimizer.lr=1e+38",
    ]
    logs = [json.loads(Path(path).read_text()) for path in listed.values()]
    assert "in broken" in logs[0]["log"]
    assert logs[2]["status"] == "diverged"
    again = sweep(*words)
    assert again.out.splitlines()[0] == "4 runs: 1 done, 1 diverged, 2 failed; 2 to be run"
    assert again.err == "2 of 2 runs failed; the same command tries them again\n"


def test_what_a_user_can_mend_is_one_line_in_the_list(sweep: Command, tmp_path: Path) -> None:
    ended = sweep("neuron.threshold.mean=1,-1")  # which only its constructor knows
    assert (ended.code, ended.err) == (1, "1 of 2 runs failed; the same command tries them again\n")
    last = ended.out.splitlines()[-1]
    assert last.startswith("failed: neuron.threshold.mean=-1  neuron.threshold.mean=-1: must not be negative")
    assert last.endswith("/failure.json")


def test_finished_runs_are_skipped_and_equal_jobs_are_one_run(sweep: Command, tmp_path: Path) -> None:
    first = sweep("seed=0,1", "threads=1,2")
    assert (first.err, first.code) == ("", 0)
    said = "2 runs: 2 missing; 2 of the 4 jobs are the same run as another; 2 to be run"
    assert first.out.splitlines()[0] == said
    assert len(results(tmp_path)) == 2
    before = {path: path.stat().st_ino for path in tmp_path.glob("outputs/runs/*/*")}
    second = sweep("seed=0,1,2")
    assert second.code == 0
    assert second.out.splitlines()[0] == "3 runs: 2 done, 1 missing; 1 to be run"
    assert "1 done, 0 running, 0 failed, 0 left, 0:00 to go | done in 0:" in second.out
    third = sweep("seed=0,1,2")
    assert (third.out, third.code) == ("3 runs: 3 done; none to be run\n", 0)
    assert {path: path.stat().st_ino for path in before} == before
    assert len(results(tmp_path)) == 3


def test_force_runs_all_again(sweep: Command, tmp_path: Path) -> None:
    assert sweep("seed=0,1").code == 0
    ended = sweep("seed=0,1", "force=true")
    assert ended.code == 0
    assert ended.out.splitlines()[0] == "2 runs: 2 done; 2 to be run"
    assert len(list(tmp_path.glob("outputs/runs/*.old-1/result.json"))) == 2
    assert len(results(tmp_path)) == 4


def test_a_damaged_result_fails_its_run_only_and_stays(sweep: Command, tmp_path: Path) -> None:
    assert sweep("seed=0,1").code == 0
    damaged = sorted(tmp_path.glob("outputs/runs/*/result.json"))[0]
    damaged.write_text('{"status": "fini')
    ended = sweep("seed=0,1,2")
    assert (ended.code, ended.err) == (1, "1 of 2 runs failed; the same command tries them again\n")
    assert f"{damaged} is damaged (" in ended.out
    assert damaged.read_text() == '{"status": "fini'
    damaged.unlink()
    assert sweep("seed=0,1,2").code == 0


def test_code_that_changed_since_the_sweep_was_started_is_said(sweep: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    said = iter(
        [{"commit": "aaa", "dirty": False}, {"commit": "aaa", "dirty": False}, {"commit": "bbb", "dirty": True}]
    )
    monkeypatch.setattr("snnexp.sweep_callback.commit", lambda: next(said))
    out = sweep("seed=0,1").out
    assert "seed=1: the code is at commit bbb with changes, its sweep was started at commit aaa\n" in out
    assert "seed=0: the code" not in out
