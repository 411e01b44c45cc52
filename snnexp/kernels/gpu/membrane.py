"""The LIF family over a whole sequence, in Triton: the recursions of `snnexp.kernels.membrane`."""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from snnexp.kernels import constants
from snnexp.kernels.gpu import sequence
from snnexp.kernels.tape import Adjoint, Flow, Given, Gradients, Tape, centred, products
from snnexp.neurons.membrane import Membrane, MembraneState
from snnexp.neurons.reset import Reset

# Shapes: T time, B batch, N neurons.

ROWS, COLUMNS, TERMS = 4, 128, 32  # at a time: of the batch, of the neurons, of a sum; not tuned yet
# Products and sums are rounded one by one, as torch rounds them; two stages fit into the shared memory of any GPU.
OPTIONS = {"enable_fp_fusion": False, "num_stages": 2}


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
    with torch.cuda.device_of(currents_TBN):  # type: ignore[no-untyped-call]
        sequence.forward[_programs(currents_TBN, recurrence_NN)](
            Membrane._make(map(_dense, membrane)),
            MembraneState._make(map(_dense, start)),
            tape,
            _dense(currents_TBN),
            None if recurrence_NN is None else _dense(recurrence_NN.t()),
            _dense(noise_TBN),
            *currents_TBN.shape,
            reset.value,
            ROWS,
            COLUMNS,
            TERMS,
            **OPTIONS,
        )
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
    steps, batch, size = tape.held.shape
    empty = partial(torch.empty_like, tape.held, memory_format=torch.contiguous_format)
    gx_TBN, adjoint = empty(), None
    if flow.to_constants:
        gv_TBN = empty()
        gd_TBN = empty() if reset is Reset.POST else gv_TBN
        adjoint = Adjoint(empty(), gv_TBN, gd_TBN, gx_TBN, None if tape.a is None else empty())
    carried = tape.held.new_zeros(2, 4, batch, size)
    for its, gradient_BN in zip(carried[steps % 2], (given.v, None, given.a, given.i), strict=True):
        if gradient_BN is not None:
            its.copy_(gradient_BN)
    through_NN = _dense(recurrence_NN) if flow.recurrent else None
    with torch.cuda.device_of(gx_TBN):  # type: ignore[no-untyped-call]
        sequence.backward[_programs(gx_TBN, through_NN)](
            Membrane._make(map(_dense, membrane)),
            MembraneState._make(map(_dense, start)),
            Tape._make(map(_dense, tape)),
            _dense(psi(centred(membrane, reset, start, tape))),
            _dense(given.spikes),
            through_NN,
            gx_TBN,
            adjoint,
            carried,
            steps,
            batch,
            size,
            reset.value,
            flow.reset,
            ROWS,
            COLUMNS,
            TERMS,
            **OPTIONS,
        )
    to_v, to_z, to_a, to_i = carried[0]
    if through_NN is not None:
        to_z = torch.addmm(to_z, gx_TBN[0], through_NN)
    return Gradients(
        gx_TBN,
        products(gx_TBN, start.z, tape.spikes) if flow.to_recurrence else None,
        None if adjoint is None else constants.gradients(membrane, reset, start, tape, adjoint, flow),
        MembraneState(to_v, to_z, None if tape.a is None else to_a, None if tape.i is None else to_i),
    )


def _dense(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.contiguous()


def _programs(values_TBN: Tensor, recurrence_NN: Tensor | None) -> tuple[int, int]:
    """How many programs there are, over the batch and over the neurons; neurons that talk share one."""
    _, batch, size = values_TBN.shape
    return -(-batch // ROWS), 1 if recurrence_NN is not None else -(-size // COLUMNS)
