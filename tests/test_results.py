"""A run's folder: one writer, whole files, strict JSON, and numbers under names of their own."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from snnexp import results
from snnexp.errors import OptionError, UserError
from snnexp.results import RunFolder, commit, summary

HOLD = """\
import sys, time
from pathlib import Path
from snnexp.results import RunFolder
with RunFolder(Path(sys.argv[1]), "abc").claim():
    print("held", flush=True)
    time.sleep(1000)
"""


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "runs", "abc")


@pytest.fixture
def claimed(folder: RunFolder) -> Iterator[RunFolder]:
    with folder.claim():
        yield folder


@contextmanager
def held_by_another(runs: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds run abc."""
    command = [sys.executable, "-W", "error", "-c", HOLD, str(runs)]
    root = Path(__file__).resolve().parent.parent
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        try:
            yield holder
        finally:
            holder.kill()


def test_claim_excludes_another_process_and_says_which_has_it(folder: RunFolder) -> None:
    with held_by_another(folder.runs) as holder:
        line = f"run abc is being run by process {holder.pid} on {socket.gethostname()}; wait for it or stop it"
        with pytest.raises(UserError, match=f"^{re.escape(line)}$"), folder.claim():
            pass


def test_claim_of_a_killed_process_is_taken_over(folder: RunFolder) -> None:
    with held_by_another(folder.runs) as holder:
        holder.send_signal(signal.SIGKILL)
        holder.wait()
        with folder.claim():
            pass


def test_claim_excludes_this_process_too_and_ends(folder: RunFolder) -> None:
    with folder.claim():
        assert folder.path.is_dir()
        line = f"process {os.getpid()} on"
        with pytest.raises(UserError, match=line), RunFolder(folder.runs, "abc").claim():
            pass
        with RunFolder(folder.runs, "abd").claim():
            pass
    with pytest.raises(KeyError), folder.claim():
        raise KeyError
    with folder.claim():
        pass


def test_claim_stays_while_the_folder_is_moved(claimed: RunFolder) -> None:
    claimed.move_aside()
    with pytest.raises(UserError, match="is being run by"), RunFolder(claimed.runs, "abc").claim():
        pass


def test_outputs_that_cannot_be_written_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = RunFolder(tmp_path / "file" / "runs", "abc")
    line = f"paths.outputs={tmp_path}/file: runs can't be written there (Not a directory)"
    with pytest.raises(OptionError, match=f"^{re.escape(line)}$"), folder.claim():
        pass


def test_old_runs_are_kept_under_numbers(claimed: RunFolder) -> None:
    for number in (1, 2, 3):
        claimed.write_json("result.json", {"n": number})
        assert claimed.move_aside() == claimed.runs / f"abc.old-{number}"
        assert list(claimed.path.iterdir()) == []
    kept = [json.loads((claimed.runs / f"abc.old-{n}" / "result.json").read_text())["n"] for n in (1, 2, 3)]
    assert kept == [1, 2, 3]


def strict(text: str) -> Any:
    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is not JSON")

    return json.loads(text, parse_constant=refuse)


def test_json_is_strict(claimed: RunFolder) -> None:
    odd = {"a": float("nan"), "b": [float("inf"), 1.5, {"c": (-float("inf"), "x")}], "d": None, "status": True}
    plain = {"a": None, "b": [None, 1.5, {"c": [None, "x"]}], "d": None, "status": True}
    claimed.write_json("result.json", odd)
    claimed.log_metrics(odd)
    assert strict((claimed.path / "result.json").read_text()) == plain
    assert claimed.result == plain
    assert claimed.metrics == [plain]
    assert strict((claimed.path / "metrics.jsonl").read_text()) == plain


def test_what_is_no_json_is_refused_rather_than_turned_into_text(claimed: RunFolder) -> None:
    with pytest.raises(TypeError):
        claimed.write_json("result.json", {"a": object()})
    assert claimed.result is None


