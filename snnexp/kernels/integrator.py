"""The leaky integrator over a whole sequence: two first-order filters, one node of autograd's graph each."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from snnexp.kernels.native import filter
from snnexp.kernels.projection import Projection, dense
from snnexp.kernels.tape import earlier
from snnexp.kernels.tier import lacking
from snnexp.neurons.leaky_integrator import LeakyIntegrator, LeakyIntegratorState

# Shapes: T time, B batch, N neurons.


class _Filter(torch.autograd.Function):
    """y_t = decay y_{t-1} + x_t, from y_0 on; its gradient gx_t = gy_t + decay gx_{t+1} is the same from the end."""

    @staticmethod
    def forward(ctx: Any, x_TBN: Tensor, decay_N: Tensor, start_BN: Tensor) -> Tensor:
        y_TBN = _walk(x_TBN, decay_N, start_BN)
        ctx.save_for_backward(y_TBN, decay_N, start_BN)
        return y_TBN

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *given: Tensor) -> tuple[Tensor | None, ...]:
        y_TBN, decay_N, start_BN = ctx.saved_tensors
        _, to_decay, _ = ctx.needs_input_grad
        gx_TBN = _walk(given[0], decay_N, torch.zeros_like(start_BN), reverse=True)
        of_decay = (gx_TBN * earlier(start_BN, y_TBN)).sum((0, 1)) if to_decay else None
        return gx_TBN, of_decay, decay_N * gx_TBN[0]


def _walk(x_TBN: Tensor, decay_N: Tensor, start_BN: Tensor, reverse: bool = False) -> Tensor:
    """See `filter.walk`."""
    if not lacking(x_TBN.device, x_TBN.dtype):
        return filter.walk(x_TBN, decay_N, start_BN, reverse)
    y_TBN, y_BN = torch.empty_like(x_TBN), start_BN
    steps = range(len(x_TBN))
    for t in reversed(steps) if reverse else steps:
        y_BN = torch.addcmul(x_TBN[t], decay_N, y_BN, out=y_TBN[t])
    return y_TBN


def _filter(x_TBN: Tensor, decay_N: Tensor, start_BN: Tensor) -> Tensor:
    y_TBN: Tensor = _Filter.apply(x_TBN, decay_N, start_BN)  # type: ignore[no-untyped-call]
    return y_TBN


def run(
    neuron: LeakyIntegrator,
    currents: Tensor | Projection,
    recurrence_NN: Tensor | None,
    psi: Callable[[Tensor], Tensor],
    state: LeakyIntegratorState,
    noise_TBN: Tensor | None,
    detach_recurrent: bool,
    record: Sequence[str],
) -> tuple[Tensor, Any, dict[str, Tensor]]:
    """Outputs, last state and trace, as `unroll` gives them.

    All is computed in the precision of the constants, or of the currents where theirs is higher; autocast is off.
    Nothing fires, and a filter has no recurrence: `recurrence_NN` and `noise_TBN` have to be None.
    """
    assert recurrence_NN is None
    assert noise_TBN is None
    currents_TBN = dense(currents)
    synaptic_N, membrane_N = neuron.constants()
    dtype = torch.promote_types(currents_TBN.dtype, synaptic_N.dtype)
    tensors = (currents_TBN, synaptic_N, membrane_N, *state)
    with torch.autocast(currents_TBN.device.type, enabled=False):
        currents_TBN, synaptic_N, membrane_N, i_BN, z_BN = (tensor.to(dtype) for tensor in tensors)
        i_TBN = _filter(currents_TBN, synaptic_N, i_BN)
        z_TBN = _filter((1 - membrane_N) * earlier(i_BN, i_TBN), membrane_N, z_BN)
    trace = {"i": i_TBN, "z": z_TBN}
    return z_TBN, LeakyIntegratorState(i_TBN[-1], z_TBN[-1]), {name: trace[name] for name in record}
