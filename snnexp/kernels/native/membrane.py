"""The LIF family over a whole sequence, in C++: the recursions of `snnexp.kernels.membrane`."""

import ctypes
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from snnexp.kernels.native.call import Call, Value, integers, panels, pointers, table, threads
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
        *pointers("v_start z_start a_start i_start spikes held a i u currents noise psi of_spikes of_currents"),
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


class Walk:
    """The forward recursion, for up to so many steps at a time. All tensors are dense."""

    def __init__(self, membrane: Membrane, reset: Reset, recurrence_NN: Tensor | None, like_tBN: Tensor) -> None:
        values = _shared(membrane, reset, like_tBN) | ahead(recurrence_NN) | {"often": OFTEN_FORWARD}
        self.call = Call("forward", Arguments, like_tBN.dtype, values)

    def __call__(
        self,
        currents_tBN: Tensor,
        start: MembraneState,
        noise_tBN: Tensor | None,
        tape: Tape,
        u_tBN: Tensor | None = None,
    ) -> None:
        """Writes the tape of these steps, and the centred voltages where there is room for them."""
        self.call(currents=currents_tBN, noise=noise_tBN, u=u_tBN, **_places(start, tape))


class WalkBack:
    """The reverse recursion, for up to so many steps at a time. All tensors are dense.

    It turns `to`, the gradient to the state after these steps, into that to the one before them.
    """

    def __init__(
        self,
        membrane: Membrane,
        reset: Reset,
        recurrence_NN: Tensor | None,
        like_tBN: Tensor,
        to: MembraneState,
        flow: Flow,
    ) -> None:
        self.to, self.membrane = to, membrane
        self.recurrence_NN = recurrence_NN if flow.recurrent else None
        # Every thread adds its gradients of the constants to sums of its own.
        shape = (torch.get_num_threads(), len(membrane), len(membrane.theta))
        self.sums = membrane.theta.new_zeros(shape) if flow.to_constants else None
        values = _shared(membrane, reset, like_tBN) | back(recurrence_NN) | {"often": OFTEN_BACKWARD}
        values |= {"through_reset": int(flow.reset), "through_recurrence": int(flow.recurrent)}
        values |= {f"of_{name}": value for name, value in to._asdict().items()} | {"of_constants": self.sums}
        self.call = Call("backward", Arguments, like_tBN.dtype, values)

    def __call__(
        self, start: MembraneState, tape: Tape, psi_tBN: Tensor, of_spikes_tBN: Tensor | None, gx_tBN: Tensor
    ) -> None:
        """Writes the gradient to the currents."""
        self.call(psi=psi_tBN, of_spikes=of_spikes_tBN, of_currents=gx_tBN, **_places(start, tape))
        if self.recurrence_NN is not None:
            self.to.z.addmm_(gx_tBN[0], self.recurrence_NN)

    def constants(self) -> Membrane | None:
        """The gradients to the constants that there are, if they are wanted."""
        if self.sums is None:
            return None
        pairs = zip(self.membrane, self.sums.sum(0), strict=True)
        return Membrane._make(None if value is None else total for value, total in pairs)


def _shared(membrane: Membrane, reset: Reset, like_tBN: Tensor) -> dict[str, Value]:
    _, batch, size = like_tBN.shape
    values: dict[str, Value] = {"B": batch, "N": size, "threads": threads(like_tBN.numel())}
    return values | {"reset": RESETS.index(reset)} | membrane._asdict()


def _places(start: MembraneState, tape: Tape) -> dict[str, Value]:
    starts = {f"{name}_start": value for name, value in start._asdict().items()}
    return {"T": len(tape.spikes), **starts, **tape._asdict()}


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
    Walk(membrane, reset, recurrence_NN, tape.held)(currents_TBN.contiguous(), start, dense(noise_TBN), tape)
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
    to, gx_TBN = to_last(start, given), torch.empty_like(tape.spikes)
    walk_back = WalkBack(membrane, reset, recurrence_NN, tape.held, to, flow)
    for piece in pieces(tape.held):
        before, part = state_before(reset, start, tape, piece.start), tape.part(piece)
        psi_tBN = psi(centred(membrane, reset, before, part)).contiguous()
        of_spikes = None if given.spikes is None else given.spikes[piece].contiguous()
        walk_back(before, part, psi_tBN, of_spikes, gx_TBN[piece])
    of_recurrence = None
    if flow.to_recurrence:
        rest_KN, before_KN = gx_TBN[1:].flatten(0, 1), tape.spikes[:-1].flatten(0, 1)
        of_recurrence = weight_gradient(rest_KN, before_KN).addmm_(gx_TBN[0].t(), start.z)
    return Gradients(gx_TBN, of_recurrence, walk_back.constants(), to)
