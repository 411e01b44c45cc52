"""Neurons of the LIF family over a whole sequence, as one node of autograd's graph."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from snnexp.kernels.native import sequence as compiled
from snnexp.kernels.projection import Projection, dense, like
from snnexp.kernels.tape import Flow, Given, Tape, centred, voltages
from snnexp.kernels.tier import Tier, fastest
from snnexp.neurons.alif import ALIF
from snnexp.neurons.cuba_lif import CubaLIF
from snnexp.neurons.lif import LIF
from snnexp.neurons.membrane import Membrane, MembraneState
from snnexp.neurons.plif import PLIF
from snnexp.neurons.reset import Reset

# Shapes: T time, B batch, N neurons.


class Rules(NamedTuple):
    """What is no tensor: surrogate, reset, where gradients flow (see `Flow`), and whose recursions these are."""

    psi: Callable[[Tensor], Tensor]
    reset: Reset
    through_reset: bool
    through_recurrence: bool
    tier: Tier


class _Sequence(torch.autograd.Function):
    """Gives spikes and last v, a, i, which have gradients, and then what else is on the tape, which has none."""

    @staticmethod
    def forward(ctx, rules, currents_TBN, recurrence_NN, noise_TBN, *constants_and_start):  # type: ignore[no-untyped-def]
        membrane, start = Membrane(*constants_and_start[:6]), MembraneState(*constants_and_start[6:])
        tape = rules.tier.forward(membrane, rules.reset, currents_TBN, recurrence_NN, start, noise_TBN)
        ctx.rules = rules
        ctx.save_for_backward(recurrence_NN, *constants_and_start, *tape)
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(*(kept for kept in tape[1:] if kept is not None))
        v_BN = tape.held[-1].clone()
        if rules.reset is Reset.POST:
            v_BN *= 1 - (tape.spikes[-2] if len(tape.spikes) > 1 else start.z)
        a_BN, i_BN = (None if kept is None else kept[-1].clone() for kept in (tape.a, tape.i))
        return tape.spikes, v_BN, a_BN, i_BN, *tape[1:]

    @staticmethod
    @once_differentiable
    def backward(ctx, *given):  # type: ignore[no-untyped-def]
        recurrence_NN, *saved = ctx.saved_tensors
        membrane, start, tape = Membrane(*saved[:6]), MembraneState(*saved[6:10]), Tape(*saved[10:])
        rules, (_, _, to_recurrence, _, *to_others) = ctx.rules, ctx.needs_input_grad
        flow = Flow(rules.through_reset, rules.through_recurrence, to_recurrence, any(to_others[:6]))
        with torch.autocast(tape.held.device.type, enabled=False):
            gradients = rules.tier.backward(
                membrane, rules.reset, recurrence_NN, start, tape, rules.psi, Given(*given[:4]), flow
            )
        constants = gradients.constants or (None,) * 6
        return None, gradients.currents, gradients.recurrence, None, *constants, *gradients.start


def run(
    neuron: LIF | ALIF | CubaLIF | PLIF,
    currents: Tensor | Projection,
    recurrence_NN: Tensor | None,
    psi: Callable[[Tensor], Tensor],
    state: Any,
    noise_TBN: Tensor | None,
    detach_recurrent: bool,
    record: Sequence[str],
    choose: Callable[[torch.device, torch.dtype], Tier | None] | None = None,
    recompute: bool = False,
) -> tuple[Tensor, Any, dict[str, Tensor]]:
    """Spikes, last state and trace, as `unroll` gives them; of the trace only z has a gradient.

    choose: whose recursions to take for such tensors; None: `fastest`.
    recompute: a compiled sequence keeps no voltages for its backward, which walks forward once more.

    All is computed in the precision of the constants, or of the currents where theirs is higher; autocast is off.
    """
    membrane = neuron.membrane()
    device, dtype = membrane.theta.device, torch.promote_types(like(currents).dtype, membrane.theta.dtype)
    tier, traced = (choose or fastest)(device, dtype), bool(set(record) - {"z"})
    if tier is not None or traced or torch.is_autocast_enabled(device.type):
        currents = dense(currents)  # else they are made as they are needed
    currents = currents.to(dtype)
    started = (getattr(state, name, None) for name in MembraneState._fields)
    every = [None if it is None else it.to(dtype) for it in (recurrence_NN, noise_TBN, *membrane, *started)]
    (recurrence_NN, noise_TBN), membrane, start = every[:2], Membrane._make(every[2:8]), MembraneState._make(every[8:])
    flows, tape = (not neuron.detach_reset, not detach_recurrent), None
    with torch.autocast(device.type, enabled=False):
        if tier is not None:
            spikes_TBN, v_BN, a_BN, i_BN, *kept = _Sequence.apply(  # type: ignore[no-untyped-call]
                Rules(psi, neuron.reset, *flows, tier),
                *(currents, recurrence_NN, noise_TBN),
                *(*membrane, *start),
            )
            tape = Tape(spikes_TBN, *kept)
        elif isinstance(currents, Tensor) and traced:
            tape, (v_BN, _, a_BN, i_BN) = compiled.trace(
                neuron.reset, currents, recurrence_NN, noise_TBN, membrane, start
            )
            spikes_TBN = tape.spikes
        else:
            rules = compiled.Rules(psi, neuron.reset, *flows, recompute)
            spikes_TBN, v_BN, a_BN, i_BN = compiled.run(rules, currents, recurrence_NN, noise_TBN, membrane, start)
    last = {"v": v_BN, "a": a_BN, "i": i_BN, "u": v_BN - membrane.threshold(a_BN), "z": spikes_TBN[-1]}
    trace = {"z": spikes_TBN}
    if traced and tape is not None:
        trace |= _trace(neuron.reset, membrane, start, tape)
    return spikes_TBN, state._make(last[name] for name in state._fields), {name: trace[name] for name in record}


def _trace(reset: Reset, membrane: Membrane, start: MembraneState, tape: Tape) -> dict[str, Tensor]:
    """Everything of the state but z, [T, B, N] each."""
    found = {"v": voltages(reset, start, tape), "u": centred(membrane, reset, start, tape), "a": tape.a, "i": tape.i}
    return {name: values_TBN for name, values_TBN in found.items() if values_TBN is not None}
