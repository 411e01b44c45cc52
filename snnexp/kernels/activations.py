"""What an LSTM makes of its pre-activations: smooth curves, or spikes with a surrogate."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

# Shapes: T time, B batch, N neurons, G = 4 N: input gate, forget gate, output gate, candidate.


class GateTape(NamedTuple):
    """What a sequence leaves behind: outputs z and cells c [T, B, N], and of the gates [T, B, G] what slopes need."""

    z: Tensor
    c: Tensor
    gates: Tensor


class Values(NamedTuple):
    """One number for every activation: of the three gates, the candidate and the cell, [..., N] each."""

    i: Tensor
    f: Tensor
    o: Tensor
    g: Tensor
    c: Tensor


class Activations(Protocol):
    """The functions sigma, from 0 to 1, and tau, from -1 to 1, of an LSTM."""

    def gates(self, x_BG: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """sigma of the three gates, tau of the candidate [B, N]; x is kept on the tape as this leaves it."""
        ...

    def cell(self, c_BN: Tensor) -> Tensor:
        """tau of the cell."""
        ...

    def both(self, tape: GateTape) -> tuple[Values, Values]:
        """Values and slopes of all activations on a tape."""
        ...


class Smooth:
    """sigma = sigmoid, tau = tanh, whose slopes follow from their values; so the values are kept."""

    def gates(self, x_BG: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        i, f, o, g = x_BG.chunk(4, -1)
        x_BG[:, : -g.shape[-1]].sigmoid_()
        return i, f, o, g.tanh_()

    def cell(self, c_BN: Tensor) -> Tensor:
        return torch.tanh(c_BN)

    def both(self, tape: GateTape) -> tuple[Values, Values]:
        i, f, o, g = tape.gates.chunk(4, -1)
        c = torch.tanh(tape.c)
        slopes = Values(i * (1 - i), f * (1 - f), o * (1 - o), 1 - g.square(), 1 - c.square())
        return Values(i, f, o, g, c), slopes


class Spiking:
    """sigma = H and tau = 2 H - 1, whose slopes are psi and 2 psi of the pre-activations; so these are kept."""

    def __init__(self, psi: Callable[[Tensor], Tensor]) -> None:
        self.psi = psi

    def gates(self, x_BG: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        i, f, o, g = _step(x_BG).chunk(4, -1)
        return i, f, o, 2 * g - 1

    def cell(self, c_BN: Tensor) -> Tensor:
        return 2 * _step(c_BN) - 1

    def both(self, tape: GateTape) -> tuple[Values, Values]:
        values = Values(*self.gates(tape.gates), self.cell(tape.c))
        # Gates on an axis of their own, so that the surrogate's per-neuron scale broadcasts over them.
        i, f, o, g = self.psi(torch.unflatten(tape.gates, -1, (4, -1))).unbind(-2)
        return values, Values(i, f, o, 2 * g, 2 * self.psi(tape.c))


def _step(x: Tensor) -> Tensor:
    # On a CPU several times as fast as (x > 0).to(x.dtype).
    return torch.gt(x, 0, out=torch.empty_like(x))
