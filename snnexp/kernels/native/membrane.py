"""The LIF family over a whole sequence, in C++: the recursions of `snnexp.kernels.membrane`."""

import ctypes
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from snnexp.kernels.native import events
from snnexp.kernels.native.call import Value, call, integers, panels, pointers, table, threads
from snnexp.kernels.tape import Flow, Given, Gradients, Tape, centred
from snnexp.neurons.membrane import Membrane, MembraneState
from snnexp.neurons.reset import Reset

# Shapes: T time, B batch, N neurons.

RESETS = (Reset.PRE, Reset.POST, Reset.MINUS, Reset.MINUS_IMMEDIATE)
OFTEN_FORWARD, OFTEN_BACKWARD = 0.45, 0.25  # active fractions above which a dense product is the faster one
CHUNK = 2**17  # values of psi at a time, so that they stay in cache


class Arguments(ctypes.Structure):
    """`Arguments` of sequence.cpp."""

    _fields_ = [
        *integers("B N first last threads reset through_reset through_recurrence follows"),
        ("often", ctypes.c_double),
        *pointers("alpha theta b rho kappa synaptic columns panels"),
        *integers("columns_stride panels_stride"),
        *pointers("v_start z_start a_start i_start spikes held a i currents noise psi of_spikes of_currents"),
        *pointers("of_v of_z of_a of_i of_constants"),
    ]


def _arguments(
    membrane: Membrane, reset: Reset, start: MembraneState, tape: Tape, columns: Tensor | None, right: Tensor | None
) -> dict[str, Value]:
    """What forward and backward share."""
    steps, batch, size = tape.spikes.shape
    values: dict[str, Value] = {"B": batch, "N": size, "first": 0, "last": steps}
    values |= {"threads": threads(), "reset": RESETS.index(reset)}
    if columns is not None and right is not None:
        values |= {"columns": columns, "columns_stride": columns.shape[1]}
        values |= {"panels": right, "panels_stride": right.shape[0] * right.shape[2]}
    values |= {name: _dense(value) for name, value in membrane._asdict().items()}
    values |= {f"{name}_start": _dense(value) for name, value in start._asdict().items()}
    return values | tape._asdict()


def _dense(tensor: Tensor | None) -> Tensor | None:
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
    back_NN = None if recurrence_NN is None else recurrence_NN.t()
    columns, right = (None, None) if back_NN is None else (table(back_NN), panels(back_NN))
    values = _arguments(membrane, reset, start, tape, columns, right)
    values |= {"often": OFTEN_FORWARD, "currents": currents_TBN.contiguous(), "noise": _dense(noise_TBN)}
    call("forward", Arguments, currents_TBN.dtype, values)
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
    """See `snnexp.kernels.membrane.backward`; some steps at a time, from the last ones on."""
    steps, batch, size = tape.spikes.shape
    gx_TBN = torch.empty_like(tape.spikes)
    to = MembraneState._make(None if value is None else torch.zeros_like(value) for value in start)
    for name in ("v", "a", "i"):
        if (from_outside := getattr(given, name)) is not None:
            getattr(to, name).copy_(from_outside)
    sums = tape.held.new_zeros(threads(), 6, size) if flow.to_constants else None
    columns = None if recurrence_NN is None else table(recurrence_NN.t())
    right = None if recurrence_NN is None else panels(recurrence_NN)
    values = _arguments(membrane, reset, start, tape, columns, right)
    values |= {"through_reset": int(flow.reset), "through_recurrence": int(flow.recurrent), "often": OFTEN_BACKWARD}
    values |= {"of_spikes": _dense(given.spikes), "of_currents": gx_TBN, "of_constants": sums}
    values |= {f"of_{name}": value for name, value in to._asdict().items()}
    last, chunk = steps, max(1, CHUNK // (batch * size))
    while last > 0:
        first = max(0, last - chunk)
        part = Tape._make(None if value is None else value[first:last] for value in tape)
        before = start._replace(z=tape.spikes[first - 1]) if first else start
        psi_TBN = psi(centred(membrane, reset, before, part)).contiguous()
        part_of: dict[str, Value] = {"psi": psi_TBN, "first": first, "last": last, "follows": int(last < steps)}
        call("backward", Arguments, gx_TBN.dtype, values | part_of)
        last = first
    if recurrence_NN is not None and flow.recurrent:
        to.z.addmm_(gx_TBN[0], recurrence_NN)
    of_recurrence = None
    if flow.to_recurrence:
        rest_KN, before_KN = gx_TBN[1:].flatten(0, 1), tape.spikes[:-1].flatten(0, 1)
        of_recurrence = events.weight_gradient(rest_KN, before_KN).addmm_(gx_TBN[0].t(), start.z)
    constants = None
    if sums is not None:
        totals = zip(membrane, sums.sum(0), strict=True)
        constants = Membrane._make(None if value is None else total for value, total in totals)
    return Gradients(gx_TBN, of_recurrence, constants, to)
