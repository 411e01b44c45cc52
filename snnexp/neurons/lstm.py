"""The long short-term memory, not spiking."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from snnexp.neurons.neuron import Fire

# Shapes: B batch, N neurons, G = 4 N: input gate, forget gate, output gate, candidate.


class LSTMConstants(NamedTuple):
    bias: Tensor


class LSTMState(NamedTuple):
    """Cell c, output z."""

    c: Tensor
    z: Tensor


class LSTM(nn.Module):
    """The standard LSTM, beside which the spiking one is measured.

        i, f, o = sigmoid(.),   g = tanh(.),   c_t = f c_{t-1} + i g,   z_t = o tanh(c_t)

    with learnable biases, 0 at the start (the forget gate's too). Its output is real, so it has no firing rate.
    Source: Herranz-Celotti & Rouat, Eqs. 107-112; Hochreiter & Schmidhuber 1997.
    """

    gates = 4
    spiking = False
    noisy = False

    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        self.bias = nn.Parameter(torch.zeros(4 * size))

    def constants(self) -> LSTMConstants:
        return LSTMConstants(self.bias)

    def initial_state(self, batch: int, like: Tensor) -> LSTMState:
        rest = torch.zeros(batch, self.size, dtype=like.dtype, device=like.device)
        return LSTMState(rest, rest)

    def step(self, current_BG: Tensor, state: LSTMState, fire: Fire, constants: LSTMConstants) -> LSTMState:
        gates = current_BG + constants.bias
        i, f, o = torch.sigmoid(gates[:, : 3 * self.size]).chunk(3, -1)
        c = f * state.c + i * torch.tanh(gates[:, 3 * self.size :])
        return LSTMState(c, o * torch.tanh(c))
