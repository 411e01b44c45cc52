"""The LIF family over a whole sequence, in pieces of time that stay in cache, as one node of autograd's graph.

Between forward and backward stay the inputs, by their events where they have few, and the state at the beginning of
every piece; the backward walks each piece once more. That takes a fraction of the memory that all voltages would, and
little time: what a piece is made of is never far.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from snnexp.kernels.native import membrane as recursion
from snnexp.kernels.native.drive import Drive, Held, Projected
from snnexp.kernels.native.events import OFTEN_GRADIENT, Events, Outer, Scan, density, find
from snnexp.kernels.native.raster import Raster, frames
from snnexp.kernels.tape import Flow, Given, Tape, pieces, state_before
from snnexp.neurons.membrane import Membrane, MembraneState
from snnexp.neurons.reset import Reset

# Shapes: T time, t steps of a piece, B batch, I inputs, N neurons.

# How many pieces of `tape.PIECE` values one here has. Measured on one machine, 2 threads with 2 MB of second-level
# cache each: with 1, 2, 4 and 8 a step of the benchmark's W1 was 2.48, 2.75, 3.09 and 2.48 times as fast as the loop;
# W2 was fastest with 8.
LENGTH = 4


class Rules(NamedTuple):
    """What is no tensor: surrogate, reset, and whether gradients flow through the reset and through R."""

    psi: Callable[[Tensor], Tensor]
    reset: Reset
    through_reset: bool
    through_recurrence: bool


class Inputs(NamedTuple):
    """The currents [T, B, N], or inputs x [T, B, I], W [N, I] and bias that they are made of; R and escape noise."""

    currents: Tensor | None = None
    x: Tensor | Raster | None = None
    weight: Tensor | None = None
    bias: Tensor | None = None
    recurrence: Tensor | None = None
    noise: Tensor | None = None


class _Scratch:
    """Memory for the tape of one piece, and its centred voltages u; one row before its spikes holds those before it."""

    def __init__(self, longest: int, start: MembraneState) -> None:
        self.z_tBN = start.v.new_empty(longest + 1, *start.v.shape)
        self.held_tBN = torch.empty_like(self.z_tBN[1:])
        self.a_tBN, self.i_tBN = (None if it is None else torch.empty_like(self.held_tBN) for it in start[2:])

        self.u_tBN = torch.empty_like(self.z_tBN[1:])

    def tape(self, start: MembraneState, steps: int) -> Tape:
        self.z_tBN[0] = start.z
        return Tape(self.z_tBN[1:], self.held_tBN, self.a_tBN, self.i_tBN).part(slice(steps))

    def before(self, steps: int) -> Tensor:
        """z_{t-1} [t x B, N]."""
        return self.z_tBN[:steps].flatten(0, 1)


class _Sequence(torch.autograd.Function):
    """Gives spikes and last v, a, i."""

    @staticmethod
    def forward(ctx: Any, rules: Rules, events: Events | None, *tensors: Any) -> Any:
        inputs, membrane, start = _read(tensors)
        batch, size = start.v.shape
        given = inputs.currents if events is None else events.counts.view(-1, batch)
        assert given is not None
        steps = len(given)
        spikes_TBN = start.v.new_empty(steps, batch, size)
        parts = pieces(spikes_TBN, LENGTH)
        longest = parts[0].stop - parts[0].start
        drive = _drive(inputs, events, (steps, batch), longest)
        scratch = _Scratch(longest, start)
        walk = recursion.Walk(membrane, rules.reset, inputs.recurrence, scratch.u_tBN)
        states, state = [], start
        for piece in reversed(parts):
            tape = scratch.tape(state, piece.stop - piece.start)._replace(spikes=spikes_TBN[piece])
            noise_tBN = None if inputs.noise is None else inputs.noise[piece]
            walk(drive.currents(piece), state, noise_tBN, tape)
            states.append(state)
            state = MembraneState._make(
                None if it is None else it.clone() for it in state_before(rules.reset, state, tape, len(tape.spikes))
            )
        ctx.rules, ctx.pieces, ctx.shape = rules, parts, (steps, batch)
        kept = inputs._replace(x=None)
        ctx.save_for_backward(
            *kept, *membrane, *(it for state in states for it in state), *(() if events is None else events[1:])
        )
        ctx.set_materialize_grads(False)
        return spikes_TBN, state.v, state.a, state.i

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *given: Any) -> Any:
        rules, saved = ctx.rules, list(ctx.saved_tensors)
        inputs, membrane = Inputs(*saved[:6]), Membrane(*saved[6:12])
        states = [MembraneState(*saved[at : at + 4]) for at in range(12, 12 + 4 * len(ctx.pieces), 4)]
        _, _, _, *to_projection, to_recurrence, _ = ctx.needs_input_grad[:8]
        flow = Flow(rules.through_reset, rules.through_recurrence, to_recurrence, any(ctx.needs_input_grad[8:14]))
        longest, start = ctx.pieces[0].stop - ctx.pieces[0].start, states[0]
        events = None
        if inputs.weight is not None:
            events = Events(inputs.weight.shape[1], *saved[12 + 4 * len(states) :])
        drive = _drive(inputs, events, ctx.shape, longest, tuple(to_projection))
        scratch, to = _Scratch(longest, start), recursion.to_last(start, Given(*given))
        walk = recursion.Walk(membrane, rules.reset, inputs.recurrence, scratch.u_tBN)
        walk_back = recursion.WalkBack(membrane, rules.reset, inputs.recurrence, scratch.u_tBN, to, flow)
        fired = Scan(longest * start.v.shape[0], start.v.shape[1], start.v) if to_recurrence else None
        outer = Outer(start.v.shape[1], fired.events) if fired is not None else None
        for piece, state in zip(ctx.pieces, reversed(states), strict=True):
            steps = piece.stop - piece.start
            tape, noise_tBN = scratch.tape(state, steps), None if inputs.noise is None else inputs.noise[piece]
            walk(drive.currents(piece), state, noise_tBN, tape, scratch.u_tBN)
            psi_tBN = rules.psi(scratch.u_tBN[:steps]).contiguous()
            of_spikes, gx_tBN = None if given[0] is None else given[0][piece].contiguous(), drive.room(piece)
            walk_back(state, tape, psi_tBN, of_spikes, gx_tBN)
            if fired is not None and outer is not None:
                fired.look(scratch.before(steps))
                outer.add(gx_tBN.flatten(0, 1), slice(0, steps * len(state.v)))
            drive.collect(piece, gx_tBN)
        return (
            *(None, None),
            *drive.gradients(),
            None if outer is None else outer.total(),
            None,
            *(walk_back.constants() or (None,) * 6),
            *to,
        )


def _read(tensors: Any) -> tuple[Inputs, Membrane, MembraneState]:
    dense: list[Any] = [recursion.dense(tensor) for tensor in tensors]
    return Inputs(*dense[:6]), Membrane._make(dense[6:12]), MembraneState._make(dense[12:])


def _drive(
    inputs: Inputs,
    events: Events | None,
    shape: tuple[int, int],
    longest: int,
    wanted: tuple[bool, bool, bool] = (False, False, False),
) -> Drive:
    if inputs.currents is not None:
        return Held(inputs.currents)
    assert events is not None
    assert inputs.weight is not None
    return Projected(events, inputs.weight, inputs.bias, shape, longest, wanted)


def run(
    rules: Rules, inputs: Inputs, membrane: Membrane, start: MembraneState
) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
    """Spikes [T, B, N] and the last v, a, i [B, N]. All tensors are of one precision.

    Inputs that are not sparse are multiplied at once, as torch does it.
    """
    x, events = inputs.x, None
    if x is not None and inputs.weight is not None:
        if (x.density if isinstance(x, Raster) else density(x.flatten(0, 1))) > OFTEN_GRADIENT:
            currents_TBN = functional.linear(frames(x), inputs.weight, inputs.bias)
            inputs = inputs._replace(currents=currents_TBN, x=None, weight=None, bias=None)
        elif isinstance(x, Raster):
            events, inputs = x.events, inputs._replace(x=None)
        else:
            events = find(x.detach().flatten(0, 1).contiguous())
    done: tuple[Tensor, Tensor, Tensor | None, Tensor | None] = _Sequence.apply(  # type: ignore[no-untyped-call]
        rules, events, *inputs, *membrane, *start
    )
    return done
