"""Stochastic weight averaging, by Lightning."""

from typing import Any

from lightning import LightningModule, Trainer
from lightning.pytorch.callbacks import WeightAveraging

from snnexp.errors import require


class Average(WeightAveraging):
    """The equally weighted mean of the weights after every so many steps, which validation and test then use.

    start: steps after which averaging begins; until then the mean is the weights themselves.
    every: steps between two weights that enter the mean.
    Source: Izmailov et al. 2018. (The code of *stabilizing* averages from step 0, every 10, but never uses the mean.)
    """

    def __init__(self, start: int = 0, every: int = 10) -> None:
        require(start >= 0, "start", start, "must not be negative")
        require(every >= 1, "every", every, "must be at least 1")
        super().__init__(use_buffers=False)
        self.start, self.every = start, every

    def should_update(self, step_idx: int | None = None, epoch_idx: int | None = None) -> bool:
        return step_idx is not None and (step_idx < self.start or (step_idx - self.start) % self.every == 0)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        if trainer.global_step <= self.start and self._average_model is not None:
            self._average_model.n_averaged.zero_()  # the next update then copies
        super().on_train_batch_end(trainer, pl_module, outputs, batch, batch_idx)
