"""The LIF family in one form: what a kernel has to know of a neuron whose voltage leaks, fires and is reset."""

from typing import NamedTuple

from torch import Tensor

# Shapes: B batch, N neurons.


class Membrane(NamedTuple):
    """The constants [N] of a neuron of the family; None for a part that it does not have.

        x_t = current_t + R z_{t-1} + b
        i_t = synaptic i_{t-1} + x_t,   d_t = (1 - alpha) i_{t-1}         without a synapse d_t = x_t
        a_t = rho a_{t-1} + (1 - rho) z_{t-1},   theta_t = theta + kappa a_t      without adaptation theta_t = theta
        v_t = reset(alpha v_{t-1}, d_t, z_{t-1}),   u_t = v_t - theta_t,   z_t = 1[u_t > noise_t]

    The subtracting resets take theta_t (`minus`) or theta_{t-1} (`minus_immediate`). rho and kappa come together.
    """

    alpha: Tensor
    theta: Tensor
    b: Tensor | None = None
    rho: Tensor | None = None
    kappa: Tensor | None = None
    synaptic: Tensor | None = None

    def threshold(self, a: Tensor | None) -> Tensor:
        """theta_t at the adaptation a_t, [..., N]."""
        return self.theta if a is None or self.kappa is None else self.theta + self.kappa * a


class MembraneState(NamedTuple):
    """Voltage v, spikes z, adaptation a, synaptic current i, [B, N] each; None for a part that it does not have."""

    v: Tensor
    z: Tensor
    a: Tensor | None = None
    i: Tensor | None = None
