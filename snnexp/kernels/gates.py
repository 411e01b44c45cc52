"""LSTMs, spiking or not, over a whole sequence, in plain torch: the recursions that a faster kernel has to repeat."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from snnexp.kernels.tape import products

# Shapes: T time, B batch, N neurons, G = 4 N: input gate, forget gate, output gate, candidate.

Activation = Callable[[Tensor], Tensor]


class GateTape(NamedTuple):
    """What a sequence leaves behind: outputs z and cells c [T, B, N], pre-activations of the gates [T, B, G]."""

    z: Tensor
    c: Tensor
    gates: Tensor


class Activations(NamedTuple):
    """Of the activations their values, or their slopes: of the three gates, the candidate and the cell, [T, B, N]."""

    i: Tensor
    f: Tensor
    o: Tensor
    g: Tensor
    c: Tensor


class GateGradients(NamedTuple):
    """Gradients to the currents [T, B, G], R [G, N] where asked for, and the first c and z [B, N].

    The one to the bias is that to the currents, summed over steps and samples.
    """

    currents: Tensor
    recurrence: Tensor | None
    c: Tensor
    z: Tensor


def forward(
    sigma: Activation,
    tau: Activation,
    bias: Tensor,
    currents_TBG: Tensor,
    recurrence_GN: Tensor | None,
    c_BN: Tensor,
    z_BN: Tensor,
) -> GateTape:
    """Of x_t = (current_t + R z_{t-1}) + bias, split in four,

        i, f, o = sigma(x_t),   g = tau(x_t),   c_t = f c_{t-1} + i g,   z_t = o tau(c_t)

    sigma, tau: from 0 to 1, and from -1 to 1.  c_BN, z_BN: the first state.
    """
    size = c_BN.shape[-1]
    gates_TBG = torch.empty_like(currents_TBG)
    c_TBN = currents_TBG.new_empty(*currents_TBG.shape[:-1], size)
    z_TBN = torch.empty_like(c_TBN)
    for t, (current, gates) in enumerate(zip(currents_TBG.unbind(0), gates_TBG.unbind(0), strict=True)):
        x = current if recurrence_GN is None else torch.addmm(current, z_BN, recurrence_GN.t())
        torch.add(x, bias, out=gates)
        i, f, o = sigma(gates[:, : 3 * size]).chunk(3, -1)
        c_BN = torch.add(f * c_BN, i * tau(gates[:, 3 * size :]), out=c_TBN[t])
        z_BN = torch.mul(o, tau(c_BN), out=z_TBN[t])
    return GateTape(z_TBN, c_TBN, gates_TBG)


def backward(
    recurrence_GN: Tensor | None,
    c_BN: Tensor,
    z_BN: Tensor,
    tape: GateTape,
    values: Activations,
    slopes: Activations,
    given_z_TBN: Tensor | None,
    given_c_BN: Tensor | None,
    through_recurrence: bool,
    to_recurrence: bool,
) -> GateGradients:
    """The reverse recursion; gX_t is the gradient to X_t, X' the slope of an activation X at its pre-activation.

        gz_t = given_z_t + [R^T gx_{t+1}]
        gc_t = gz_t o_t tau'(c_t) + f_{t+1} gc_{t+1}       (+ given_c after the last step)
        gx_t = (gc_t g_t i'_t,   gc_t c_{t-1} f'_t,   gz_t tau(c_t) o'_t,   gc_t i_t g'_t)

    [.] where `through_recurrence`. The first state gets f_0 gc_0 and [R^T gx_0]; R gets sum_t gx_t z_{t-1}^T.
    All that does not depend on the recursion is computed before it, for all steps.

    c_BN, z_BN: the first state.  Source: backpropagation through time of `forward`, [D]erived.
    """
    before_TBN = torch.cat((c_BN.unsqueeze(0), tape.c[:-1]))
    # What gx_t multiplies, in the order of the gates, of which the third has gz_t and the others gc_t.
    gx_TBG = torch.cat((values.g * slopes.i, before_TBN * slopes.f, values.c * slopes.o, values.i * slopes.g), -1)
    of_cell_TBN = values.o * slopes.c
    to_z = torch.zeros_like(z_BN)
    to_c = torch.zeros_like(c_BN) if given_c_BN is None else given_c_BN
    for t in reversed(range(len(gx_TBG))):
        gz = to_z if given_z_TBN is None else given_z_TBN[t] + to_z
        gc = torch.addcmul(to_c, gz, of_cell_TBN[t])
        gx = torch.unflatten(gx_TBG[t], -1, (4, -1))
        gx[:, :2].mul_(gc.unsqueeze(1))
        gx[:, 2].mul_(gz)
        gx[:, 3].mul_(gc)
        to_c = values.f[t] * gc
        if recurrence_GN is not None and through_recurrence:
            to_z = gx_TBG[t] @ recurrence_GN
    of_recurrence = products(gx_TBG, z_BN, tape.z) if to_recurrence else None
    return GateGradients(gx_TBG, of_recurrence, to_c, to_z)
