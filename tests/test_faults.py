"""Sweeps that are killed, run twice at once, lack disk space or memory, may not write, or have a clock that jumps."""

import errno
import json
import os
import random
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from snnexp.errors import shortage
from snnexp.sweep import State, state
from tests.runs import CONF, SMALL, kill_at_call, said, sweeping, swept

WORDS = ["seed=0,1,2", "procedure.checkpoint_every=2", "trainer.max_epochs=2"]


def results(outputs: Path) -> dict[str, Any]:
    """The results of all runs by their id, which are equal where the weights were, to the bit."""
    return {path.parent.name: json.loads(path.read_text()) for path in outputs.glob("runs/*/result.json")}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    outputs = tmp_path_factory.mktemp("undisturbed")
    code, out = swept(WORDS, outputs)
    assert code == 0, out
    assert len(results(outputs)) == 3
    return results(outputs)


def wait_for(holds: Callable[[], object]) -> None:
    end = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.02)


def kill_training(step: int) -> None:
    from snnexp.task import Task

    kill_at_call(Task, "training_step", step)


def kill_finish(run: int) -> None:
    from snnexp.results import RunFolder

    kill_at_call(RunFolder, "finish", run)


@pytest.mark.parametrize(
    ("death", "done"),
    [(partial(kill_training, 3), 0), (partial(kill_training, 10 + 7), 1), (partial(kill_finish, 2), 1)],
    ids=["first run", "second run", "before a result"],
)
def test_killed_sweep_goes_on(
    tmp_path: Path, undisturbed: dict[str, Any], death: Callable[[], None], done: int
) -> None:
    code, _ = swept(WORDS, tmp_path, death)
    assert code == -signal.SIGKILL
    assert len(results(tmp_path)) == done
    assert {state(tmp_path / "runs", run) for run in undisturbed} == {State.MISSING} | ({State.DONE} if done else set())
    code, out = swept(WORDS, tmp_path)
    assert (code, results(tmp_path)) == (0, undisturbed)
    assert out.splitlines()[0].endswith(f"; {3 - done} to be run")


def hold(outputs: Path) -> None:
    """Make this process note every run that it trains, and wait in the first one's training for a file `go`."""
    import snnexp.run
    from snnexp.task import Task

    train, step = snnexp.run._execute, Task.training_step

    def noted(config: Any, folder: Any, console: Any) -> Any:
        with (outputs / "trained.txt").open("a") as file:
            file.write(f"{folder.id}\n")
        return train(config, folder, console)

    def held(self: Task, batch: Any, batch_idx: int) -> Any:
        wait_for((outputs / "go").exists)
        return step(self, batch, batch_idx)

    snnexp.run._execute, Task.training_step = noted, held  # type: ignore[method-assign]


def test_two_sweeps_at_once_share_the_runs(tmp_path: Path, undisturbed: dict[str, Any]) -> None:
    first = sweeping(WORDS, tmp_path, partial(hold, tmp_path))
    wait_for(lambda: (tmp_path / "trained.txt").exists())
    second = sweeping(WORDS, tmp_path, partial(hold, tmp_path))
    wait_for(lambda: len((tmp_path / "trained.txt").read_text().split()) == 2)  # it has passed over the first run
    (tmp_path / "go").touch()
    for sweep in (first, second):
        sweep.join(300)
    assert (first.exitcode, second.exitcode) == (0, 0), said(first, tmp_path) + said(second, tmp_path)
    assert results(tmp_path) == undisturbed
    trained = (tmp_path / "trained.txt").read_text().split()
    assert sorted(trained) == sorted(undisturbed)  # each once
    out = said(second, tmp_path)
    assert out.startswith("3 runs: 1 running, 2 missing; 3 to be run\n")
    assert f"run {trained[0]} is being run by process {first.pid} on " in out
    assert not list(tmp_path.glob("runs/*/failure.json"))


