"""What a run writes down while it trains: a line per epoch, and the weights that validation selects."""

import io
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import torch
from lightning import LightningModule, Trainer
from lightning.pytorch import Callback
from lightning.pytorch.trainer.states import TrainerFn

from snnexp.files import write_atomically
from snnexp.task import Task

SELECTED = "selected.ckpt"


class Ledger(Protocol):
    """Where metric lines go; `snnexp.results.RunFolder` is one."""

    def log_metrics(self, line: dict[str, Any]) -> None: ...
    def cut_metrics(self, step: int) -> None: ...


class Record(Callback):
    """Appends the measures of every epoch, as read by the metrics themselves, and forwards them to the loggers.

    (Lightning's own averages are wrong for an epoch that was resumed in its middle.)
    further: gives what is measured beside these.
    """

    def __init__(self, ledger: Ledger, further: Callable[[], dict[str, float]]) -> None:
        self.ledger, self.further = ledger, further

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.ledger.cut_metrics(trainer.global_step)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, Task)
        measures = {f"train/{name}": value for name, value in pl_module.train_metrics.values().items()}
        measures |= {f"val/{name}": value for name, value in pl_module.evaluation_metrics.values().items()}
        measures |= self.further()
        measures["lr"] = float(trainer.optimizers[0].param_groups[0]["lr"])
        self.ledger.log_metrics({"epoch": trainer.current_epoch + 1, "step": trainer.global_step, **measures})
        for logger in trainer.loggers:
            logger.log_metrics({"epoch": trainer.current_epoch + 1, **measures}, trainer.global_step)


class Select(Callback):
    """Keeps the network's weights at the epoch of the lowest validation loss."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / SELECTED
        self.lowest, self.epoch = math.inf, 0

    def state_dict(self) -> dict[str, Any]:
        return {"lowest": self.lowest, "epoch": self.epoch}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        self.lowest, self.epoch = state_dict["lowest"], state_dict["epoch"]

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, Task)
        loss = pl_module.evaluation_metrics.values()["loss"]
        if trainer.state.fn is TrainerFn.FITTING and loss < self.lowest:
            self.lowest, self.epoch = loss, trainer.current_epoch + 1
            content = io.BytesIO()
            torch.save(pl_module.network.state_dict(), content)
            write_atomically(self.path, content.getvalue())
