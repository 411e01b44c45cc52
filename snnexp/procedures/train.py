"""Training: from an initialised network to a tested one."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from lightning import Trainer
from lightning.pytorch import Callback
from lightning.pytorch.callbacks import EarlyStopping
from rich.console import Console

from snnexp.errors import require
from snnexp.init import LayerReport
from snnexp.procedures import traces
from snnexp.procedures.checkpoint import BatchOrder, Checkpoint
from snnexp.procedures.preemption import Preemption
from snnexp.procedures.progress import ProgressBar
from snnexp.procedures.record import SELECTED, Ledger, Record, Select
from snnexp.task import Batch, DivergedError, Task


class Data(Protocol):
    """A data module whose order of training batches can be set."""

    train_batches: BatchOrder

    def setup(self, stage: str | None = None) -> None: ...
    def train_dataloader(self) -> Any: ...
    def loader(self, split: str) -> Iterable[Batch]: ...


class Parts(Protocol):
    """What training is given, built; `snnexp.run.Parts` is one.

    trainer: makes a Lightning Trainer from what this procedure adds to the user's settings.
    report: what the initialisation did, once the task is there.
    resumed: the checkpoint to go on from, None for none.
    """

    @property
    def task(self) -> Task: ...
    @property
    def data(self) -> Data: ...
    @property
    def trainer(self) -> Callable[..., Trainer]: ...
    @property
    def report(self) -> Sequence[LayerReport]: ...
    @property
    def resumed(self) -> Path | None: ...
    @property
    def loggers(self) -> list[Any]: ...
    @property
    def console(self) -> Console: ...
    @property
    def progress(self) -> bool: ...


Measure = Callable[[Parts], dict[str, float]]
"""Something that is measured beside the task's own measures, by name; it leaves the network as it was."""


def train(
    parts: Parts,
    folder: Path,
    ledger: Ledger,
    checkpoint_every: int = 100,
    early_stopping: int | None = None,
    averaging: Callable[[], Callback] | None = None,
    each_epoch: Sequence[Measure] = (),
    at_end: Sequence[Measure] = (),
) -> dict[str, Any]:
    """Train the task, from where a checkpoint left off, and test the weights that validation selects.

    checkpoint_every: steps between two checkpoints inside an epoch.
    early_stopping: epochs without a lower validation loss after which training ends; None never ends it early.
    averaging: makes Lightning's weight averaging; validation, selection and test then see the averaged weights.
    each_epoch: measures that are logged before training and after every epoch.  at_end: measures of the selected
    weights, which stand beside the test's.

    Returns status (`finished`, or `diverged` with `diverged_step`, when the loss is no longer finite), `selected_epoch`
    and the test `metrics` of the selected weights.
    """
    require(checkpoint_every > 0, "checkpoint_every", checkpoint_every, "must be at least 1")
    require(
        early_stopping is None or early_stopping > 0, "early_stopping", early_stopping, "must be at least 1 or null"
    )
    data = parts.data
    data.setup("fit")
    task = parts.task
    shown = next(iter(data.loader("test")))
    resumed = parts.resumed
    if resumed is None:
        ledger.cut_metrics(-1)
        before = evaluate(parts, "val")
        before = {f"val/{name}": value for name, value in before.items()} | taken(each_epoch, parts)
        ledger.log_metrics({"epoch": 0, "step": 0, **before})
        traces.save(task, shown, folder / "traces_before.npz")
    else:
        parts.console.print(f"continuing from {resumed}")
    select = Select(folder)
    callbacks: list[Callback] = [select]  # before the averaging, which swaps the weights back after a validation
    if averaging is not None:
        callbacks.append(averaging())
    if early_stopping is not None:
        callbacks.append(EarlyStopping("val/loss", patience=early_stopping, check_on_train_epoch_end=False))
    callbacks.append(Record(ledger, lambda: taken(each_epoch, parts)))
    if parts.progress:
        callbacks.append(ProgressBar(parts.console))
    checkpoint = Checkpoint(folder, checkpoint_every, data.train_batches, parts.report)
    callbacks += [checkpoint, Preemption(checkpoint)]  # last: they save what the others did
    trainer = parts.trainer(callbacks=callbacks, logger=parts.loggers)
    result: dict[str, Any] = {"status": "finished"}
    try:
        task.train()
        trainer.fit(task, data.train_dataloader(), data.loader("val"), ckpt_path=resumed)
    except DivergedError as diverged:
        result = {"status": "diverged", "diverged_step": diverged.step}
    result["selected_epoch"] = select.epoch
    if select.epoch:
        task.network.load_state_dict(torch.load(folder / SELECTED, weights_only=True, map_location="cpu"))
        result["metrics"] = {f"test/{name}": value for name, value in evaluate(parts, "test").items()}
        result["metrics"] |= taken(at_end, parts)
        if result["status"] == "finished":
            traces.save(task, shown, folder / "traces_after.npz")
    return result


def evaluate(parts: Parts, split: str) -> dict[str, float]:
    """All measures of the task on a split, in stored order."""
    trainer = parts.trainer(callbacks=[], logger=False)
    trainer.validate(parts.task, parts.data.loader(split), verbose=False)
    return parts.task.evaluation_metrics.values()


def taken(measures: Sequence[Measure], parts: Parts) -> dict[str, float]:
    """All that these measures give."""
    return {name: value for measure in measures for name, value in measure(parts).items()}
