"""Calling the compiled kernels with tensors."""

import ctypes

import torch
from torch import Tensor
from torch.nn import functional

from snnexp.kernels.native.library import library

Value = int | float | Tensor | None


def pointers(names: str) -> list[tuple[str, type]]:
    """Fields of a structure that hold addresses."""
    return [(name, ctypes.c_void_p) for name in names.split()]


def integers(names: str) -> list[tuple[str, type]]:
    """Fields of a structure that hold numbers."""
    return [(name, ctypes.c_int64) for name in names.split()]


def call(function: str, structure: type[ctypes.Structure], dtype: torch.dtype, values: dict[str, Value]) -> None:
    """Call a kernel, which takes one structure; a field that is not named is 0.

    `values` holds the tensors until the call is over, since addresses keep nothing.
    """
    given = {name: _address(value) if isinstance(value, Tensor) else value for name, value in values.items()}
    library(dtype)[function](ctypes.byref(structure(**given)))


def _address(tensor: Tensor) -> int:
    assert tensor.is_contiguous()
    assert tensor.device.type == "cpu"
    return tensor.data_ptr()


def padded(matrix: Tensor, columns: int) -> Tensor:
    """The matrix with columns of zeros, up to a multiple of `columns`, dense."""
    return functional.pad(matrix, (0, -matrix.shape[1] % columns)).contiguous()


def table(matrix: Tensor) -> Tensor:
    """A matrix whose rows are looked up, in whole vectors."""
    return padded(matrix, library(matrix.dtype).lanes())


def panels(matrix: Tensor) -> Tensor:
    """A matrix [inner, columns] in panels [columns / width, inner, width], a right factor."""
    width = library(matrix.dtype).panel()
    return padded(matrix, width).view(len(matrix), -1, width).transpose(0, 1).contiguous()


def threads() -> int:
    """The threads that the process was given, which are not all that the machine has."""
    return torch.get_num_threads()
