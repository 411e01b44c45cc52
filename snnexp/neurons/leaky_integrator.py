"""The leaky integrator: a membrane that never fires, for readouts."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from snnexp.neurons.constants import DecayConstant, decay
from snnexp.neurons.neuron import Fire

# Shapes: B batch, N neurons.


class LeakyIntegratorConstants(NamedTuple):
    synaptic: Tensor
    membrane: Tensor


class LeakyIntegratorState(NamedTuple):
    """Synaptic current i, voltage and output z."""

    i: Tensor
    z: Tensor


class LeakyIntegrator(nn.Module):
    """A current-based membrane without threshold: its voltage is the output.

        z_t = lambda_m z_{t-1} + (1 - lambda_m) i_{t-1},    i_t = lambda_s i_{t-1} + x_t

    synaptic_decay, membrane_decay: lambda_s, lambda_m, per step; lambda_s = 0 leaves one filter and one step of
    delay.  initial: z before the first step; slightly below 0, the greatest output over time of a unit without input is
    its last one, and not every one (Zenke's stork starts at -1e-3).
    Source: Zenke & Vogels 2021, Sec. 4.2; Gygax & Zenke 2025, Sec. 8.4.
    """

    gates = 1
    spiking = False
    noisy = False

    def __init__(
        self, size: int, synaptic_decay: DecayConstant, membrane_decay: DecayConstant, initial: float = 0.0
    ) -> None:
        super().__init__()
        self.size = size
        self.synaptic_decay = decay("synaptic_decay", synaptic_decay, size)
        self.membrane_decay = decay("membrane_decay", membrane_decay, size)
        self.initial = initial

    def constants(self) -> LeakyIntegratorConstants:
        return LeakyIntegratorConstants(self.synaptic_decay(), self.membrane_decay())

    def initial_state(self, batch: int, like: Tensor) -> LeakyIntegratorState:
        rest = torch.zeros(batch, self.size, dtype=like.dtype, device=like.device)
        return LeakyIntegratorState(rest, torch.full_like(rest, self.initial))

    def step(
        self, current_BG: Tensor, state: LeakyIntegratorState, fire: Fire, constants: LeakyIntegratorConstants
    ) -> LeakyIntegratorState:
        synaptic, membrane = constants
        z = membrane * state.z + (1 - membrane) * state.i
        return LeakyIntegratorState(synaptic * state.i + current_BG, z)
