"""What is seen while a run trains: one bar with the loss, the accuracy, the firing rates and the time left."""

import time
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch import Callback
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from snnexp.task import Task as LearningTask


class _Text(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(task.fields["measures"], style="cyan")


class ProgressBar(Callback):
    """One bar for the whole training; where the output is no terminal, a line now and then.

    lines_every: seconds between two lines where there is no terminal.
    """

    def __init__(self, console: Console, lines_every: float = 10.0) -> None:
        self.console, self.lines_every = console, lines_every
        self.bar = Progress(
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=24),
            _Text(),
            TextColumn("left"),
            TimeRemainingColumn(compact=True),
            console=console,
            refresh_per_second=4,
            disable=not console.is_terminal,
        )
        self.started = self.said = time.monotonic()
        self.first_step = 0

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.started = self.said = time.monotonic()
        self.first_step = trainer.global_step
        total = int(trainer.num_training_batches) * (trainer.max_epochs or 1)
        self.id = self.bar.add_task("", total=total, completed=trainer.global_step, epoch="", measures="")
        self.bar.start()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self.bar.update(self.id, completed=trainer.global_step, epoch=self._epoch(trainer))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, LearningTask)
        train, validation = pl_module.train_metrics.values(), pl_module.evaluation_metrics.values()
        rates = " ".join(f"{value:.3f}" for name, value in train.items() if name.startswith("firing_rate/"))
        measures = f"loss {train['loss']:.3f}  accuracy {train['accuracy']:.3f}, val {validation['accuracy']:.3f}"
        measures += f"  rates {rates}" if rates else ""
        self.bar.update(self.id, measures=measures)
        if not self.console.is_terminal and time.monotonic() - self.said >= self.lines_every:
            self.said = time.monotonic()
            self.console.print(f"epoch {self._epoch(trainer)}  {measures}  left {self._left(trainer)}", soft_wrap=True)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self.bar.stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self.bar.stop()

    def _epoch(self, trainer: Trainer) -> str:
        return f"{trainer.current_epoch + 1}/{trainer.max_epochs}"

    def _left(self, trainer: Trainer) -> str:
        done = trainer.global_step - self.first_step
        total = int(trainer.num_training_batches) * (trainer.max_epochs or 1)
        seconds = (time.monotonic() - self.started) / max(done, 1) * (total - trainer.global_step)
        return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
