"""Where the currents of a sequence come from, some steps at a time, and where the gradients to them go."""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from snnexp.kernels.native.events import Events, Multiply, Outer

# Shapes: T time, t steps of a piece, B batch, I inputs, N neurons.


class DriveGradients(NamedTuple):
    """Gradients to the currents [T, B, N], or to x [T, B, I], W [N, I] and the bias [N] that they are made of."""

    currents: Tensor | None = None
    x: Tensor | None = None
    weight: Tensor | None = None
    bias: Tensor | None = None


class Drive(Protocol):
    """The currents of a piece of a sequence; a piece holds until the next one is asked for."""

    def currents(self, piece: slice) -> Tensor: ...

    def room(self, piece: slice) -> Tensor:
        """Where the gradient to the currents of a piece is to be written."""
        ...

    def collect(self, piece: slice, gx_tBN: Tensor) -> None:
        """Takes note of that gradient."""
        ...

    def gradients(self) -> DriveGradients: ...


class Held:
    """Currents [T, B, N] that exist."""

    def __init__(self, currents_TBN: Tensor) -> None:
        self.currents_TBN, self.gx_TBN = currents_TBN, torch.empty(0)

    def currents(self, piece: slice) -> Tensor:
        return self.currents_TBN[piece]

    def room(self, piece: slice) -> Tensor:
        if not self.gx_TBN.numel():
            self.gx_TBN = torch.empty_like(self.currents_TBN)
        return self.gx_TBN[piece]

    def collect(self, piece: slice, gx_tBN: Tensor) -> None:
        """It stands where it should."""

    def gradients(self) -> DriveGradients:
        return DriveGradients(currents=self.gx_TBN)


class Projected:
    """Currents W x + bias of inputs x [T x B, I] given by their events, computed piece by piece.

    wanted: whether gradients to x, W and the bias are.
    """

    def __init__(
        self,
        x: Events,
        weight_NI: Tensor,
        bias_N: Tensor | None,
        shape: tuple[int, int],
        longest: int,
        wanted: tuple[bool, bool, bool] = (False, False, False),
    ) -> None:
        (steps, self.batch), (size, inputs) = shape, weight_NI.shape
        self.weight_NI, self.product = weight_NI, Multiply(x, weight_NI, bias_N)
        self.scratch_tBN = weight_NI.new_empty(longest, self.batch, size)
        to_x, to_weight, to_bias = wanted
        self.to_x = weight_NI.new_empty(steps, self.batch, inputs) if to_x else None
        self.to_weight = Outer(size, x) if to_weight else None
        self.to_bias = weight_NI.new_zeros(size) if to_bias else None

    def currents(self, piece: slice) -> Tensor:
        out_tBN = self.room(piece)
        self.product.into(out_tBN, self._rows(piece))
        return out_tBN

    def room(self, piece: slice) -> Tensor:
        # The gradient overwrites the currents, which are over by then.
        return self.scratch_tBN[: piece.stop - piece.start]

    def collect(self, piece: slice, gx_tBN: Tensor) -> None:
        gx_KN = gx_tBN.flatten(0, 1)
        if self.to_weight is not None:
            self.to_weight.add(gx_KN, self._rows(piece))
        if self.to_x is not None:
            torch.mm(gx_KN, self.weight_NI, out=self.to_x[piece].flatten(0, 1))
        if self.to_bias is not None:
            self.to_bias += gx_KN.sum(0)

    def gradients(self) -> DriveGradients:
        return DriveGradients(None, self.to_x, None if self.to_weight is None else self.to_weight.total(), self.to_bias)

    def _rows(self, piece: slice) -> slice:
        return slice(piece.start * self.batch, piece.stop * self.batch)
