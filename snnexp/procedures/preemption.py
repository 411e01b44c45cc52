"""A run that is told to stop saves first."""

import os
import signal
import threading
import traceback
from types import FrameType
from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch import Callback

from snnexp.procedures.checkpoint import Checkpoint
from snnexp.signals import BEFORE_KILL


class Preemption(Callback):
    """Puts off what a signal does until the end of the batch, and saves the run before it.

    What it then does is what it would have done at once: in a job of submitit SIGUSR2 puts the job back into the queue
    and ends it (and SIGTERM nothing: SLURM's SIGKILL follows); elsewhere both end the process. During a validation the
    signal waits for the end of the epoch, which is the next place to go on from. So a job has to be told earlier than
    a batch or a validation takes (`signal_delay_s` of the launcher).
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self.process = os.getpid()
        self.before: dict[signal.Signals, Any] = {}
        self.received: set[int] = set()

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        # Here, because Lightning then puts a handler over SIGTERM that would end the run with success.
        if threading.current_thread() is threading.main_thread():  # no other may set handlers
            self.before = {number: signal.getsignal(number) for number in BEFORE_KILL}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._listen()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        done = batch_idx + 1
        if self.received and done < trainer.num_training_batches:
            try:
                self.checkpoint.save(trainer, trainer.current_epoch, done)
            except Exception:  # said, but it must not keep the job out of the queue: an older checkpoint is there
                traceback.print_exc()
            self._obey()
            self._listen()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._obey()
        self._listen()

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._obey()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._obey()

    def _listen(self) -> None:
        for number in self.before:
            signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        if os.getpid() == self.process:  # and not a worker of the data loader, which inherits the handler when forked
            self.received.add(number)

    def _obey(self) -> None:
        """Put the handlers back that were there before, and give them the signals that have come."""
        for number, handler in self.before.items():
            signal.signal(number, handler)
        received, self.received = self.received, set()
        for number in BEFORE_KILL:
            if number in received:
                handler = self.before[number]
                if callable(handler):  # now, and not at the interpreter's leisure
                    handler(number, None)
                else:
                    signal.raise_signal(number)