def wrong_clock() -> None:
    """The wall clock of this process jumps by up to ten years at every look."""
    chance = random.Random(5)
    right = time.time

    def wrong() -> float:
        return right() + chance.uniform(-3e8, 3e8)

    time.time = wrong
    time.time_ns = lambda: int(wrong() * 1e9)


def wrong_clock_until_killed() -> None:
    wrong_clock()
    kill_training(10 + 7)


def test_a_jumping_clock_and_wrong_file_times_change_nothing(tmp_path: Path, undisturbed: dict[str, Any]) -> None:
    code, _ = swept(WORDS, tmp_path, wrong_clock_until_killed)
    assert code == -signal.SIGKILL
    chance = random.Random(6)
    for path in tmp_path.rglob("*"):
        moment = chance.uniform(0, 4e9)
        os.utime(path, (moment, moment))
    code, out = swept(WORDS, tmp_path, wrong_clock)
    assert (code, results(tmp_path)) == (0, undisturbed), out


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 128 KiB in memory."""
    mounted = tmp_path / "disk"
    mounted.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs", mounted], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"a small file system needs root and the right to mount: {done.stderr.strip()}")
    try:
        yield mounted
    finally:
        subprocess.run(["umount", "--lazy", mounted], check=True)


@pytest.mark.parametrize("room", [2, 24, 40])
def test_full_disk_leaves_nothing_half_written(small_disk: Path, undisturbed: dict[str, Any], room: int) -> None:
    """With room for more and less of a run's files, in KiB."""
    filler = small_disk / "filler"
    filler.write_bytes(bytes((128 - 4 - room) << 10))
    code, out = swept(WORDS, small_disk)
    assert code != 0
    assert "Traceback" not in out
    for path in small_disk.glob("runs/*/*.json"):
        json.loads(path.read_text())
    filler.unlink()
    kept = results(small_disk)
    assert kept.items() <= undisturbed.items()
    subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True)
    code, out = swept(WORDS, small_disk)
    assert (code, results(small_disk)) == (0, undisturbed), out


@pytest.mark.parametrize("largest", [2, 8, 24])
def test_a_limit_on_files_is_one_line(largest: int, command: Callable[..., Any], tmp_path: Path) -> None:
    """Of so many KiB: before training, and in it."""
    words = [*SMALL, "trainer.max_epochs=1", "network.widths=[100]", f"paths.outputs={tmp_path}"]
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest << 10, hard))
    try:
        ended = command(*words)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    line = "File too large; nothing half-written counts, and the same command goes on where there is room\n"
    assert (ended.err, ended.code) == (line, 1)
    assert not results(tmp_path)
    assert command(*words).code == 0
    assert len(results(tmp_path)) == 1


@pytest.fixture
def read_only(tmp_path: Path) -> Iterator[Path]:
    """A folder that nothing can be written to, for root neither."""
    folder = tmp_path / "read_only"
    folder.mkdir()
    folder.chmod(0o555)
    mounted = os.access(folder, os.W_OK)  # by root, who needs more than permissions
    if mounted:
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", folder], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"root may not mount a read-only file system: {done.stderr.strip()}")
    try:
        yield folder
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("multirun", [[], ["-m"]])
def test_read_only_outputs_are_one_line(read_only: Path, command: Callable[..., Any], multirun: list[str]) -> None:
    ended = command(*multirun, *SMALL, f"paths.outputs={read_only}")
    assert (ended.out, ended.code) == ("", 1)
    assert str(read_only) in ended.err
    assert re.search(r"paths\.outputs.* can't be written", ended.err)
    assert ended.err.count("\n") == 1


# An initialisation that kills its process, unless a file allows it to live.
DEADLY = """
import os, signal
from pathlib import Path
from snnexp.init import glorot

def deadly(network, inputs):
    if not Path(os.environ["ALIVE"]).exists():
        os.kill(os.getpid(), signal.SIGKILL)
    return glorot(network, inputs)
"""


