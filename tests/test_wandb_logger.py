"""Weights & Biases' own client, offline and against a stand-in for the server."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import wandb

from snnexp.errors import UserError
from snnexp.procedures.checkpoint import Checkpoint
from tests.conftest import Ended
from tests.runs import SMALL, in_child, kill_at_call, run
from tests.wandb_server import KEY, Run, Server, serving

CLIENT = Path(sys.executable).parent / "wandb"


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """No key and no folder of this machine's user; a client that has read nothing yet."""
    monkeypatch.delenv("WANDB_API_KEY", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("WANDB_CONFIG_DIR", str(tmp_path / "config"))
    monkeypatch.setenv("WANDB_CACHE_DIR", str(tmp_path / "cache"))
    wandb.teardown()
    yield
    wandb.teardown()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with serving() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        yield server


def sync(folder: Path) -> None:
    done = subprocess.run([CLIENT, "sync", folder], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def epochs(stored: Run) -> list[tuple[int, int]]:
    """Of every line of measures, its epoch and its training step."""
    return [(line["epoch"], line["trainer/global_step"]) for line in stored.history if "epoch" in line]


def disk_full_at_call(number: int) -> Callable[..., None]:
    """A `Checkpoint.save` whose n-th call fails."""
    calls, original = [], Checkpoint.save

    def save(*arguments: Any) -> None:
        calls.append(arguments)
        if len(calls) == number:
            raise OSError("no space left on device")
        original(*arguments)

    return save


def killed_at_the_second_checkpoint() -> None:
    kill_at_call(Checkpoint, "save", 2)


def test_every_run_of_a_multirun_is_a_wandb_run_of_its_own(command: Callable[..., Ended], tmp_path: Path) -> None:
    small = [*SMALL, "trainer.max_epochs=1", f"paths.outputs={tmp_path}"]
    assert command("-m", "logger=wandb", *small, "sg=fast_sigmoid,triangular", "init=condition_I").code == 0
    ids = [path.parent.name for path in tmp_path.glob("runs/*/result.json")]
    assert len(ids) == 2
    shapes = set()
    for name in ids:
        (log,) = (tmp_path / "runs" / name / "wandb").glob(f"offline-run-*-{name}/*.wandb")
        shown = subprocess.run([CLIENT, "leet", "inspect", log, "--summary", "--json"], capture_output=True, text=True)
        assert shown.returncode == 0, shown.stderr
        content = json.loads(shown.stdout)
        assert content["run_id"] == name
        shape = content["config"]["choices"]["sg"]
        shapes.add(shape)
        assert content["config"]["sg"]["shape"]["_target_"] == f"snnexp.surrogates.{shape}"
        assert content["tags"] == [f"sg={shape}", "neuron=lif", "init=condition_I", "dataset=digits"]
    assert shapes == {"fast_sigmoid", "triangular"}


def test_the_logger_does_not_change_the_run(tmp_path: Path) -> None:
    plain = run(["trainer.max_epochs=1"], tmp_path / "plain")
    logged = run(["trainer.max_epochs=1", "logger=wandb", "logger.offline=true"], tmp_path / "logged")
    assert plain == logged


def test_an_experiment_is_a_group(server: Server, command: Callable[..., Ended], tmp_path: Path) -> None:
    own = tmp_path / "conf" / "experiment" / "mine"
    own.mkdir(parents=True)
    (own / "first.yaml").write_text("# @package _global_\nseed: 3\n")
    words = ["logger=wandb", "logger.tags=[shown]", "trainer.max_epochs=1", f"paths.outputs={tmp_path}"]
    ended = command("--config-dir", str(tmp_path / "conf"), *SMALL, *words, "experiment=mine/first")
    assert ended.code == 0, ended.err
    (stored,) = server.runs.values()
    assert stored.fields["groupName"] == "mine/first"
    assert stored.fields["jobType"] == "train"
    assert "shown" in stored.fields["tags"]


def test_what_the_server_has_of_a_run(server: Server, tmp_path: Path) -> None:
    result = run(["logger=wandb"], tmp_path)
    stored = server.runs[result["id"]]
    assert epochs(stored) == [(0, 0), (1, 5), (2, 10), (3, 15)]
    assert {name: stored.summary[name] for name in result["metrics"]} == result["metrics"]
    assert stored.summary["status"] == "finished"
    assert stored.exit_codes == [0]
    page = (tmp_path / "runs" / result["id"] / "page.html").read_bytes()
    assert page in stored.files.values()
    pictures = [content for name, content in stored.files.items() if name.startswith("media/images/surrogate/")]
    assert len(pictures) == 2
    assert all(content.startswith(b"\x89PNG") for content in pictures)


@pytest.mark.parametrize("killed", [False, True])
def test_a_continued_run_is_the_same_wandb_run(
    killed: bool, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second epoch is over and its line written, but its checkpoint is not: it is computed again.

    Where it failed, the client still delivers what it has been given; killed, it may lose it.
    """
    if killed:
        assert in_child(["logger=wandb"], tmp_path, killed_at_the_second_checkpoint) == -9
    else:
        with monkeypatch.context() as patch:
            patch.setattr(Checkpoint, "save", disk_full_at_call(2))
            with pytest.raises(OSError, match="no space left"):
                run(["logger=wandb"], tmp_path)
        (stored,) = server.runs.values()
        assert epochs(stored) == [(0, 0), (1, 5), (2, 10)]
        assert stored.exit_codes == [1]
    result = run(["logger=wandb"], tmp_path)
    assert list(server.runs) == [result["id"]]
    stored = server.runs[result["id"]]
    assert epochs(stored) == [(0, 0), (1, 5), (2, 10), (3, 15)]
    assert stored.exit_codes[-1] == 0


def test_offline_runs_are_synced_whole_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", disk_full_at_call(2))
        with pytest.raises(OSError, match="no space left"):
            run(["logger=wandb"], tmp_path)
    name = run(["logger=wandb"], tmp_path)["id"]
    (folder,) = (tmp_path / "runs" / name / "wandb").glob("offline-run-*")
    with serving() as server:
        monkeypatch.setenv("WANDB_BASE_URL", server.url)
        monkeypatch.setenv("WANDB_API_KEY", KEY)
        sync(folder)
    assert epochs(server.runs[name]) == [(0, 0), (1, 5), (2, 10), (3, 15)]
    assert server.runs[name].summary["status"] == "finished"
    assert any(file.startswith("media/html/page") for file in server.runs[name].files)


def test_a_forced_run_is_another_one(server: Server, tmp_path: Path) -> None:
    name = run(["logger=wandb", "trainer.max_epochs=1"], tmp_path)["id"]
    run(["logger=wandb", "trainer.max_epochs=1", "force=true"], tmp_path)
    assert list(server.runs) == [name, f"{name}-2"]
    assert epochs(server.runs[name]) == epochs(server.runs[f"{name}-2"]) == [(0, 0), (1, 5)]


def test_a_failed_run_is_closed_and_the_next_is_its_own(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(Checkpoint, "save", disk_full_at_call(1))
        with pytest.raises(OSError, match="no space left"):
            run(["logger=wandb", "trainer.max_epochs=1"], tmp_path)
    assert wandb.run is None
    name = run(["logger=wandb", "trainer.max_epochs=1", "seed=1"], tmp_path)["id"]
    (failed,) = set(server.runs) - {name}
    assert server.runs[failed].exit_codes == [1]
    assert server.runs[name].exit_codes == [0]


def test_the_key_is_in_no_file(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither of a run that ended well, nor of one that failed with the key in its environment."""
    run(["logger=wandb", "trainer.max_epochs=1"], tmp_path)
    monkeypatch.setattr(Checkpoint, "save", disk_full_at_call(1))
    with pytest.raises(OSError, match="no space left"):
        run(["logger=wandb", "trainer.max_epochs=1", "seed=1"], tmp_path)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"config.yaml", "last.ckpt", "failure.json", "debug-internal.log"} <= {path.name for path in files}
    assert [path for path in files if KEY.encode() in path.read_bytes()] == []


@pytest.mark.parametrize("key", ["short", "5" * 39 + "!"])
def test_an_impossible_key_is_one_line_without_the_key(
    key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WANDB_API_KEY", key)
    with pytest.raises(UserError, match=r"^logger=wandb: .*logger\.offline=true") as refused:
        run(["logger=wandb"], tmp_path)
    assert "\n" not in str(refused.value)
    assert key not in str(refused.value)
    assert not any(key.encode() in path.read_bytes() for path in (tmp_path / "runs").rglob("*") if path.is_file())