def test_finish_writes_the_result_and_forgets_the_failure(claimed: RunFolder) -> None:
    claimed.write_json("failure.json", {"error": "once"})
    assert claimed.result is None
    claimed.finish({"status": "finished"})
    assert claimed.result == {"status": "finished"}
    assert [file.name for file in claimed.path.iterdir()] == ["result.json"]


@pytest.mark.parametrize("text", ["", '{"status": "fin', "null", "[]", "{}"])
def test_result_that_is_none_is_an_error_that_names_the_file(claimed: RunFolder, text: str) -> None:
    (claimed.path / "result.json").write_text(text)
    with pytest.raises(UserError, match=re.escape(f"{claimed.path}/result.json is damaged (")) as raised:
        _ = claimed.result
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("step", "kept"), [(-1, []), (0, [0]), (7, [0, 5]), (10, [0, 5, 10]), (99, [0, 5, 10])])
def test_cut_metrics(claimed: RunFolder, step: int, kept: list[int]) -> None:
    for logged in (0, 5, 10):
        claimed.log_metrics({"step": logged})
    with (claimed.path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 1')  # torn by a crash
    claimed.cut_metrics(step)
    assert [line["step"] for line in claimed.metrics] == kept
    claimed.log_metrics({"step": 100})
    assert [line["step"] for line in claimed.metrics] == [*kept, 100]


def test_cut_metrics_of_nothing(claimed: RunFolder) -> None:
    claimed.cut_metrics(-1)
    assert claimed.metrics == []


LINES: list[dict[str, Any]] = [
    {"epoch": 0, "step": 0, "val/loss": 9.0},
    {"epoch": 1, "step": 4, "val/loss": 3.0, "train/loss": 5.0, "lr": 0.1},
    {"epoch": 2, "step": 8, "val/loss": 1.0, "train/loss": 2.0, "lr": 0.1},
    {"epoch": 3, "step": 12, "val/loss": None, "train/loss": 1.0, "lr": 0.1},
    {"epoch": 4, "step": 16, "val/loss": 2.0, "train/loss": 4.0, "lr": 0.1},
]


def test_summary_has_every_reduction_under_its_own_name() -> None:
    assert summary(LINES, 2) == {
        "val/loss": 1.0,
        "val/loss/min": 1.0,
        "val/loss/max": 3.0,
        "val/loss/last": 2.0,
        "val/loss/mean": 2.0,
        "val/loss/initial": 9.0,
        "train/loss": 2.0,
        "train/loss/min": 1.0,
        "train/loss/max": 5.0,
        "train/loss/last": 4.0,
        "train/loss/mean": 3.0,
    }


def test_summary_of_values_that_were_not_finite() -> None:
    assert summary(LINES[:4], 3)["val/loss"] is None
    assert summary(LINES[:4], 3)["val/loss/last"] is None
    assert summary([LINES[0], LINES[3]], 0) == {
        "val/loss/initial": 9.0,
        "train/loss/min": 1.0,
        "train/loss/max": 1.0,
        "train/loss/last": 1.0,
        "train/loss/mean": 1.0,
    }
    assert summary([], 0) == {}


def test_commit_of_a_folder_that_is_no_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results, "__file__", str(tmp_path / "snnexp" / "results.py"))
    assert commit() == {"commit": "unknown", "dirty": False}


def test_commit_of_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def git(*arguments: str) -> str:
        author = ["-c", "user.name=a", "-c", "user.email=a@b"]
        return subprocess.run(
            ["git", *author, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout

    git("init")
    git("commit", "--allow-empty", "-m", "first")
    monkeypatch.setattr(results, "__file__", str(tmp_path / "snnexp" / "results.py"))
    assert commit() == {"commit": git("rev-parse", "HEAD").strip(), "dirty": False}
    (tmp_path / "new").touch()
    assert commit() == {"commit": git("rev-parse", "HEAD").strip(), "dirty": True}
