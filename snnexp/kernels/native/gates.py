"""LSTMs, spiking or not, over a whole sequence, compiled: see `snnexp.kernels.gates`, where all is specified."""

import ctypes

import torch
from torch import Tensor

from snnexp.kernels import gates
from snnexp.kernels.activations import Activations, GateTape, Spiking
from snnexp.kernels.gates import GateGradients
from snnexp.kernels.native.call import Call, Value, integers, panels, pointers, threads
from snnexp.kernels.tape import pieces, products

# Shapes: T time, B batch, N neurons, G = 4 N: input gate, forget gate, output gate, candidate.


class Arguments(ctypes.Structure):
    """`Gates` of gates.cpp."""

    _fields_ = [
        *integers("T B N threads spiking"),
        *pointers("bias panels"),
        *integers("panels_stride"),
        *pointers("c_start z_start currents z c gates of_gates of_cell given of_currents to_c to_z"),
    ]


def forward(
    activations: Activations,
    bias: Tensor,
    currents_TBG: Tensor,
    recurrence_GN: Tensor | None,
    c_BN: Tensor,
    z_BN: Tensor,
) -> GateTape:
    """See `snnexp.kernels.gates.forward`; without spikes torch has to do it, whose curves the loop takes too."""
    currents_TBG, c_BN, z_BN = currents_TBG.contiguous(), c_BN.contiguous(), z_BN.contiguous()
    if not isinstance(activations, Spiking):
        return gates.forward(activations, bias, currents_TBG, recurrence_GN, c_BN, z_BN)
    c_TBN = currents_TBG.new_empty(*currents_TBG.shape[:-1], c_BN.shape[-1])
    tape = GateTape(torch.empty_like(c_TBN), c_TBN, torch.empty_like(currents_TBG))
    values = _shared(activations, c_TBN) | _factor(None if recurrence_GN is None else recurrence_GN.t())
    values |= tape._asdict() | {"currents": currents_TBG, "bias": bias.contiguous(), "c_start": c_BN, "z_start": z_BN}
    Call("gates_forward", Arguments, bias.dtype, values)(T=len(c_TBN))
    return tape


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
    """See `snnexp.kernels.gates.backward`."""
    gx_TBG, c_BN = torch.empty_like(tape.gates), c_BN.contiguous()
    to_c = torch.zeros_like(c_BN) if given_c_BN is None else given_c_BN.clone(memory_format=torch.contiguous_format)
    to_z = torch.zeros_like(c_BN)
    given_z_TBN = None if given_z_TBN is None else given_z_TBN.contiguous()
    values = _shared(activations, tape.c) | _factor(recurrence_GN if through_recurrence else None)
    call = Call("gates_backward", Arguments, c_BN.dtype, values | {"to_c": to_c, "to_z": to_z})
    for piece in pieces(tape.gates):
        part = GateTape._make(kept[piece] for kept in tape)
        given = None if given_z_TBN is None else given_z_TBN[piece]
        of_gates, of_cell = _slopes(activations, part)
        call(
            T=len(part.c),
            c_start=tape.c[piece.start - 1] if piece.start else c_BN,
            of_gates=of_gates,
            of_cell=of_cell,
            given=given,
            of_currents=gx_TBG[piece],
            **part._asdict(),
        )
    of_recurrence = products(gx_TBG, z_BN, tape.z) if to_recurrence else None
    return GateGradients(gx_TBG, of_recurrence, to_c, to_z)


def _shared(activations: Activations, c_TBN: Tensor) -> dict[str, Value]:
    _, batch, size = c_TBN.shape
    spiking = int(isinstance(activations, Spiking))
    return {"B": batch, "N": size, "threads": min(batch, threads(4 * c_TBN.numel())), "spiking": spiking}


def _slopes(activations: Activations, part: GateTape) -> tuple[Tensor | None, Tensor]:
    """What the slopes need beside the tape."""
    if not isinstance(activations, Spiking):
        return None, torch.tanh(part.c)
    # Gates on an axis of their own, so that the surrogate's per-neuron scale broadcasts over them.
    psi_tB4N = activations.psi(torch.unflatten(part.gates, -1, (4, -1)))
    return psi_tB4N.contiguous(), activations.psi(part.c).contiguous()


def _factor(matrix: Tensor | None) -> dict[str, Value]:
    """A right factor, or none."""
    if matrix is None:
        return {}
    packed = panels(matrix)
    return {"panels": packed, "panels_stride": packed.shape[0] * packed.shape[2]}
