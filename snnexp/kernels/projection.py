"""Currents that have yet to be computed."""

from typing import NamedTuple

import torch
from torch import Tensor

from snnexp.kernels.native.raster import Raster, frames
from snnexp.kernels.tier import linear

# Shapes: T time, B batch, I inputs, G pre-activations (gates x N).


class Projection(NamedTuple):
    """The currents W x + bias [T, B, G] of all steps, as their factors: x [T, B, I], W [G, I], bias [G].

    Who walks the sequence may so compute them where and when they are needed, and never hold all of them.
    """

    x: Tensor | Raster
    weight: Tensor
    bias: Tensor | None

    def to(self, dtype: torch.dtype) -> "Projection":
        """The same in another precision."""
        return Projection._make(None if factor is None else factor.to(dtype) for factor in self)

    def dense(self) -> Tensor:
        return linear(frames(self.x), self.weight, self.bias)


def dense(currents: Tensor | Projection) -> Tensor:
    """The currents [T, B, G]."""
    return currents.dense() if isinstance(currents, Projection) else currents


def like(currents: Tensor | Projection) -> Tensor:
    """A tensor of the device and the precision of what the currents are, or are made of."""
    given = currents.x if isinstance(currents, Projection) else currents
    return given.events.values if isinstance(given, Raster) else given
