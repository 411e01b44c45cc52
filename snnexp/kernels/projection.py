"""Currents that have yet to be computed."""

from typing import NamedTuple

from torch import Tensor

from snnexp.kernels.tier import linear

# Shapes: T time, B batch, I inputs, G pre-activations (gates x N).


class Projection(NamedTuple):
    """The currents W x + bias [T, B, G] of all steps, as their factors.

    Who walks the sequence may so compute them where and when they are needed, and never hold all of them.
    """

    x_TBI: Tensor
    weight_GI: Tensor
    bias_G: Tensor | None

    def dense(self) -> Tensor:
        return linear(self.x_TBI, self.weight_GI, self.bias_G)


def dense(currents: Tensor | Projection) -> Tensor:
    """The currents [T, B, G]."""
    return currents.dense() if isinstance(currents, Projection) else currents
