"""Fashion-MNIST's images."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from snnexp.data.idx import read_labelled
from snnexp.data.images import ImageData
from snnexp.data.published import FASHION_MNIST


class FashionMnist(ImageData):
    """60,000 + 10,000 pieces of clothing, 28 x 28 grey pixels, the files in `<root>/fashion_mnist`: see `ImageData`.

    Source: Xiao, Rasul & Vollgraf 2017.
    """

    inputs, classes, shape, official = 784, 10, (1, 28, 28), 60000

    def read(self, train: bool) -> tuple[NDArray[np.uint8], Tensor]:
        images, targets = read_labelled(FASHION_MNIST, self.root, "train" if train else "t10k")
        return images[:, None], targets
