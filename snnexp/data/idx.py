"""The file format of MNIST and its kin."""

import gzip
import zlib
from math import prod
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snnexp.data.published import Published
from snnexp.errors import DataError


def read_idx(published: Published, root: Path, file: str) -> NDArray[np.uint8]:
    """The array of unsigned bytes in an idx.gz file.

    Raises DataError where the file is missing, is not the published one, or holds something else.

    Source: format of the MNIST files (magic 0, 0, type 8 = unsigned byte, number of axes; each length as a big-endian
    32-bit number; the values, last axis fastest).
    """
    try:
        content = gzip.decompress(published.read(root, file))
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{published.path(root, file)} is not a whole gzip file: {error}") from None
    if len(content) < 4 or content[:3] != b"\x00\x00\x08":
        raise DataError(f"{published.path(root, file)} is not an idx file of unsigned bytes")
    axes = content[3]
    shape = [int.from_bytes(content[at : at + 4], "big") for at in range(4, 4 + 4 * axes, 4)]
    values = np.frombuffer(content, np.uint8)[4 + 4 * axes :]
    if len(values) != prod(shape):
        raise DataError(f"{published.path(root, file)} has {len(values)} values, not the {prod(shape)} of its header")
    return values.reshape(shape)


def read_labelled(published: Published, root: Path, part: str) -> tuple[NDArray[np.uint8], Tensor]:
    """Images [S, pixels] and their labels [S] of `train` or `t10k`, with the file names of MNIST.

    Raises DataError also where there are more of the one than of the other, or a label is not one of ten classes.
    """
    images = read_idx(published, root, f"{part}-images-idx3-ubyte.gz")
    labels = read_idx(published, root, f"{part}-labels-idx1-ubyte.gz")
    place = f"{published.path(root)}: {part}"
    if len(images) != len(labels):
        raise DataError(f"{place} has {len(images)} images, but {len(labels)} labels")
    if labels.max(initial=0) > 9:
        raise DataError(f"{place} has label {labels.max()}, there are 10 classes (0 to 9)")
    return images.reshape(len(images), -1), torch.from_numpy(labels.astype(np.int64))
