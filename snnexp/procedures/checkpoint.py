"""Checkpoints from which a run continues to the same bits."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch import Callback

from snnexp.init import LayerReport

LAST, PREVIOUS = "last.ckpt", "previous.ckpt"


class BatchOrder(Protocol):
    """The order of the training batches: a function of `epoch`, of which the first `skip` batches are left out."""

    epoch: int
    skip: int


class Checkpoint(Callback):
    """Saves the run every n steps and at the end of every epoch, and puts it back where it was.

    At an epoch's last batch nothing is saved: the validation that follows belongs to the epoch, so the save comes after
    it. Two files are kept, so that one is whole whenever the machine stops. The order of the batches is told where to
    go on as soon as the checkpoint is read: Lightning makes the loader's iterator before it calls any other hook.

    init: what the initialisation did, which is not done again for weights that a checkpoint has, see `initialised`.
    """

    def __init__(self, folder: Path, every: int, order: BatchOrder, init: Sequence[LayerReport]) -> None:
        self.folder, self.every, self.order, self.init = folder, every, order, init
        self.epoch = self.skip = 0
        self.stopped = False

    def state_dict(self) -> dict[str, Any]:
        init = [layer._asdict() for layer in self.init]
        return {"epoch": self.epoch, "skip": self.skip, "stopped": self.stopped, "init": init}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.epoch, self.skip, self.stopped = state_dict["epoch"], state_dict["skip"], state_dict["stopped"]
        self.order.epoch, self.order.skip = self.epoch, self.skip

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        trainer.should_stop = trainer.should_stop or self.stopped

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # Not called when an epoch is resumed in its middle.
        self.order.epoch, self.order.skip = trainer.current_epoch, 0

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        done = batch_idx + 1
        if trainer.global_step % self.every == 0 and done < trainer.num_training_batches:
            self.save(trainer, trainer.current_epoch, done)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.save(trainer, trainer.current_epoch + 1, 0)

    def save(self, trainer: Trainer, epoch: int, skip: int) -> None:
        """Keep the run as it is now, to go on in an epoch (counted from 0) after its first `skip` batches."""
        self.epoch, self.skip, self.stopped = epoch, skip, trainer.should_stop
        temporary = self.folder / f".{LAST}.tmp"
        trainer.save_checkpoint(temporary)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        if (self.folder / LAST).exists():
            (self.folder / LAST).replace(self.folder / PREVIOUS)
        temporary.replace(self.folder / LAST)


def newest(folder: Path) -> Path | None:
    """The newest checkpoint that can be read whole, or None; a torn one is passed over for the one before."""
    for name in (LAST, PREVIOUS):
        path = folder / name
        if path.exists():
            try:
                torch.load(path, map_location="cpu", weights_only=True, mmap=True)
            except (OSError, RuntimeError, EOFError, ValueError):
                continue
            return path
    return None


def initialised(path: Path | None) -> list[LayerReport] | None:
    """What the initialisation did to the weights of a checkpoint; None where there is none, or none that says it."""
    if path is None:
        return None
    callbacks = torch.load(path, map_location="cpu", weights_only=True, mmap=True)["callbacks"]
    kept = callbacks.get(Checkpoint.__qualname__, {}).get("init")
    return None if kept is None else [LayerReport(**layer) for layer in kept]
