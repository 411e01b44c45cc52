"""The parametric leaky integrate-and-fire neuron (PLIF): its membrane weighs what it holds against what comes in."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from snnexp.errors import choice
from snnexp.neurons.constants import DecayConstant, PerNeuron, constant, decay
from snnexp.neurons.membrane import Membrane
from snnexp.neurons.neuron import Fire
from snnexp.neurons.reset import Reset

# Shapes: B batch, N neurons.


class PLIFConstants(NamedTuple):
    membrane: Tensor
    theta: Tensor


class PLIFState(NamedTuple):
    """Voltage v, centred voltage u = v - theta, spikes z."""

    v: Tensor
    u: Tensor
    z: Tensor


class PLIF(nn.Module):
    """A LIF neuron whose current has the weight 1 - alpha, so that a longer memory is not a larger voltage.

        v_t = reset(alpha v_{t-1}, (1 - alpha) i_t, z_{t-1}),    u_t = v_t - theta,    z_t = 1[u_t > 0]

    That makes it possible to learn alpha, as a `SharedDecay`: 1 - alpha = 1 / tau = sigmoid(w), one w for a layer.

    membrane_decay: alpha, per step.  threshold: theta.  reset: see `Reset`; the paper's is `pre`, to 0.
    detach_reset: no gradient flows through the reset.
    Source: Fang et al. 2021, "Incorporating learnable membrane time constant"; the authors' code
    fangwei123456/Parametric-Leaky-Integrate-and-Fire-Spiking-Neuron.
    """

    gates = 1
    spiking = True
    noisy = True

    def __init__(
        self,
        size: int,
        membrane_decay: DecayConstant,
        threshold: float | PerNeuron,
        reset: str = "pre",
        detach_reset: bool = True,
    ) -> None:
        super().__init__()
        self.size = size
        self.membrane_decay = decay("membrane_decay", membrane_decay, size)
        self.threshold = constant("threshold", threshold, size)
        self.reset = choice(Reset, "reset", reset)
        self.detach_reset = detach_reset

    def constants(self) -> PLIFConstants:
        return PLIFConstants(self.membrane_decay(), self.threshold())

    def membrane(self) -> Membrane:
        """The constants as kernels take them, where 1 - alpha is in the weights."""
        return Membrane(*self.constants())

    def initial_state(self, batch: int, like: Tensor) -> PLIFState:
        rest = torch.zeros(batch, self.size, dtype=like.dtype, device=like.device)
        return PLIFState(rest, rest - self.threshold(), rest)

    def step(self, current_BG: Tensor, state: PLIFState, fire: Fire, constants: PLIFConstants) -> PLIFState:
        alpha, theta = constants
        v = self.reset.apply(alpha, state.v, (1 - alpha) * current_BG, state.z, theta, self.detach_reset)
        u = v - theta
        return PLIFState(v, u, fire(u))
