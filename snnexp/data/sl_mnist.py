"""Spike-latency MNIST, as its paper describes it and as its authors' code computes it.

Shapes: T steps, B samples of a batch, S samples of a split, I input channels.
"""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snnexp.data.encoding import NEVER, latency
from snnexp.data.idx import read_idx
from snnexp.data.module import DataModule, Splits
from snnexp.data.published import MNIST
from snnexp.data.samples import OneSpike
from snnexp.errors import choice, require


class SlMnistEncoding(StrEnum):
    """`paper`: `encoding.latency` of the pixel in [0, 1], one channel a pixel.

    `code`: the pixel times 50 and ten times `tau`, so that pixels from 6 of 255 on spike, most of them early; and the
    frames are reshaped where they should be transposed (`Unrolled`). The accuracies in the paper come from this one.
    """

    PAPER = "paper"
    CODE = "code"


class Unrolled(OneSpike):
    """Frames of shape (I, T) read as (T, I): the digit is scanned pixel by pixel, about I / T pixels a step.

    The spike of pixel p at step t comes at step (T p + t) // I in channel (T p + t) % I.
    """

    def frames(self, indices: Sequence[int]) -> Tensor:
        times_BI = self.times[indices]
        samples, pixels = (times_BI != NEVER).nonzero(as_tuple=True)
        place = self.steps * pixels + times_BI[samples, pixels]
        x_TBI = torch.zeros(self.steps, *times_BI.shape)
        x_TBI[place // times_BI.shape[1], samples, place % times_BI.shape[1]] = 1
        return x_TBI


class SlMnist(DataModule):
    """70,000 digits of 28 x 28 pixels, at most one spike a pixel: 784 channels, 10 classes.

    The files are the four of MNIST, in `<root>/mnist`. Test is the official test set of 10,000. Of the official 60,000
    for training, `seed` draws `validation_samples` for validation; of the others, `train_samples` are used. The
    paper's 45k/5k/10k leave 10,000 unused; the authors' code has 48k/12k/10k (12000 and null).

    `tau` and `threshold` are those of `encoding.latency`; `tau` counts steps. Raises DataError where a file is missing
    or not the published one.

    Source: Herranz-Celotti & Rouat 2022; the constants, and all of `code`, from the authors' code.
    """

    inputs, classes = 784, 10

    def __init__(
        self,
        *,
        root: str | Path,
        encoding: SlMnistEncoding = SlMnistEncoding.PAPER,
        steps: int = 100,
        tau: float = 50.0,
        threshold: float = 0.2,
        validation_samples: int = 5000,
        batch_size: int,
        seed: int,
        order_seed: int,
        workers: int = 0,
        train_samples: int | None = 45000,
    ) -> None:
        super().__init__(
            batch_size=batch_size, seed=seed, order_seed=order_seed, workers=workers, train_samples=train_samples
        )
        leaves_some = 1 <= validation_samples < 60000
        require(leaves_some, "validation_samples", validation_samples, "must lie in [1, 60000)")
        self.root, self.encoding, self.steps = Path(root), choice(SlMnistEncoding, "encoding", encoding), steps
        self.validation_samples = validation_samples
        pixel = torch.arange(256, dtype=torch.float64) / 255
        code = self.encoding is SlMnistEncoding.CODE
        intensity, time_constant = (50 * pixel, 10 * tau) if code else (pixel, tau)
        self.time_of_pixel = latency(intensity, time_constant, threshold, steps)
        self.layout = Unrolled if code else OneSpike

    def load(self) -> Splits:
        images, labels = self._read("train")
        order = np.random.default_rng(self.seed).permutation(len(labels))
        val, train = np.split(order, [self.validation_samples])
        return Splits(
            train=self._spikes(images[train], labels[train]),
            val=self._spikes(images[val], labels[val]),
            test=self._spikes(*self._read("t10k")),
        )

    def _read(self, part: str) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        images = read_idx(MNIST, self.root, f"{part}-images-idx3-ubyte.gz")
        return images.reshape(len(images), -1), read_idx(MNIST, self.root, f"{part}-labels-idx1-ubyte.gz")

    def _spikes(self, images_SI: NDArray[np.uint8], labels_S: NDArray[np.uint8]) -> OneSpike:
        times_SI = torch.from_numpy(self.time_of_pixel.numpy()[images_SI])
        targets_S = torch.from_numpy(labels_S.astype(np.int64))
        return self.layout(times_SI, targets_S, self.steps)
