"""What all data sets have in common: three splits, their loaders, the statistics of their input.

Shapes: T steps, B samples of a batch, I input channels.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

import torch
from lightning import LightningDataModule
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Sampler, SequentialSampler

from snnexp.data import worker
from snnexp.data.sampler import EpochBatchSampler
from snnexp.data.samples import Batch, Loaded, Samples
from snnexp.errors import choice, require

__all__ = ["Batch", "DataModule", "Split", "Splits"]


class Split(StrEnum):
    TRAIN = "train"
    VAL = "val"
    TEST = "test"


class Splits(NamedTuple):
    """The fields bear the names of `Split`. The training samples are in random order: their first n are a fair part."""

    train: Samples
    val: Samples
    test: Samples


def _whole(items: list[Loaded]) -> Loaded:
    """`Samples` makes the batch itself, and gives it as the only item."""
    (batch,) = items
    return batch


class DataModule(LightningDataModule, ABC):
    """A data set. One of its own is a constructor that sets `inputs`, `classes` and `steps`, and `load`.

    `seed` draws the splits (and the samples, where they are generated), `order_seed` the order of the training
    batches: neither has anything to do with the seed of the weights. `train_samples` keeps only the first so many
    training samples after the split.

    Raises OptionError for a value out of range; for one that the size of the training set rules out, when that is
    known: at `setup`.
    """

    inputs: int  # channels I
    classes: int
    steps: int  # T
    stateful = False  # whether every batch goes on where the one before ended
    words = False  # whether an input is the number of a word, [T, B], and not a value of every channel

    def __init__(
        self, *, batch_size: int, seed: int, order_seed: int, workers: int = 0, train_samples: int | None = None
    ) -> None:
        super().__init__()
        require(batch_size >= 1, "batch_size", batch_size, "must be at least 1")
        require(workers >= 0, "workers", workers, "must not be negative")
        require(
            train_samples is None or train_samples >= 1, "train_samples", train_samples, "must be at least 1, or null"
        )
        for option, value in {"seed": seed, "order_seed": order_seed}.items():
            require(0 <= value < 2**32, option, value, "must lie in [0, 2^32)")
        self.batch_size, self.seed, self.order_seed = batch_size, seed, order_seed
        self.workers, self.train_samples = workers, train_samples

    @abstractmethod
    def load(self) -> Splits:
        """Read or generate all samples. Called once."""

    @cached_property
    def splits(self) -> Splits:
        """The samples of the three splits, loaded at the first use."""
        splits = self.load()
        there = len(splits.train)
        wanted = there if self.train_samples is None else self.train_samples
        require(wanted <= there, "train_samples", wanted, f"there are {there} training samples")
        require(self.batch_size <= wanted, "batch_size", self.batch_size, f"there are {wanted} training samples")
        return splits._replace(train=splits.train.first(wanted))

    @cached_property
    def train_batches(self) -> EpochBatchSampler:
        """The order of the training batches; whoever trains sets its `epoch` before each epoch."""
        return EpochBatchSampler(len(self.splits.train), self.batch_size, self.order_seed)

    def setup(self, stage: str | None = None) -> None:
        """Load all splits, whatever the stage; a second call does nothing."""
        _ = self.splits

    def train_dataloader(self) -> DataLoader[Loaded]:
        return self._loader(self.splits.train, self.train_batches)

    def val_dataloader(self) -> DataLoader[Loaded]:
        return self.loader(Split.VAL)

    def test_dataloader(self) -> DataLoader[Loaded]:
        return self.loader(Split.TEST)

    def loader(self, split: Split) -> DataLoader[Loaded]:
        """The samples of one split once, in stored order: for evaluation."""
        samples: Samples = getattr(self.splits, choice(Split, "split", split))
        return self._loader(samples, BatchSampler(SequentialSampler(samples), self.batch_size, drop_last=False))

    def train_inputs(self) -> Iterator[Tensor]:
        """x_TBI of the training set, batch by batch, in stored order."""
        return (batch.inputs for batch in self.loader(Split.TRAIN))

    def input_moments(self) -> tuple[float, float]:
        """Mean and mean square of the input x, exactly: over all training samples, steps and channels."""
        return self.splits.train.moments()

    def _loader(self, samples: Samples, batches: Sampler[list[int]]) -> DataLoader[Loaded]:
        return DataLoader(
            samples,
            batch_sampler=batches,
            collate_fn=_whole,
            num_workers=self.workers,
            persistent_workers=self.workers > 0,
            multiprocessing_context=worker.METHOD if self.workers else None,
            worker_init_fn=worker.attend,
            generator=torch.Generator(),  # without one, every pass would draw from the global generator
        )
