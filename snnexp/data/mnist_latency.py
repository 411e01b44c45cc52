"""MNIST as spike latencies, one channel a pixel."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snnexp.data.encoding import latency
from snnexp.data.idx import read_labelled
from snnexp.data.module import DataModule, Splits
from snnexp.data.partition import partition
from snnexp.data.published import MNIST
from snnexp.data.samples import OneSpike
from snnexp.errors import require

OFFICIAL = 60000


class MnistLatency(DataModule):
    """70,000 digits of 28 x 28 pixels, at most one spike a pixel: 784 channels, 10 classes.

    A pixel of intensity x in [0, 1] above `threshold` spikes in the step into which `tau` log(x / (x - threshold))
    falls; `tau` counts steps. Test is the official test set of 10,000; of the official 60,000 for training, `seed`
    draws `validation_samples` for validation. The files are those of MNIST, in `<root>/mnist`.

    Source: Zenke & Vogels 2021; constants and rounding from the authors' libraries stork (threshold 0.1) and spytorch
    (0.2): which threshold the paper has, and how it splits off a validation set, is not known.
    """

    inputs, classes = 784, 10

    def __init__(
        self,
        *,
        root: str | Path,
        steps: int = 100,
        tau: float = 50.0,
        threshold: float = 0.1,
        validation_samples: int = 5000,
        batch_size: int,
        seed: int,
        order_seed: int,
        workers: int = 0,
        train_samples: int | None = None,
    ) -> None:
        super().__init__(
            batch_size=batch_size, seed=seed, order_seed=order_seed, workers=workers, train_samples=train_samples
        )
        leaves_some = 1 <= validation_samples < OFFICIAL
        require(leaves_some, "validation_samples", validation_samples, f"must lie in [1, {OFFICIAL})")
        self.root, self.steps, self.validation_samples = Path(root), steps, validation_samples
        pixel = torch.arange(256, dtype=torch.float64) / 255
        self.time_of_pixel = latency(pixel, tau, threshold, steps, torch.floor)

    def load(self) -> Splits:
        images, targets = read_labelled(MNIST, self.root, "train")
        train, val = partition(len(targets), self.validation_samples, self.seed)
        return Splits(
            train=self._spikes(images[train], targets[train]),
            val=self._spikes(images[val], targets[val]),
            test=self._spikes(*read_labelled(MNIST, self.root, "t10k")),
        )

    def _spikes(self, images_SI: NDArray[np.uint8], targets_S: Tensor) -> OneSpike:
        return OneSpike(torch.from_numpy(self.time_of_pixel.numpy()[images_SI]), targets_S, self.steps)
