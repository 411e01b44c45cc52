"""Where a function of one variable changes its sign."""

from collections.abc import Callable

import torch
from torch import Tensor

_HALVINGS = 60  # of a gap of the grid: the last digit of float64


def crossings(f: Callable[[Tensor], Tensor], grid: Tensor) -> Tensor:
    """The places where f changes its sign, [K], in order, by bisection between neighbours on the grid.

    f: elementwise. Of several changes between two neighbours one is found, or none where their number is even.
    """
    negative = f(grid) < 0
    changes = negative[1:] != negative[:-1]
    left, right, left_negative = grid[:-1][changes], grid[1:][changes], negative[:-1][changes]
    for _ in range(_HALVINGS):
        middle = (left + right) / 2
        beyond = (f(middle) < 0) != left_negative
        left, right = torch.where(beyond, left, middle), torch.where(beyond, middle, right)
    return (left + right) / 2
