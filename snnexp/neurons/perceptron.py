"""The binary perceptron: a unit without memory."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from snnexp.neurons.constants import PerNeuron, constant
from snnexp.neurons.neuron import Fire

# Shapes: B batch, N neurons.


class PerceptronConstants(NamedTuple):
    theta: Tensor


class PerceptronState(NamedTuple):
    """Voltage v, centred voltage u = v - theta, spikes z."""

    v: Tensor
    u: Tensor
    z: Tensor


class Perceptron(nn.Module):
    """A unit whose membrane is its input at this step: nothing leaks and nothing is reset.

        v_t = i_t,    u_t = v_t - theta,    z_t = 1[u_t > 0]

    threshold: theta.  Source: Gygax & Zenke 2025, Sec. 3.1 and Eq. 2.
    """

    gates = 1
    spiking = True
    noisy = True

    def __init__(self, size: int, threshold: float | PerNeuron) -> None:
        super().__init__()
        self.size = size
        self.threshold = constant("threshold", threshold, size)

    def constants(self) -> PerceptronConstants:
        return PerceptronConstants(self.threshold())

    def initial_state(self, batch: int, like: Tensor) -> PerceptronState:
        rest = torch.zeros(batch, self.size, dtype=like.dtype, device=like.device)
        return PerceptronState(rest, rest - self.threshold(), rest)

    def step(
        self, current_BG: Tensor, state: PerceptronState, fire: Fire, constants: PerceptronConstants
    ) -> PerceptronState:
        u = current_BG - constants.theta
        return PerceptronState(current_BG, u, fire(u))
