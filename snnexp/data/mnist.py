"""MNIST's images."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from snnexp.data.idx import read_labelled
from snnexp.data.images import ImageData
from snnexp.data.published import MNIST


class Mnist(ImageData):
    """60,000 + 10,000 handwritten digits of 28 x 28 grey pixels, the four files in `<root>/mnist`: see `ImageData`.

    Source: LeCun, Cortes & Burges 1998.
    """

    inputs, classes, shape, official = 784, 10, (1, 28, 28), 60000

    def read(self, train: bool) -> tuple[NDArray[np.uint8], Tensor]:
        images, targets = read_labelled(MNIST, self.root, "train" if train else "t10k")
        return images[:, None], targets
