"""LSTMs, spiking or not, over a whole sequence, in plain torch: the recursions that a faster kernel has to repeat."""

from typing import NamedTuple

import torch
from torch import Tensor

from snnexp.kernels.activations import Activations, GateTape
from snnexp.kernels.tape import earlier, pieces, products

# Shapes: T time, B batch, N neurons, G = 4 N: input gate, forget gate, output gate, candidate.


class GateGradients(NamedTuple):
    """Gradients to the currents [T, B, G], R [G, N] where asked for, and the first c and z [B, N].

    The one to the bias is that to the currents, summed over steps and samples.
    """

    currents: Tensor
    recurrence: Tensor | None
    c: Tensor
    z: Tensor


def forward(
    activations: Activations,
    bias: Tensor,
    currents_TBG: Tensor,
    recurrence_GN: Tensor | None,
    c_BN: Tensor,
    z_BN: Tensor,
) -> GateTape:
    """Of x_t = (current_t + R z_{t-1}) + bias, split in four,

        i, f, o = sigma(x_t),   g = tau(x_t),   c_t = f c_{t-1} + i g,   z_t = o tau(c_t)

    c_BN, z_BN: the first state.
    """
    gates_TBG = torch.empty_like(currents_TBG)
    c_TBN = currents_TBG.new_empty(*currents_TBG.shape[:-1], c_BN.shape[-1])
    z_TBN = torch.empty_like(c_TBN)
    for t, (current, gates) in enumerate(zip(currents_TBG.unbind(0), gates_TBG.unbind(0), strict=True)):
        if recurrence_GN is None:
            torch.add(current, bias, out=gates)
        else:
            torch.addmm(current, z_BN, recurrence_GN.t(), out=gates).add_(bias)
        i, f, o, g = activations.gates(gates)
        c_BN = torch.add(f * c_BN, i * g, out=c_TBN[t])
        z_BN = torch.mul(o, activations.cell(c_BN), out=z_TBN[t])
    return GateTape(z_TBN, c_TBN, gates_TBG)


def backward(
    recurrence_GN: Tensor | None,
    c_BN: Tensor,
    z_BN: Tensor,
    tape: GateTape,
    activations: Activations,
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

    c_BN, z_BN: the first state.
    Source: backpropagation through time of `forward`, [D]erived.
    """
    gx_TBG = torch.empty_like(tape.gates)
    to_z = torch.zeros_like(z_BN)
    to_c = torch.zeros_like(c_BN) if given_c_BN is None else given_c_BN
    for piece in pieces(tape.gates):
        values, slopes = activations.both(GateTape._make(kept[piece] for kept in tape))
        before = earlier(tape.c[piece.start - 1] if piece.start else c_BN, tape.c[piece])
        # First what does not depend on the recursion: of gx_t all but the factors gc_t and, in the third gate, gz_t.
        known = torch.unflatten(gx_TBG[piece], -1, (4, -1))
        factors = ((values.g, slopes.i), (before, slopes.f), (values.c, slopes.o), (values.i, slopes.g))
        for gate, (value, slope) in enumerate(factors):
            torch.mul(value, slope, out=known[..., gate, :])
        of_cell = values.o * slopes.c
        for t in reversed(range(piece.start, piece.stop)):
            gz = to_z if given_z_TBN is None else given_z_TBN[t] + to_z
            gc = torch.addcmul(to_c, gz, of_cell[t - piece.start])
            gx = known[t - piece.start]
            gx[:, :2].mul_(gc.unsqueeze(1))
            gx[:, 2].mul_(gz)
            gx[:, 3].mul_(gc)
            to_c = values.f[t - piece.start] * gc
            if recurrence_GN is not None and through_recurrence:
                to_z = gx_TBG[t] @ recurrence_GN
    of_recurrence = products(gx_TBG, z_BN, tape.z) if to_recurrence else None
    return GateGradients(gx_TBG, of_recurrence, to_c, to_z)
