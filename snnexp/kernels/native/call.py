"""Calling the compiled kernels with tensors."""

import ctypes
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from snnexp.kernels.native.library import library

Value = int | float | Tensor | None

GRAIN = 2**15  # values that are worth a thread, as torch has it


def pointers(names: str) -> list[tuple[str, type]]:
    """Fields of a structure that hold addresses."""
    return [(name, ctypes.c_void_p) for name in names.split()]


def integers(names: str) -> list[tuple[str, type]]:
    """Fields of a structure that hold numbers."""
    return [(name, ctypes.c_int64) for name in names.split()]


class Call:
    """A kernel with its arguments, one structure, of which some change from call to call; a field not named is 0."""

    def __init__(
        self, function: str, structure: type[ctypes.Structure], dtype: torch.dtype, values: Mapping[str, Value]
    ) -> None:
        self.function, self.values = library(dtype)[function], values  # tensors are kept, since addresses keep nothing
        self.structure = structure(**{name: _plain(value) for name, value in values.items()})
        self.reference = ctypes.byref(self.structure)

    def __call__(self, **changes: Value) -> None:
        for name, value in changes.items():
            setattr(self.structure, name, _plain(value))
        self.function(self.reference)


def _plain(value: Value) -> int | float | None:
    if not isinstance(value, Tensor):
        return value
    assert value.is_contiguous()
    assert value.is_cpu
    return value.data_ptr()


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


def threads(values: int) -> int:
    """How many threads to take for so many values: as many as the process was given, fewer where there is little."""
    return max(1, min(torch.get_num_threads(), values // GRAIN))
