"""The spiking LSTM."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from snnexp.neurons.lstm import LSTMConstants
from snnexp.neurons.neuron import Fire

# Shapes: B batch, N neurons, G = 4 N: input gate, forget gate, output gate, candidate.


class SLSTMState(NamedTuple):
    """Cell c, its centred value u = c (the threshold is 0), output z in {-1, 0, 1}."""

    c: Tensor
    u: Tensor
    z: Tensor


class SLSTM(nn.Module):
    """An `LSTM` whose every activation is a spike: sigmoid becomes H, tanh becomes 2 H - 1, all at threshold 0.

        i, f, o = H(.),   g = 2 H(.) - 1,   c_t = f c_{t-1} + i g,   z_t = o (2 H(c_t) - 1)

    The surrogate stands for the derivative of every H, so those of the +-1 activations are 2 psi. Learnable biases,
    0 at the start. Source: Herranz-Celotti & Rouat, Eqs. 107-112.
    """

    gates = 4
    spiking = True
    noisy = False

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.bias = nn.Parameter(torch.zeros(4 * size))

    def constants(self) -> LSTMConstants:
        return LSTMConstants(self.bias)

    def initial_state(self, batch: int, like: Tensor) -> SLSTMState:
        rest = torch.zeros(batch, self.size, dtype=like.dtype, device=like.device)
        return SLSTMState(rest, rest, rest)

    def step(self, current_BG: Tensor, state: SLSTMState, fire: Fire, constants: LSTMConstants) -> SLSTMState:
        # Gates on an axis of their own, so that the surrogate's per-neuron scale broadcasts over them.
        i, f, o, g = fire(torch.unflatten(current_BG + constants.bias, -1, (4, self.size))).unbind(-2)
        c = f * state.c + i * (2 * g - 1)
        return SLSTMState(c, c, o * (2 * fire(c) - 1))
