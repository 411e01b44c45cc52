"""The neuron of DECOLLE: its input is its voltage, but for what its own spikes take away."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from snnexp.neurons.constants import Decay, PerNeuron, constant, decay
from snnexp.neurons.neuron import Fire

# Shapes: B batch, N neurons.


class RefractoryConstants(NamedTuple):
    rho: Tensor
    theta: Tensor


class RefractoryState(NamedTuple):
    """Refractoriness r, centred voltage u, spikes z."""

    r: Tensor
    u: Tensor
    z: Tensor


class Refractory(nn.Module):
    """A neuron without a membrane of its own, whose spikes keep it from firing for a while.

        r_t = rho r_{t-1} - (1 - rho) z_{t-1},    u_t = current_t + r_t - theta,    z_t = 1[u_t > 0]

    The membrane is in its inputs, which `network=decolle` low-passes. No gradient flows through r, so none flows back
    in time: that of u_t by a weight is the input of step t.

    refractory_decay: rho, per step.  threshold: theta.
    Source: Kaiser et al. 2020; normalised by 1 - rho as in nmi-lab/decolle-public.
    """

    gates = 1
    spiking = True
    noisy = True

    def __init__(self, size: int, refractory_decay: float | Decay, threshold: float | PerNeuron) -> None:
        super().__init__()
        self.size = size
        self.refractory_decay = decay("refractory_decay", refractory_decay, size)
        self.threshold = constant("threshold", threshold, size)

    def constants(self) -> RefractoryConstants:
        return RefractoryConstants(self.refractory_decay(), self.threshold())

    def initial_state(self, batch: int, like: Tensor) -> RefractoryState:
        rest = torch.zeros(batch, self.size, dtype=like.dtype, device=like.device)
        return RefractoryState(rest, rest - self.threshold(), rest)

    def step(
        self, current_BG: Tensor, state: RefractoryState, fire: Fire, constants: RefractoryConstants
    ) -> RefractoryState:
        rho, theta = constants
        r = rho * state.r - (1 - rho) * state.z.detach()
        u = current_BG + r - theta
        return RefractoryState(r, u, fire(u))
