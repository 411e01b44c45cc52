"""The adaptive leaky integrate-and-fire neuron (adLIF), whose voltage and spikes drive a current against them."""

from enum import StrEnum
from typing import NamedTuple

import torch
from torch import Tensor, nn

from snnexp.errors import choice, require
from snnexp.neurons.constants import Constant, DecayConstant, PerNeuron, constant, decay, signed
from snnexp.neurons.neuron import Fire
from snnexp.neurons.reset import Reset

# Shapes: B batch, N neurons.


class Integration(StrEnum):
    """Which voltage and which spike of the membrane the adaptation sees at a step.

    forward      those of the step before                     (Euler forward)
    symplectic   those that the membrane has just arrived at  (symplectic Euler)
    """

    FORWARD = "forward"
    SYMPLECTIC = "symplectic"


class AdLIFConstants(NamedTuple):
    """a, b: the gain is in them."""

    membrane: Tensor
    adaptation: Tensor
    theta: Tensor
    a: Tensor
    b: Tensor


class AdLIFState(NamedTuple):
    """Voltage v, adaptation w, centred voltage u = v - theta, spikes z."""

    v: Tensor
    w: Tensor
    u: Tensor
    z: Tensor


class AdLIF(nn.Module):
    """A membrane with a current that follows its voltage and grows with its spikes: it adapts, and it can oscillate.

        v_t = reset(alpha v_{t-1}, (1 - alpha) (i_t - w_{t-1}), z_{t-1}),    u_t = v_t - theta,    z_t = 1[u_t > 0]
        w_t = rho w_{t-1} + g (a y_t + b z_t)            symplectic;    g = (1 - rho) scale, or 1 where scale is None
        w_t = rho w_{t-1} + g (a y_{t-1} + b z_{t-1})    forward

    where y is what a spike leaves of the voltage, v (1 - z), in the resets that forget (pre, post), and v itself in
    those that subtract: what a spike takes there, b has.

    Without spikes (v, w) is multiplied by a matrix at every step, which it survives where [D]

        symplectic   -(1 - rho) < g a < (1 + alpha)(1 + rho) / (1 - alpha);   oscillations shrink by sqrt(alpha rho)
        forward      -(1 - rho) < g a < (1 - alpha rho) / (1 - alpha);        by sqrt(alpha rho + (1 - alpha) g a)

    and grows beyond. sqrt(alpha rho) is what the differential equations have, so only `symplectic` has their memory.

    membrane_decay: alpha.  adaptation_decay: rho.  voltage_adaptation: a.  spike_adaptation: b.  threshold: theta.
    detach_reset: no gradient flows through the reset, nor through the 1 - z of y.
    Source: Baronig et al. 2025 (SE-adLIF, EF-adLIF; the authors' code IGITUGraz/SE-adlif). With `minus_immediate`, a
    scale of None and the order of `symplectic` it is the adLIF of Bittar & Garner 2022, as in the authors' code
    idiap/sparch, which counts w one step later, subtracts 1 for theta and starts from random numbers, here from rest.
    """

    gates = 1
    spiking = True
    noisy = True

    def __init__(
        self,
        size: int,
        membrane_decay: DecayConstant,
        adaptation_decay: DecayConstant,
        voltage_adaptation: Constant,
        spike_adaptation: Constant,
        threshold: float | PerNeuron,
        scale: float | None = None,
        integration: str = "symplectic",
        reset: str = "pre",
        detach_reset: bool = True,
    ) -> None:
        super().__init__()
        require(scale is None or scale > 0, "scale", scale, "must be greater than 0, or null")
        self.size = size
        self.membrane_decay = decay("membrane_decay", membrane_decay, size)
        self.adaptation_decay = decay("adaptation_decay", adaptation_decay, size)
        self.voltage_adaptation = signed(voltage_adaptation, size)
        self.spike_adaptation = signed(spike_adaptation, size)
        self.threshold = constant("threshold", threshold, size)
        self.scale = scale
        self.integration = choice(Integration, "integration", integration)
        self.reset = choice(Reset, "reset", reset)
        self.detach_reset = detach_reset

    def constants(self) -> AdLIFConstants:
        rho, a, b = self.adaptation_decay(), self.voltage_adaptation(), self.spike_adaptation()
        gain = 1.0 if self.scale is None else (1 - rho) * self.scale
        return AdLIFConstants(self.membrane_decay(), rho, self.threshold(), gain * a, gain * b)

    def initial_state(self, batch: int, like: Tensor) -> AdLIFState:
        rest = torch.zeros(batch, self.size, dtype=like.dtype, device=like.device)
        return AdLIFState(rest, rest, rest - self.threshold(), rest)

    def step(self, current_BG: Tensor, state: AdLIFState, fire: Fire, constants: AdLIFConstants) -> AdLIFState:
        alpha, rho, theta, a, b = constants
        drive = (1 - alpha) * (current_BG - state.w)
        v = self.reset.apply(alpha, state.v, drive, state.z, theta, self.detach_reset)
        u = v - theta
        z = fire(u)
        seen, fired = (v, z) if self.integration is Integration.SYMPLECTIC else (state.v, state.z)
        w = rho * state.w + a * self.left(seen, fired) + b * fired
        return AdLIFState(v, w, u, z)

    def left(self, v: Tensor, z: Tensor) -> Tensor:
        """y: what the adaptation sees of a voltage, after a spike or none."""
        if self.reset in (Reset.MINUS, Reset.MINUS_IMMEDIATE):
            return v
        return v * (1 - (z.detach() if self.detach_reset else z))
