"""LSTMs, spiking or not, over a whole sequence, as one node of autograd's graph."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from snnexp.kernels.activations import Activations, GateTape, Smooth, Spiking
from snnexp.kernels.gate_tier import fastest
from snnexp.kernels.projection import Projection, dense
from snnexp.neurons.lstm import LSTM
from snnexp.neurons.slstm import SLSTM

# Shapes: T time, B batch, N neurons, G = 4 N: input gate, forget gate, output gate, candidate.


class Rules(NamedTuple):
    """What is no tensor; `through_recurrence`: gradients flow through R to earlier outputs."""

    activations: Activations
    through_recurrence: bool


class _Sequence(torch.autograd.Function):
    """Gives outputs and last cell, which have gradients, and all cells, which have none."""

    @staticmethod
    def forward(ctx, rules, currents_TBG, recurrence_GN, bias, c_BN, z_BN):  # type: ignore[no-untyped-def]
        tier = fastest(currents_TBG.device, currents_TBG.dtype)
        tape = tier.forward(rules.activations, bias, currents_TBG, recurrence_GN, c_BN, z_BN)
        ctx.rules = rules
        ctx.save_for_backward(recurrence_GN, c_BN, z_BN, *tape)
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(tape.c)
        return tape.z, tape.c[-1].clone(), tape.c

    @staticmethod
    @once_differentiable
    def backward(ctx, given_z_TBN, given_c_BN, _):  # type: ignore[no-untyped-def]
        recurrence_GN, c_BN, z_BN, *kept = ctx.saved_tensors
        tape, rules = GateTape(*kept), ctx.rules
        _, _, to_recurrence, to_bias, *_ = ctx.needs_input_grad
        with torch.autocast(c_BN.device.type, enabled=False):
            currents_TBG, recurrence, c, z = fastest(c_BN.device, c_BN.dtype).backward(
                recurrence_GN,
                c_BN,
                z_BN,
                tape,
                rules.activations,
                given_z_TBN,
                given_c_BN,
                rules.through_recurrence,
                to_recurrence,
            )
        return None, currents_TBG, recurrence, currents_TBG.sum((0, 1)) if to_bias else None, c, z


def run(
    neuron: LSTM | SLSTM,
    currents: Tensor | Projection,
    recurrence_GN: Tensor | None,
    psi: Callable[[Tensor], Tensor],
    state: Any,
    noise_TBN: Tensor | None,
    detach_recurrent: bool,
    record: Sequence[str],
) -> tuple[Tensor, Any, dict[str, Tensor]]:
    """Outputs, last state and trace, as `unroll` gives them; of the trace only z has a gradient.

    All is computed in the precision of the bias, or of the currents where theirs is higher; autocast is off. There is
    no escape noise for gates: `noise_TBN` has to be None.
    """
    assert noise_TBN is None
    currents_TBG = dense(currents)
    dtype = torch.promote_types(currents_TBG.dtype, neuron.bias.dtype)
    tensors = (
        tensor if tensor is None else tensor.to(dtype)
        for tensor in (currents_TBG, recurrence_GN, neuron.bias, state.c, state.z)
    )
    rules = Rules(Spiking(psi) if neuron.spiking else Smooth(), not detach_recurrent)
    with torch.autocast(currents_TBG.device.type, enabled=False):
        z_TBN, c_BN, c_TBN = _Sequence.apply(rules, *tensors)  # type: ignore[no-untyped-call]
    last = {"c": c_BN, "u": c_BN, "z": z_TBN[-1]}
    values = {"c": c_TBN, "u": c_TBN, "z": z_TBN}
    return z_TBN, state._make(last[name] for name in state._fields), {name: values[name] for name in record}
