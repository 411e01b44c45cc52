"""The LIF family over a whole sequence, in C++: the recursions of `snnexp.kernels.membrane`."""

import ctypes
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from snnexp.kernels.native.call import Value, call, integers, panels, pointers, table, threads
from snnexp.kernels.native.events import weight_gradient
from snnexp.kernels.tape import Flow, Given, Gradients, Tape, centred, pieces, state_before
from snnexp.neurons.membrane import Membrane, MembraneState
from snnexp.neurons.reset import Reset

# Shapes: T time, B batch, N neurons, t steps of a piece.

RESETS = (Reset.PRE, Reset.POST, Reset.MINUS, Reset.MINUS_IMMEDIATE)
OFTEN_FORWARD, OFTEN_BACKWARD = 0.45, 0.25  # active fractions above which a dense product is the faster one


class Arguments(ctypes.Structure):
    """`Arguments` of sequence.cpp."""

    _fields_ = [
        *integers("T B N threads reset through_reset through_recurrence"),
        ("often", ctypes.c_double),
        *pointers("alpha theta b rho kappa synaptic columns panels"),
        *integers("columns_stride panels_stride"),
        *pointers("v_start z_start a_start i_start spikes held a i currents noise psi of_spikes of_currents"),
        *pointers("of_v of_z of_a of_i of_constants"),
    ]


Matrices = dict[str, Value]
"""R as a recursion reads it: R^T by rows, and a right factor in panels; nothing where there is no R."""


def ahead(recurrence_NN: Tensor | None) -> Matrices:
    """For the forward recursion, which needs z R^T."""
    return {} if recurrence_NN is None else _matrices(recurrence_NN.t(), recurrence_NN.t())


def back(recurrence_NN: Tensor | None) -> Matrices:
    """For the reverse one, which needs gx R."""
    return {} if recurrence_NN is None else _matrices(recurrence_NN.t(), recurrence_NN)


def _matrices(by_rows: Tensor, right_factor: Tensor) -> Matrices:
    columns, right = table(by_rows), panels(right_factor)
    strides: Matrices = {"columns_stride": columns.shape[1], "panels_stride": right.shape[0] * right.shape[2]}
    return {"columns": columns, "panels": right, **strides}


def walk(
    membrane: Membrane,
    reset: Reset,
    currents_tBN: Tensor,
    matrices: Matrices,
    start: MembraneState,
    noise_tBN: Tensor | None,
    tape: Tape,
) -> None:
    """Writes the tape of so many steps. All tensors are dense."""
    values = _shared(membrane, reset, start, tape) | matrices
    values |= {"often": OFTEN_FORWARD, "currents": currents_tBN, "noise": noise_tBN}
    call("forward", Arguments, currents_tBN.dtype, values)


def walk_back(
    membrane: Membrane,
    reset: Reset,
    matrices: Matrices,
    start: MembraneState,
    tape: Tape,
    psi_tBN: Tensor,
    of_spikes_tBN: Tensor | None,
    flow: Flow,
    gx_tBN: Tensor,
    to: MembraneState,
    sums: Tensor | None,
) -> None:
    """Writes the gradient to the currents of so many steps, turns `to`, the gradient to the state after them, into that
    to the one before, and adds those of the constants to `sums`, from `sums_of`. All tensors are dense.

    What the last z gets through the recurrence is part of `to`; so what the first one gets, gx_0 R, is still missing.
    """
    values = _shared(membrane, reset, start, tape) | matrices
    values |= {"through_reset": int(flow.reset), "through_recurrence": int(flow.recurrent), "often": OFTEN_BACKWARD}
    values |= {"psi": psi_tBN, "of_spikes": of_spikes_tBN, "of_currents": gx_tBN, "of_constants": sums}
    values |= {f"of_{name}": value for name, value in to._asdict().items()}
    call("backward", Arguments, gx_tBN.dtype, values)


def _shared(membrane: Membrane, reset: Reset, start: MembraneState, tape: Tape) -> dict[str, Value]:
    steps, batch, size = tape.spikes.shape
    values: dict[str, Value] = {"T": steps, "B": batch, "N": size}
    values |= {"threads": threads(tape.spikes.numel()), "reset": RESETS.index(reset)}
    values |= membrane._asdict()
    values |= {f"{name}_start": value for name, value in start._asdict().items()}
    return values | tape._asdict()


def sums_of(membrane: Membrane) -> Tensor:
    """Zeros, to which every thread adds its gradients of the constants."""
    return membrane.theta.new_zeros(torch.get_num_threads(), len(membrane), len(membrane.theta))


def totals(membrane: Membrane, sums: Tensor) -> Membrane:
    """The gradients of the constants that there are."""
    pairs = zip(membrane, sums.sum(0), strict=True)
    return Membrane._make(None if value is None else total for value, total in pairs)


def to_last(start: MembraneState, given: Given) -> MembraneState:
    """What the state after the last step gets from outside, in memory of its own."""
    to = MembraneState._make(None if value is None else torch.zeros_like(value) for value in start)
    for name in ("v", "a", "i"):
        if (from_outside := getattr(given, name)) is not None:
            getattr(to, name).copy_(from_outside)
    return to


def dense(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.contiguous()


def forward(
    membrane: Membrane,
    reset: Reset,
    currents_TBN: Tensor,
    recurrence_NN: Tensor | None,
    start: MembraneState,
    noise_TBN: Tensor | None,
) -> Tape:
    """See `snnexp.kernels.membrane.forward`."""
    empty = partial(torch.empty_like, currents_TBN, memory_format=torch.contiguous_format)
    tape = Tape(empty(), empty(), None if start.a is None else empty(), None if start.i is None else empty())
    membrane, start = Membrane._make(map(dense, membrane)), MembraneState._make(map(dense, start))
    walk(membrane, reset, currents_TBN.contiguous(), ahead(recurrence_NN), start, dense(noise_TBN), tape)
    return tape


def backward(
    membrane: Membrane,
    reset: Reset,
    recurrence_NN: Tensor | None,
    start: MembraneState,
    tape: Tape,
    psi: Callable[[Tensor], Tensor],
    given: Given,
    flow: Flow,
) -> Gradients:
    """See `snnexp.kernels.membrane.backward`."""
    membrane, start = Membrane._make(map(dense, membrane)), MembraneState._make(map(dense, start))
    matrices, to, gx_TBN = back(recurrence_NN), to_last(start, given), torch.empty_like(tape.spikes)
    sums = sums_of(membrane) if flow.to_constants else None
    for piece in pieces(tape.held):
        before, part = state_before(reset, start, tape, piece.start), tape.part(piece)
        psi_tBN = psi(centred(membrane, reset, before, part)).contiguous()
        of_spikes = None if given.spikes is None else given.spikes[piece].contiguous()
        walk_back(membrane, reset, matrices, before, part, psi_tBN, of_spikes, flow, gx_TBN[piece], to, sums)
        if recurrence_NN is not None and flow.recurrent:
            to.z.addmm_(gx_TBN[piece.start], recurrence_NN)
    of_recurrence = None
    if flow.to_recurrence:
        rest_KN, before_KN = gx_TBN[1:].flatten(0, 1), tape.spikes[:-1].flatten(0, 1)
        of_recurrence = weight_gradient(rest_KN, before_KN).addmm_(gx_TBN[0].t(), start.z)
    return Gradients(gx_TBN, of_recurrence, None if sums is None else totals(membrane, sums), to)
