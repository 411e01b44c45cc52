"""A run that is told to stop saves at the end of the batch, and loses no step."""

import os
import signal
import sys
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
import torch
from lightning import Trainer

from snnexp.task import Task
from tests.runs import in_child
from tests.test_resume import assert_same, everything

RARE = ["procedure.checkpoint_every=1000", "trainer.limit_val_batches=1", "network.dropout=0.2", "scheduler=cosine"]
"""3 epochs of 5 batches and 1 of validation; inside an epoch nothing is saved."""

REQUEUED = 75


def requeue(number: int, frame: FrameType | None) -> None:
    """What submitit's handler does with the process, after it has put the job back into the queue."""
    sys.exit(REQUEUED)


def told_at(method: str, call: int, *numbers: int) -> None:
    """In this process SIGUSR2 is answered as in a job; signals come during the n-th call of a method of the task."""
    signal.signal(signal.SIGUSR2, requeue)
    original, calls = getattr(Task, method), 0

    def counted(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            for number in numbers:
                os.kill(os.getpid(), number)
        return original(*arguments)

    setattr(Task, method, counted)


def told_on_a_full_disk(errors: Path) -> None:
    def full(self: Trainer, path: Path) -> None:
        raise OSError("no space left on device")

    sys.stderr = errors.open("w", buffering=1)
    Trainer.save_checkpoint = full  # type: ignore[method-assign, assignment]
    told_at("training_step", 3, signal.SIGUSR2)


def saved(outputs: Path) -> tuple[int, int]:
    """The step of the newest checkpoint and the batches of its epoch that are done."""
    (path,) = outputs.glob("runs/*/last.ckpt")
    checkpoint = torch.load(path, weights_only=True)
    (state,) = [state for name, state in checkpoint["callbacks"].items() if name.startswith("Checkpoint")]
    return checkpoint["global_step"], state["skip"]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    outputs = tmp_path_factory.mktemp("whole")
    assert in_child(RARE, outputs) == 0
    return everything(outputs)


@pytest.mark.parametrize(
    ("method", "call", "step", "skip"),
    [
        ("training_step", 1, 1, 1),
        ("training_step", 8, 8, 3),
        ("training_step", 10, 10, 0),  # the epoch's last batch: after the validation that belongs to it
        ("validation_step", 3, 10, 0),  # the first is before training
        ("validation_step", 4, 15, 0),  # the last of training
    ],
)
def test_no_step_is_lost(
    method: str, call: int, step: int, skip: int, tmp_path: Path, uninterrupted: dict[str, Any]
) -> None:
    # As SLURM does it, both at once: the queue comes first.
    arrange = partial(told_at, method, call, signal.SIGTERM, signal.SIGUSR2)
    assert in_child(RARE, tmp_path, arrange) == REQUEUED
    assert saved(tmp_path) == (step, skip)
    assert not list(tmp_path.glob("runs/*/failure.json"))
    assert in_child(RARE, tmp_path) == 0
    assert_same(everything(tmp_path), uninterrupted)


def test_without_a_queue_the_signal_ends_the_run_after_the_save(tmp_path: Path) -> None:
    assert in_child(RARE, tmp_path, partial(told_at, "training_step", 3, signal.SIGTERM)) == -signal.SIGTERM
    assert saved(tmp_path) == (3, 3)


def test_a_failing_save_does_not_stop_the_requeue(tmp_path: Path) -> None:
    assert in_child(RARE, tmp_path, partial(told_on_a_full_disk, tmp_path / "stderr")) == REQUEUED
    assert "no space left on device" in (tmp_path / "stderr").read_text()
    assert not list(tmp_path.glob("runs/*/last.ckpt"))


def test_before_training_the_signal_acts_at_once(tmp_path: Path) -> None:
    assert in_child(RARE, tmp_path, partial(told_at, "validation_step", 1, signal.SIGUSR2)) == REQUEUED
    assert not list(tmp_path.glob("runs/*/last.ckpt"))


@pytest.mark.slow
def test_workers_of_the_data_loader_live_on(tmp_path: Path) -> None:
    """SLURM sends the signal to every process of the job."""
    arrange = partial(told_at, "training_step", 3, signal.SIGUSR2)
    assert in_child([*RARE, "dataset.workers=2"], tmp_path, partial(to_the_group, arrange)) == REQUEUED
    assert saved(tmp_path) == (3, 3)


def to_the_group(arrange: Any) -> None:
    """From now on a signal that this process sends itself goes to its workers as well."""
    os.setpgrp()
    os.kill = lambda process, number: os.killpg(process, number)  # type: ignore[assignment]
    arrange()