def parallel(folder: Path, *words: str) -> subprocess.Popen[str]:
    own = [f"hydra.searchpath=[file://{folder}/conf]", "allow=[userlab]", f"paths.outputs={folder}/outputs"]
    small = [word for word in SMALL if not word.startswith("threads")]
    two = ["hydra/launcher=parallel", "hydra.launcher.n_jobs=2"]
    plain = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    return subprocess.Popen(
        [sys.executable, str(CONF.parent / "train.py"), "-m", *two, *own, *small, *words],
        cwd=folder,
        env=plain | {"ALIVE": str(folder / "alive"), "PYTHONPATH": f"{CONF.parent}:{folder}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def alive(group: int) -> bool:
    """Whether a process of this group does anything; a dead one may still be listed, where nobody asks for its end."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, _, its_group = path.read_text().rpartition(")")[2].split()[:3]
            if int(its_group) == group and state != "Z":
                return True
    return False


@pytest.mark.slow
def test_parallel_runs_their_threads_and_their_deaths(tmp_path: Path) -> None:
    (tmp_path / "conf" / "init").mkdir(parents=True)
    (tmp_path / "conf" / "init" / "deadly.yaml").write_text("_target_: userlab.deadly\n_partial_: true\n")
    (tmp_path / "userlab.py").write_text(DEADLY)
    # A run is killed: its process is gone, and with it, in joblib, those beside it.
    words = ["init=deadly", "seed=0,1,2"]
    sweep = parallel(tmp_path, *words)
    _, err = sweep.communicate(timeout=300)
    assert sweep.returncode == 1
    assert err.splitlines()[-1].startswith("a process that runs jobs was killed, perhaps for want of memory")
    assert "Traceback" not in err
    # The process of the sweep is killed, while runs are trained: all that it has started goes too.
    (tmp_path / "alive").touch()
    sweep = parallel(tmp_path, *words, "trainer.max_epochs=12")
    wait_for(lambda: list(tmp_path.glob("outputs/runs/*/metrics.jsonl")))
    sweep.kill()
    sweep.communicate()
    wait_for(lambda: not alive(sweep.pid))
    assert not results(tmp_path / "outputs")
    sweep = parallel(tmp_path, *words, "trainer.max_epochs=12")
    out, err = sweep.communicate(timeout=300)
    assert sweep.returncode == 0, err
    assert len(results(tmp_path / "outputs")) == 3
    assert "epoch" not in out  # no bars and no tables: one line where a run ends
    cores = len(os.sched_getaffinity(0))
    for path in tmp_path.glob("outputs/runs/*/env.json"):
        assert json.loads(path.read_text())["threads"] == max(1, cores // 2)


@pytest.mark.parametrize("multirun", [[], ["-m"]])
def test_too_little_memory_is_one_line(tmp_path: Path, command: Callable[..., Any], multirun: list[str]) -> None:
    """A recurrence of 400 TB."""
    ended = command(*multirun, *SMALL, "network.widths=[10_000_000]", f"paths.outputs={tmp_path}")
    line = "out of memory (4e+05 GB more were asked for): a smaller dataset.batch_size or a smaller network needs less"
    assert ended.code == 1
    assert line in ended.err + ended.out
    (failure,) = tmp_path.glob("runs/*/failure.json")
    assert json.loads(failure.read_text())["error"] == line
    assert multirun or ended.err == f"{line}\n"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (MemoryError(), "out of memory: a smaller "),
        (RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB. GPU 0 has"), "out of memory (20.00 GiB more "),
        (RuntimeError("shapes do not fit"), None),
        (OSError(errno.EACCES, "denied"), None),
    ],
)
def test_what_is_a_shortage(error: Exception, line: str | None) -> None:
    said = shortage(error)
    assert said is None if line is None else said is not None and said.startswith(line)
