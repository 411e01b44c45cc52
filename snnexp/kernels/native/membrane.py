"""The LIF family over a whole sequence, in C++: the recursions of `snnexp.kernels.membrane`."""

import ctypes
from typing import NamedTuple, Self

import torch
from torch import Tensor

from snnexp.kernels.native.call import Call, Value, integers, panels, pointers, table, threads
from snnexp.kernels.native.events import Events, Sums, room
from snnexp.kernels.tape import Flow
from snnexp.neurons.membrane import Membrane, MembraneState
from snnexp.neurons.reset import Reset

# Shapes: T time, t steps of a piece, B batch, I inputs, N neurons, P bytes of N bits.

RESETS = (Reset.PRE, Reset.POST, Reset.MINUS, Reset.MINUS_IMMEDIATE)
OFTEN_FORWARD, OFTEN_BACKWARD = 0.45, 0.25  # active fractions above which a dense product is the faster one


class Arguments(ctypes.Structure):
    """`Arguments` of membrane.hpp."""

    _fields_ = [
        *integers("begin end B N I threads reset through_reset through_recurrence"),
        ("often", ctypes.c_double),
        *pointers("alpha theta b rho kappa synaptic columns panels"),
        *integers("columns_stride panels_stride"),
        *pointers("x_begins x_counts x_indices x_values weight"),
        *integers("weight_stride"),
        *pointers("v z a i currents noise spikes held bits u all_a all_i"),
        *pointers("psi of_spikes of_currents after of_x of_v of_z of_a of_i of_constants of_weight of_recurrence"),
        *pointers("before_begins before_counts before_indices before_values"),
    ]


class Inputs(NamedTuple):
    """The currents [T, B, N], or the events of x [T x B, I] and W [N, I] that they are made of; R and escape noise."""

    currents: Tensor | None
    x: Events | None
    weight: Tensor | None
    recurrence: Tensor | None
    noise: Tensor | None

    def steps(self, state: MembraneState) -> int:
        """How many there are, for a batch as that of the state."""
        if self.currents is not None:
            return len(self.currents)
        assert self.x is not None
        return len(self.x.counts) // len(state.v)

    def part(self, steps: slice, state: MembraneState) -> Self:
        """Those of some steps, without a copy."""
        batch = len(state.v)
        return self._replace(
            currents=None if self.currents is None else self.currents[steps],
            x=None if self.x is None else self.x.rows(slice(steps.start * batch, steps.stop * batch)),
            noise=None if self.noise is None else self.noise[steps],
        )


