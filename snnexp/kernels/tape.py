"""What a sequence of the LIF family leaves behind for its backward, and which gradients that is given and gives."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from snnexp.neurons.membrane import Membrane, MembraneState
from snnexp.neurons.reset import Reset

# Shapes: T time, B batch, N neurons, G pre-activations (gates x N), X either.

PIECE = 2**17  # values; half a megabyte in float32


class Tape(NamedTuple):
    """What a sequence leaves behind, [T, B, N] each; a, i: adaptation and synaptic current, None where there is none.

    held: the voltage that the reset leaves, v_t; with `Reset.POST` the one before it, alpha v_{t-1} + d_t, of which
    v_t = held_t (1 - z_{t-1}): a reset that passes gradients asks for what it has wiped out.
    """

    spikes: Tensor
    held: Tensor
    a: Tensor | None
    i: Tensor | None

    def part(self, steps: slice) -> "Tape":
        """Some of the steps, without a copy."""
        return Tape._make(None if kept is None else kept[steps] for kept in self)


class Given(NamedTuple):
    """Gradients that come from outside: to all spikes [T, B, N], and to v, a, i [B, N] after the last step."""

    spikes: Tensor | None
    v: Tensor | None
    a: Tensor | None
    i: Tensor | None


class Gradients(NamedTuple):
    """Gradients to the currents [T, B, N], R [N, N], the constants [N] and the first state [B, N].

    recurrence, constants: None where they were not asked for.
    """

    currents: Tensor
    recurrence: Tensor | None
    constants: Membrane | None
    start: MembraneState


class Flow(NamedTuple):
    """Where gradients flow, and which are wanted.

    reset, recurrent: through the reset, through R to earlier spikes.
    to_recurrence, to_constants: whether the gradients to R and to the constants are wanted.
    """

    reset: bool
    recurrent: bool
    to_recurrence: bool
    to_constants: bool


class Adjoint(NamedTuple):
    """The gradients gu, gv, gd, gx, ga of `snnexp.kernels.membrane.backward`, [T, B, N] each."""

    u: Tensor
    v: Tensor
    d: Tensor
    x: Tensor
    a: Tensor | None


def earlier(first_BN: Tensor, all_TBN: Tensor) -> Tensor:
    """The same one step earlier, from the first state on, [T, B, N]."""
    return torch.cat((first_BN.unsqueeze(0), all_TBN[:-1]))


def voltages(reset: Reset, start: MembraneState, tape: Tape) -> Tensor:
    """The voltages v_t [T, B, N]."""
    return tape.held * (1 - earlier(start.z, tape.spikes)) if reset is Reset.POST else tape.held


def state_before(reset: Reset, start: MembraneState, tape: Tape, t: int) -> MembraneState:
    """The state that step t finds; with t = T, the last one."""
    if t == 0:
        return start
    v_BN = tape.held[t - 1]
    if reset is Reset.POST:
        v_BN = v_BN * (1 - (tape.spikes[t - 2] if t > 1 else start.z))
    a_BN, i_BN = (None if kept is None else kept[t - 1] for kept in (tape.a, tape.i))
    return MembraneState(v_BN, tape.spikes[t - 1], a_BN, i_BN)


def centred(membrane: Membrane, reset: Reset, start: MembraneState, tape: Tape) -> Tensor:
    """The centred voltages u_t = v_t - theta_t [T, B, N], of which psi is taken."""
    return voltages(reset, start, tape) - membrane.threshold(tape.a)


def pieces(values_TBX: Tensor, times: int = 1) -> list[slice]:
    """The steps of a sequence in pieces, the last one first; on a CPU so small that what is made of one stays in cache.

    On other devices all steps are one piece.  times: how often a piece holds PIECE values.
    """
    steps = len(values_TBX)
    size = max(1, times * PIECE // values_TBX[0].numel()) if values_TBX.device.type == "cpu" else steps
    return [slice(max(0, last - size), last) for last in range(steps, 0, -size)]


def slopes_in_pieces(
    membrane: Membrane, reset: Reset, start: MembraneState, tape: Tape, psi: Callable[[Tensor], Tensor]
) -> Iterator[tuple[slice, Tensor]]:
    """psi(u_t) of some steps at a time, the last ones first: which steps, and their values [t, B, N]."""
    for piece in pieces(tape.held):
        before = state_before(reset, start, tape, piece.start)
        yield piece, psi(centred(membrane, reset, before, tape.part(piece)))


def slopes(
    membrane: Membrane, reset: Reset, start: MembraneState, tape: Tape, psi: Callable[[Tensor], Tensor]
) -> Iterator[Tensor]:
    """psi(u_t) [B, N] from the last step to the first; psi itself sees many steps at a time."""
    for _, psi_tBN in slopes_in_pieces(membrane, reset, start, tape, psi):
        yield from reversed(psi_tBN.unbind(0))


def products(gx_TBG: Tensor, first_BN: Tensor, z_TBN: Tensor) -> Tensor:
    """The gradient to R, sum_t gx_t z_{t-1}^T [G, N]; G = N but for neurons with gates."""
    rest_GN = gx_TBG[1:].flatten(0, 1).t() @ z_TBN[:-1].flatten(0, 1)
    return rest_GN.addmm_(gx_TBG[0].t(), first_BN)
