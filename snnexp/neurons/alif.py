"""The leaky integrate-and-fire neuron with an adaptive threshold (ALIF)."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from snnexp.errors import choice
from snnexp.neurons.constants import DecayConstant, PerNeuron, Values, constant, decay
from snnexp.neurons.membrane import Membrane
from snnexp.neurons.neuron import Fire
from snnexp.neurons.reset import Reset

# Shapes: B batch, N neurons.


class ALIFConstants(NamedTuple):
    alpha: Tensor
    theta: Tensor
    rho: Tensor
    kappa: Tensor
    b: Tensor | None


class ALIFState(NamedTuple):
    """Voltage v, adaptation a, centred voltage u = v - theta_t, spikes z."""

    v: Tensor
    a: Tensor
    u: Tensor
    z: Tensor


class ALIF(nn.Module):
    """A LIF neuron whose threshold rises with its own recent spikes.

        a_t = rho a_{t-1} + (1 - rho) z_{t-1},    theta_t = theta + kappa a_t
        v_t = reset(alpha v_{t-1}, i_t + b, z_{t-1}),    u_t = v_t - theta_t,    z_t = 1[u_t > 0]

    where `minus` subtracts theta_t and `minus_immediate` theta_{t-1}, which was crossed. `detach_reset` stops the
    gradient of the reset only; the one of the adaptation flows.

    membrane_decay: alpha.  threshold: theta.  adaptation_decay: rho.  adaptation_strength: kappa.  current: b.
    Source: Herranz-Celotti & Rouat, App. F, Eqs. 105-106; Bellec et al. 2018.
    """

    gates = 1
    spiking = True
    noisy = True

    def __init__(
        self,
        size: int,
        membrane_decay: DecayConstant,
        threshold: float | PerNeuron,
        adaptation_decay: DecayConstant,
        adaptation_strength: float | PerNeuron,
        current: PerNeuron | None = None,
        reset: str = "minus",
        detach_reset: bool = True,
    ) -> None:
        super().__init__()
        self.size = size
        self.membrane_decay = decay("membrane_decay", membrane_decay, size)
        self.threshold = constant("threshold", threshold, size)
        self.adaptation_decay = decay("adaptation_decay", adaptation_decay, size)
        self.adaptation_strength = constant("adaptation_strength", adaptation_strength, size)
        self.current: Values | None = None if current is None else current.values(size)
        self.reset = choice(Reset, "reset", reset)
        self.detach_reset = detach_reset

    def constants(self) -> ALIFConstants:
        b = None if self.current is None else self.current()
        return ALIFConstants(
            self.membrane_decay(), self.threshold(), self.adaptation_decay(), self.adaptation_strength(), b
        )

    def membrane(self) -> Membrane:
        """The constants as kernels take them."""
        alpha, theta, rho, kappa, b = self.constants()
        return Membrane(alpha, theta, b, rho, kappa)

    def initial_state(self, batch: int, like: Tensor) -> ALIFState:
        rest = torch.zeros(batch, self.size, dtype=like.dtype, device=like.device)
        return ALIFState(rest, rest, rest - self.threshold(), rest)

    def step(self, current_BG: Tensor, state: ALIFState, fire: Fire, constants: ALIFConstants) -> ALIFState:
        alpha, theta, rho, kappa, b = constants
        a = rho * state.a + (1 - rho) * state.z
        threshold = theta + kappa * a
        current = current_BG if b is None else current_BG + b
        lost = theta + kappa * state.a if self.reset is Reset.MINUS_IMMEDIATE else threshold
        v = self.reset.apply(alpha, state.v, current, state.z, lost, self.detach_reset)
        u = v - threshold
        return ALIFState(v, a, u, fire(u))
