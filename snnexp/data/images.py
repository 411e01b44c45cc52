"""Still images as a constant current.

Shapes: S samples of a split, T steps, B samples of a batch, C image channels, L pixels of a channel, I = C L inputs.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snnexp.data.events import check_steps
from snnexp.data.module import DataModule, Splits
from snnexp.data.partition import partition
from snnexp.data.samples import Samples
from snnexp.errors import choice, require

LEVELS = 256


class Scale(StrEnum):
    """What a pixel p of 0 to 255 becomes.

    `standard`: (p - mean) / sd, of its channel over the official training set.  `unit`: p / 255.
    `half`: (p / 255 - 1/2) / (1/2), in [-1, 1].
    """

    STANDARD = "standard"
    UNIT = "unit"
    HALF = "half"


@dataclass(frozen=True, eq=False)
class Images(Samples):
    """Images that are shown unchanged at every step, held as bytes; channels come first, then rows, then columns."""

    pixels: NDArray[np.uint8]  # [S, C, L]
    targets: Tensor  # [S], int64
    values: Tensor  # [C, 256], float64: what a level becomes
    steps: int

    def frames(self, indices: Sequence[int]) -> Tensor:
        pixels_BCL = torch.from_numpy(self.pixels[indices]).long()
        channels_C1 = torch.arange(len(self.values))[:, None]
        x_BI = self.values.float()[channels_C1, pixels_BCL].flatten(1)
        return x_BI.expand(self.steps, *x_BI.shape)

    def first(self, count: int) -> Self:
        return replace(self, pixels=self.pixels[:count], targets=self.targets[:count])

    def moments(self) -> tuple[float, float]:
        """As everywhere, but counted from the levels: every step is the same."""
        share_CV = histogram(self.pixels)
        return (share_CV * self.values).sum().item(), (share_CV * self.values**2).sum().item()


def histogram(pixels: NDArray[np.uint8]) -> Tensor:
    """How often each level occurs in each channel [C, 256], as a share of all values; float64."""
    counts = [np.bincount(pixels[:, channel].ravel(), minlength=LEVELS) for channel in range(pixels.shape[1])]
    return torch.from_numpy(np.stack(counts) / pixels.size)


def levels(scale: Scale, pixels: NDArray[np.uint8]) -> Tensor:
    """What each level becomes in each channel [C, 256], by the statistics of these training images; float64."""
    unit_CV = (torch.arange(LEVELS, dtype=torch.float64) / (LEVELS - 1)).expand(pixels.shape[1], LEVELS)
    if scale is Scale.UNIT:
        return unit_CV
    if scale is Scale.HALF:
        return (unit_CV - 0.5) / 0.5
    share_CV = histogram(pixels) * pixels.shape[1]
    mean_C1 = (share_CV * unit_CV).sum(1, keepdim=True)
    variance_C1 = (share_CV * (unit_CV - mean_C1) ** 2).sum(1, keepdim=True)
    standard_CV: Tensor = (unit_CV - mean_C1) / variance_C1.sqrt()
    return standard_CV


class ImageData(DataModule):
    """Images as a constant current, the same for `steps` steps: inputs in the order channel, row, column.

    Test is the official test set. Of the official training set, `seed` draws `validation_samples` for validation.
    Raises DataError where a file is missing or not the published one.

    Source: Micheli et al. train on all official training images, with "mean 0, variance 1"; their code has `unit` for
    MNIST and Fashion-MNIST and `half` for CIFAR-10. The fully connected networks there have 3 steps.
    """

    shape: tuple[int, int, int]  # channels, height, width
    official: int  # images for training

    def __init__(
        self,
        *,
        root: str | Path,
        scale: Scale = Scale.STANDARD,
        steps: int = 3,
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
        leaves_some = 1 <= validation_samples < self.official
        require(leaves_some, "validation_samples", validation_samples, f"must lie in [1, {self.official})")
        self.root, self.scale, self.steps = Path(root), choice(Scale, "scale", scale), check_steps(steps)
        self.validation_samples = validation_samples

    @abstractmethod
    def read(self, train: bool) -> tuple[NDArray[np.uint8], Tensor]:
        """The official training or test set: pixels [S, C, L] and targets [S]."""

    def load(self) -> Splits:
        pixels, targets = self.read(train=True)
        values = levels(self.scale, pixels)
        train, val = partition(len(targets), self.validation_samples, self.seed)
        return Splits(
            Images(pixels[train], targets[train], values, self.steps),
            Images(pixels[val], targets[val], values, self.steps),
            Images(*self.read(train=False), values, self.steps),
        )
