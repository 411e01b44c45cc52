"""The leaky integrate-and-fire neuron with a synaptic current (current-based, CUBA)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from snnexp.errors import choice
from snnexp.neurons.constants import DecayConstant, PerNeuron, constant, decay
from snnexp.neurons.membrane import Membrane
from snnexp.neurons.neuron import Fire
from snnexp.neurons.reset import Reset

# Shapes: B batch, N neurons.


class CubaLIFConstants(NamedTuple):
    synaptic: Tensor
    membrane: Tensor
    theta: Tensor


class CubaLIFState(NamedTuple):
    """Synaptic current i, voltage v, centred voltage u = v - theta, spikes z."""

    i: Tensor
    v: Tensor
    u: Tensor
    z: Tensor


class CubaLIF(nn.Module):
    """A membrane behind a synapse: both are low-pass filters, and a spike reaches the membrane
    one step after the synapse.

        v_t = reset(lambda_m v_{t-1}, (1 - lambda_m) i_{t-1}, z_{t-1}),    u_t = v_t - theta,    z_t = 1[u_t > 0]
        i_t = lambda_s i_{t-1} + x_t        (x_t: projection and recurrence)

    reset `post` is "at the next step" (Zenke & Vogels 2021, Eq. 4.1; Gygax & Zenke 2025, Eq. 18), `pre` is "at the same
    step" (Gygax & Zenke 2025, Eq. 23). Those papers read spikes before they advance the membrane; so their S[n] is
    z_{n-1} here, and a layer's spikes are theirs, one step earlier per layer.

    synaptic_decay, membrane_decay: lambda_s, lambda_m, per step.  threshold: theta.
    detach_reset: no gradient flows through the reset.
    """

    gates = 1
    spiking = True
    noisy = True

    def __init__(
        self,
        size: int,
        synaptic_decay: DecayConstant,
        membrane_decay: DecayConstant,
        threshold: float | PerNeuron,
        reset: str = "post",
        detach_reset: bool = True,
    ) -> None:
        super().__init__()
        self.size = size
        self.synaptic_decay = decay("synaptic_decay", synaptic_decay, size)
        self.membrane_decay = decay("membrane_decay", membrane_decay, size)
        self.threshold = constant("threshold", threshold, size)
        self.reset = choice(Reset, "reset", reset)
        self.detach_reset = detach_reset

    def constants(self) -> CubaLIFConstants:
        return CubaLIFConstants(self.synaptic_decay(), self.membrane_decay(), self.threshold())

    def membrane(self) -> Membrane:
        """The constants as kernels take them."""
        synaptic, alpha, theta = self.constants()
        return Membrane(alpha, theta, synaptic=synaptic)

    def initial_state(self, batch: int, like: Tensor) -> CubaLIFState:
        rest = torch.zeros(batch, self.size, dtype=like.dtype, device=like.device)
        return CubaLIFState(rest, rest, rest - self.threshold(), rest)

    def step(self, current_BG: Tensor, state: CubaLIFState, fire: Fire, constants: CubaLIFConstants) -> CubaLIFState:
        synaptic, membrane, theta = constants
        drive = (1 - membrane) * state.i
        v = self.reset.apply(membrane, state.v, drive, state.z, theta, self.detach_reset)
        u = v - theta
        return CubaLIFState(synaptic * state.i + current_BG, v, u, fire(u))
