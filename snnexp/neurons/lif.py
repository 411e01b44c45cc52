"""The leaky integrate-and-fire neuron."""

from typing import NamedTuple

import torch
from torch import Tensor, nn

from snnexp.errors import choice
from snnexp.neurons.constants import DecayConstant, PerNeuron, Values, constant, decay
from snnexp.neurons.membrane import Membrane
from snnexp.neurons.neuron import Fire
from snnexp.neurons.reset import Reset

# Shapes: B batch, N neurons.


class LIFConstants(NamedTuple):
    alpha: Tensor
    theta: Tensor
    b: Tensor | None


class LIFState(NamedTuple):
    """Voltage v, centred voltage u = v - theta, spikes z."""

    v: Tensor
    u: Tensor
    z: Tensor


class LIF(nn.Module):
    """A membrane that leaks, sums its current, and is reset by its own spike one step later.

        v_t = reset(alpha v_{t-1}, i_t + b, z_{t-1}),    u_t = v_t - theta,    z_t = 1[u_t > 0]

    membrane_decay: alpha, per step.  threshold: theta.  current: b, a constant current, absent where None.
    reset: see `Reset`.  detach_reset: no gradient flows through the reset (the papers' default).
    Source: Herranz-Celotti & Rouat, main text (pre) and App. E.
    """

    gates = 1
    spiking = True
    noisy = True

    def __init__(
        self,
        size: int,
        membrane_decay: DecayConstant,
        threshold: float | PerNeuron,
        current: PerNeuron | None = None,
        reset: str = "pre",
        detach_reset: bool = True,
    ) -> None:
        super().__init__()
        self.size = size
        self.membrane_decay = decay("membrane_decay", membrane_decay, size)
        self.threshold = constant("threshold", threshold, size)
        self.current: Values | None = None if current is None else current.values(size)
        self.reset = choice(Reset, "reset", reset)
        self.detach_reset = detach_reset

    def constants(self) -> LIFConstants:
        b = None if self.current is None else self.current()
        return LIFConstants(self.membrane_decay(), self.threshold(), b)

    def membrane(self) -> Membrane:
        """The constants as kernels take them."""
        alpha, theta, b = self.constants()
        return Membrane(alpha, theta, b)

    def initial_state(self, batch: int, like: Tensor) -> LIFState:
        rest = torch.zeros(batch, self.size, dtype=like.dtype, device=like.device)
        return LIFState(rest, rest - self.threshold(), rest)

    def step(self, current_BG: Tensor, state: LIFState, fire: Fire, constants: LIFConstants) -> LIFState:
        alpha, theta, b = constants
        current = current_BG if b is None else current_BG + b
        v = self.reset.apply(alpha, state.v, current, state.z, theta, self.detach_reset)
        u = v - theta
        return LIFState(v, u, fire(u))
