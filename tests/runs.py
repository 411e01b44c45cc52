"""Runs in processes of their own, forked from one that has already imported everything."""

import io
import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Callable
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from omegaconf import DictConfig
from rich.console import Console

CONF = Path(__file__).resolve().parent.parent / "conf"

SMALL = [
    "threads=1",
    "progress=false",
    "trainer.accelerator=cpu",
    "trainer.max_epochs=3",
    "dataset.train_samples=150",
    "dataset.batch_size=32",
    "dataset.steps=12",
    "network.widths=[12,12]",
]
"""5 batches an epoch."""

Arrange = Callable[[], None]


def composed(overrides: list[str]) -> DictConfig:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("train", overrides)


def run(overrides: list[str], outputs: Path) -> dict[str, Any]:
    """Run in this process, quietly; returns the result."""
    from snnexp.run import execute

    return execute(composed([*SMALL, f"paths.outputs={outputs}", *overrides]), Console(file=io.StringIO()))


def server() -> ForkServerContext:
    """Starts processes forked from one that has imported everything.

    There is one, started for the first test that asks: who asked elsewhere would have all later ones import anew.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["snnexp.run", "sklearn.datasets", "snnexp.data.digits"])
    return context


def _child(overrides: list[str], outputs: Path, arrange: Arrange | None) -> None:
    if arrange is not None:
        arrange()
    run(overrides, outputs)


def in_child(overrides: list[str], outputs: Path, arrange: Arrange | None = None) -> int | None:
    """Run in a forked process, after `arrange` has been called in it; returns its exit code, -9 if it was killed."""
    child = server().Process(target=_child, args=(overrides, outputs, arrange))
    child.start()
    child.join(300)
    return child.exitcode


def kill_at_call(owner: Any, method: str, number: int) -> None:
    """From now on the n-th call of a method (counted from 1) ends the process with SIGKILL, before it does anything."""
    original, calls = getattr(owner, method), 0

    def counted(*arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == number:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **named)

    setattr(owner, method, counted)


def _sweep(words: list[str], outputs: Path, arrange: Arrange | None) -> None:
    with (outputs / f"sweep-{os.getpid()}.txt").open("w") as said:
        os.dup2(said.fileno(), 1)
        os.dup2(said.fileno(), 2)
    if arrange is not None:
        arrange()
    sys.argv = ["train.py", "-m", *SMALL, f"paths.outputs={outputs}", *words]
    runpy.run_path(str(CONF.parent / "train.py"), run_name="__main__")


def sweeping(words: list[str], outputs: Path, arrange: Arrange | None = None) -> multiprocessing.process.BaseProcess:
    """A started process that runs `train.py -m` with small runs; `said` reads what it has printed."""
    outputs.mkdir(exist_ok=True)
    child = server().Process(target=_sweep, args=(words, outputs, arrange))
    child.start()
    return child


def said(child: multiprocessing.process.BaseProcess, outputs: Path) -> str:
    return (outputs / f"sweep-{child.pid}.txt").read_text()


def swept(words: list[str], outputs: Path, arrange: Arrange | None = None) -> tuple[int | None, str]:
    """Run a sweep to its end; returns its exit code and what it printed."""
    child = sweeping(words, outputs, arrange)
    child.join(300)
    return child.exitcode, said(child, outputs)
