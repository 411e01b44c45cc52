"""CIFAR-10's images."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snnexp.data.images import ImageData
from snnexp.data.published import CIFAR10
from snnexp.errors import DataError

FOLDER = "cifar-10-batches-bin"
TRAIN, TEST = tuple(f"data_batch_{number}.bin" for number in range(1, 6)), ("test_batch.bin",)
ROWS, CHANNELS, PIXELS = 10_000, 3, 1024


class Cifar10(ImageData):
    """50,000 + 10,000 photographs of 32 x 32 pixels in red, green and blue, 10 classes: see `ImageData`.

    The files are those of the "binary version", in `<root>/cifar10/cifar-10-batches-bin`.

    Source: Krizhevsky 2009.
    """

    inputs, classes, shape, official = 3072, 10, (3, 32, 32), 50000

    def read(self, train: bool) -> tuple[NDArray[np.uint8], Tensor]:
        batches = [
            read_batch(CIFAR10.path(self.root, f"{FOLDER}/{name}"), CIFAR10.mend(self.root))
            for name in (TRAIN if train else TEST)
        ]
        rows = np.concatenate(batches)
        return rows[:, 1:].reshape(len(rows), CHANNELS, PIXELS), torch.from_numpy(rows[:, 0].astype(np.int64))


def read_batch(path: Path, mend: str) -> NDArray[np.uint8]:
    """The 10,000 rows of a file: the label, then the red, the green and the blue pixels, row by row.

    Raises DataError where the file is missing (mend: what a user does about it) or holds something else.
    """
    try:
        values = np.fromfile(path, np.uint8)
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); set paths.data, or {mend}") from None
    length = 1 + CHANNELS * PIXELS
    if len(values) != ROWS * length:
        raise DataError(f"{path} has {len(values)} bytes, not the {ROWS * length} of {ROWS} labelled images")
    rows = values.reshape(ROWS, length)
    if rows[:, 0].max() > 9:
        raise DataError(f"{path} has label {rows[:, 0].max()}, there are 10 classes (0 to 9)")
    return rows