class Kept(NamedTuple):
    """What the forward recursion leaves behind of its steps, [T, B, N]; None for what is not wanted or is not there.

    bits: the spikes, [T, B, P].  u: centred voltages.  held: see `snnexp.kernels.tape`.
    """

    bits: Tensor | None = None
    u: Tensor | None = None
    held: Tensor | None = None
    a: Tensor | None = None
    i: Tensor | None = None

    @classmethod
    def room(cls, steps: int, reset: Reset, start: MembraneState, learns: bool) -> Self:
        """Room for what the reverse recursion needs; learns: the constants have gradients."""
        batch, size = start.v.shape
        bits = torch.empty(steps, batch, -(-size // 8), dtype=torch.uint8)
        wanted = (True, reset is Reset.POST, start.a is not None, learns and start.i is not None)
        return cls(bits, *(start.v.new_empty(steps, batch, size) if it else None for it in wanted))

    def values(self) -> dict[str, Value]:
        return {"bits": self.bits, "u": self.u, "held": self.held, "all_a": self.a, "all_i": self.i}


class Section(NamedTuple):
    """Some steps of a sequence: of its inputs and of what was kept since its start. piece: which those of all are."""

    piece: slice
    steps: slice
    inputs: Inputs
    start: MembraneState
    kept: Kept


class Walk:
    """The forward recursion. All tensors are dense."""

    def __init__(self, membrane: Membrane, reset: Reset, inputs: Inputs, values: int) -> None:
        recurrence = _right_factor(inputs.recurrence, None if inputs.recurrence is None else inputs.recurrence.t())
        weight: dict[str, Value] = {}
        if inputs.weight is not None:
            weights = table(inputs.weight.t())
            weight = {"weight": weights, "weight_stride": weights.shape[1]}
        given = _constants(membrane, reset, values) | recurrence | weight | {"often": OFTEN_FORWARD}
        self.call = Call("forward", Arguments, membrane.theta.dtype, given)

    def __call__(self, inputs: Inputs, state: MembraneState, spikes_TBN: Tensor | None, kept: Kept) -> None:
        """Takes the state over all steps of these inputs, and writes what is wanted of them."""
        given = {"currents": inputs.currents, "noise": inputs.noise, "spikes": spikes_TBN}
        self.call(**_steps(inputs, state, slice(0, inputs.steps(state))), **given, **state._asdict(), **kept.values())


class WalkBack:
    """The reverse recursion, for up to `longest` steps at a time. All tensors are dense.

    It turns `to`, the gradient to the state after these steps, into that to the one before them, and sums the gradients
    to W, R and the constants.
    """

    def __init__(
        self,
        membrane: Membrane,
        reset: Reset,
        inputs: Inputs,
        to: MembraneState,
        longest: int,
        flow: Flow,
        to_weight: bool,
    ) -> None:
        batch, size = to.v.shape
        self.to, self.membrane = to, membrane
        self.recurrence_NN = inputs.recurrence if flow.recurrent else None
        # Every thread adds its gradients of the constants to sums of its own.
        shape = (torch.get_num_threads(), len(membrane), size)
        self.sums = to.v.new_zeros(shape) if flow.to_constants else None
        self.after_BN = torch.zeros_like(to.v)
        self.of_weight = Sums(size, inputs.x.inputs, to.v) if to_weight and inputs.x is not None else None
        values = _constants(membrane, reset, longest * to.v.numel()) | {"often": OFTEN_BACKWARD, "after": self.after_BN}
        values |= _right_factor(inputs.recurrence, inputs.recurrence)
        values |= {"through_reset": int(flow.reset), "through_recurrence": int(flow.recurrent)}
        values |= {f"of_{name}": value for name, value in to._asdict().items()} | {"of_constants": self.sums}
        if inputs.weight is not None:
            right = panels(inputs.weight)
            values |= {"I": inputs.weight.shape[1], "weight": right, "weight_stride": right.shape[0] * right.shape[2]}
        self.of_recurrence = None
        if self.of_weight is not None:
            values |= {"of_weight": self.of_weight.panels}
        if flow.to_recurrence:
            self.of_recurrence, self.before = Sums(size, size, to.v), room(longest * batch, size, to.v)
            values |= {"of_recurrence": self.of_recurrence.panels} | self.before.places("before")
        self.call = Call("backward", Arguments, to.v.dtype, values)

    def __call__(
        self,
        section: Section,
        psi_tBN: Tensor,
        of_spikes_tBN: Tensor | None,
        gx_tBN: Tensor,
        of_x_tBI: Tensor | None,
    ) -> None:
        """Writes the gradients to the currents and to x."""
        given: dict[str, Value] = {"psi": psi_tBN, "of_spikes": of_spikes_tBN, "of_currents": gx_tBN, "of_x": of_x_tBI}
        walked = _steps(section.inputs, section.start, section.steps)
        self.call(**walked, **section.start._asdict(), **section.kept.values(), **given)

    def constants(self) -> Membrane | None:
        """The gradients to the constants that there are, if they are wanted."""
        if self.sums is None:
            return None
        pairs = zip(self.membrane, self.sums.sum(0), strict=True)
        return Membrane._make(None if value is None else total for value, total in pairs)

    def first(self) -> MembraneState:
        """The gradient to the first state, after all steps."""
        if self.recurrence_NN is not None:
            self.to.z.addmm_(self.after_BN, self.recurrence_NN)
        return self.to


def _constants(membrane: Membrane, reset: Reset, values: int) -> dict[str, Value]:
    sizes: dict[str, Value] = {"N": len(membrane.theta), "threads": threads(values), "reset": RESETS.index(reset)}
    return sizes | membrane._asdict()


def _right_factor(by_columns_NN: Tensor | None, right_NN: Tensor | None) -> dict[str, Value]:
    """R as a recursion reads it: R^T by rows, and a right factor in panels; nothing where there is no R."""
    if by_columns_NN is None or right_NN is None:
        return {}
    columns, right = table(by_columns_NN.t()), panels(right_NN)
    strides = {"columns_stride": columns.shape[1], "panels_stride": right.shape[0] * right.shape[2]}
    return {"columns": columns, "panels": right, **strides}


def _steps(inputs: Inputs, state: MembraneState, steps: slice) -> dict[str, Value]:
    walked: dict[str, Value] = {"begin": steps.start, "end": steps.stop, "B": len(state.v)}
    return walked if inputs.x is None else walked | inputs.x.places("x")
