"""The LIF family over a whole sequence, as one node of autograd's graph that walks it in C++.

Between forward and backward stay the inputs, by their events, the spikes as bits, and the centred voltages; or, where
memory matters, just the state at the beginning of every piece of time, and the backward walks each piece once more.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from snnexp.kernels.native.events import OFTEN_GRADIENT, Events, density, find
from snnexp.kernels.native.membrane import Inputs, Kept, Section, Walk, WalkBack
from snnexp.kernels.native.raster import Raster, frames
from snnexp.kernels.tape import Flow, Given, Tape, pieces
from snnexp.neurons.membrane import Membrane, MembraneState
from snnexp.neurons.reset import Reset

# Shapes: T time, t steps of a piece, B batch, I inputs, N neurons.


class Rules(NamedTuple):
    """What is no tensor: surrogate, reset, whether gradients flow through the reset and through R, and whether the
    backward walks forward once more to save memory."""

    psi: Callable[[Tensor], Tensor]
    reset: Reset
    through_reset: bool
    through_recurrence: bool
    recompute: bool = False


Factors = tuple[Tensor | Raster, Tensor, Tensor | None]
"""x [T, B, I], W [N, I] and bias [N] of currents W x + bias."""


class _Sequence(torch.autograd.Function):
    """Gives spikes and last v, a, i."""

    @staticmethod
    def forward(ctx: Any, rules: Rules, x: Events | None, *tensors: Any) -> Any:
        inputs, membrane, start = _read(x, tensors)
        spikes_TBN = start.v.new_empty(inputs.steps(start), *start.v.shape)
        # A piece for the cache of each thread's core: of double the size, psi alone takes up to three times as long.
        parts = pieces(spikes_TBN, torch.get_num_threads())
        walk = Walk(membrane, rules.reset, inputs, spikes_TBN.numel())
        state, states, kept = _copy(start), [start], Kept()
        if rules.recompute:
            for piece in reversed(parts):
                walk(inputs.part(piece, start), state, spikes_TBN[piece], kept)
                states.append(_copy(state))
            del states[-1]
        else:
            learns = any(ctx.needs_input_grad[7:13])
            kept = Kept.room(len(spikes_TBN), rules.reset, start, learns)
            walk(inputs, state, spikes_TBN, kept)
        ctx.rules, ctx.pieces, ctx.inputs = rules, parts, x and x.inputs
        of_states = (it for state in states for it in state)
        ctx.save_for_backward(*_written(inputs), *membrane, *kept, *of_states)
        ctx.set_materialize_grads(False)
        return spikes_TBN, state.v, state.a, state.i

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *given: Any) -> Any:
        rules, saved = ctx.rules, list(ctx.saved_tensors)
        inputs, membrane, kept = _inputs(ctx.inputs, saved[:8]), Membrane(*saved[8:14]), Kept(*saved[14:19])
        states = [MembraneState(*saved[at : at + 4]) for at in range(19, len(saved), 4)]
        start, longest = states[0], ctx.pieces[0].stop - ctx.pieces[0].start
        to_currents, to_x, to_weight, to_recurrence, _, *to_others = ctx.needs_input_grad[2:]
        flow = Flow(rules.through_reset, rules.through_recurrence, to_recurrence, any(to_others[:6]))
        to, shape = to_last(start, Given(*given)), (inputs.steps(start), *start.v.shape)
        walk_back = WalkBack(membrane, rules.reset, inputs, to, longest, flow, to_weight)
        room = partial(_room, None if _again() else kept.u, start.v)
        of_x = room((*shape[:2], inputs.weight.shape[1])) if to_x and inputs.weight is not None else None
        of_currents = room(shape) if inputs.x is None else start.v.new_empty(longest, *shape[1:])
        for section in _sections(rules, ctx.pieces, inputs, membrane, states, kept, flow.to_constants):
            u_TBN, piece = section.kept.u, section.piece
            assert u_TBN is not None
            psi_tBN = rules.psi(u_TBN[section.steps]).contiguous()
            of_spikes_tBN = None if given[0] is None else given[0][piece].contiguous()
            gx_tBN = of_currents[piece] if inputs.x is None else of_currents
            walk_back(section, psi_tBN, of_spikes_tBN, gx_tBN, None if of_x is None else of_x[piece])
        return (
            *(None, None),
            *(of_currents if to_currents else None, of_x),
            *(None if sums is None else sums.total() for sums in (walk_back.of_weight, walk_back.of_recurrence)),
            None,
            *(walk_back.constants() or (None,) * 6),
            *walk_back.first(),
        )


def _sections(
    rules: Rules,
    parts: Sequence[slice],
    inputs: Inputs,
    membrane: Membrane,
    states: Sequence[MembraneState],
    kept: Kept,
    learns: bool,
) -> Iterator[Section]:
    """The pieces of a sequence, the last one first, with what the backward needs; it holds until the next one."""
    if not rules.recompute:
        yield from (Section(piece, piece, inputs, states[0], kept) for piece in parts)
        return
    longest = parts[0].stop - parts[0].start
    again = Kept.room(longest, rules.reset, states[0], learns)
    walk = Walk(membrane, rules.reset, inputs, longest * states[0].v.numel())
    for piece, state in zip(parts, reversed(states), strict=True):
        its = inputs.part(piece, state)
        walk(its, _copy(state), None, again)
        yield Section(piece, slice(0, piece.stop - piece.start), its, state, again)


def _again() -> bool:
    """Whether the backward that runs may run once more (`retain_graph`), and so has to leave what it reads as it is."""
    return bool(torch._C._autograd._get_current_graph_task_keep_graph())


def _room(u_TBN: Tensor | None, like: Tensor, shape: tuple[int, ...]) -> Tensor:
    """Room for gradients of every step: that of the centred voltages, where it fits.

    The voltages of a step are read for the last time before its gradients are written.
    """
    return u_TBN if u_TBN is not None and u_TBN.shape == shape else like.new_empty(shape)


def _dense(tensor: Tensor | None) -> Tensor | None:
    return None if tensor is None else tensor.contiguous()


def _copy(state: MembraneState) -> MembraneState:
    return MembraneState._make(None if it is None else it.clone() for it in state)


def _read(x: Events | None, tensors: Any) -> tuple[Inputs, Membrane, MembraneState]:
    currents, _, weight, recurrence, noise, *others = (_dense(tensor) for tensor in tensors)
    inputs = Inputs(currents, x, weight, recurrence, noise)
    return inputs, Membrane._make(others[:6]), MembraneState._make(others[6:])


def _written(inputs: Inputs) -> tuple[Tensor | None, ...]:
    """All tensors of the inputs; `_inputs` makes inputs of them."""
    currents, x, *others = inputs
    return (currents, *others, *((None,) * 4 if x is None else x[1:]))


def _inputs(channels: int | None, written: Sequence[Any]) -> Inputs:
    x = None if channels is None else Events(channels, *written[4:])
    return Inputs(written[0], x, *written[1:4])


def to_last(start: MembraneState, given: Given) -> MembraneState:
    """What the state after the last step gets from outside, in memory of its own."""
    to = MembraneState._make(None if value is None else torch.zeros_like(value) for value in start)
    for name in ("v", "a", "i"):
        if (from_outside := getattr(given, name)) is not None:
            getattr(to, name).copy_(from_outside)
    return to


def run(
    rules: Rules,
    currents: Tensor | Factors,
    recurrence_NN: Tensor | None,
    noise_TBN: Tensor | None,
    membrane: Membrane,
    start: MembraneState,
) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
    """Spikes [T, B, N] and the last v, a, i [B, N]. All tensors are of one precision.

    Inputs that are not sparse are multiplied at once, as torch does it.
    """
    events, x, weight = None, None, None
    if isinstance(currents, tuple):
        x, weight, bias = currents
        if (x.density if isinstance(x, Raster) else density(x.flatten(0, 1))) > OFTEN_GRADIENT:
            given, x, weight = functional.linear(frames(x), weight, bias), None, None
        else:
            given = None
            if bias is not None:
                membrane = membrane._replace(b=bias if membrane.b is None else membrane.b + bias)
            events, x = (x.events, None) if isinstance(x, Raster) else (find(x.detach().flatten(0, 1).contiguous()), x)
    else:
        given = currents
    done: tuple[Tensor, Tensor, Tensor | None, Tensor | None] = _Sequence.apply(  # type: ignore[no-untyped-call]
        rules, events, given, x, weight, recurrence_NN, noise_TBN, *membrane, *start
    )
    return done


def trace(
    reset: Reset,
    currents_TBN: Tensor,
    recurrence_NN: Tensor | None,
    noise_TBN: Tensor | None,
    membrane: Membrane,
    start: MembraneState,
) -> tuple[Tape, MembraneState]:
    """What a sequence leaves behind, and its last state; without gradients."""
    inputs, membrane, start = _read(None, (currents_TBN, None, None, recurrence_NN, noise_TBN, *membrane, *start))
    empty = partial(torch.empty, currents_TBN.shape, dtype=currents_TBN.dtype)
    tape, state = Tape(empty(), empty(), *(None if it is None else empty() for it in start[2:])), _copy(start)
    kept = Kept(held=tape.held, a=tape.a, i=tape.i)
    Walk(membrane, reset, inputs, currents_TBN.numel())(inputs, state, tape.spikes, kept)
    return tape, state
