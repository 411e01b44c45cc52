"""Products with spikes: only the events, what is not 0, cost time."""

import ctypes
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from snnexp.kernels.native.call import Value, call, integers, pointers, table, threads

# Shapes: K rows (time x batch), I inputs, N neurons.

OFTEN_PRODUCT, OFTEN_GRADIENT = 0.45, 0.2  # densities above which the dense product is the faster one


class Arguments(ctypes.Structure):
    """`Events` of events.cpp."""

    _fields_ = [
        *integers("K I N threads stride"),
        *pointers("x weight bias gradient counts offsets indices values out"),
    ]


class Events(NamedTuple):
    """A matrix [K, I] by what is not 0 in it: where, and its values.

    Row k's events stand from offsets[k] to offsets[k + 1], offsets [K + 1].
    """

    inputs: int
    offsets: Tensor
    indices: Tensor
    values: Tensor

    @property
    def density(self) -> float:
        """The fraction that is not 0."""
        return len(self.values) / max(1, (len(self.offsets) - 1) * self.inputs)

    def arguments(self, columns: int) -> dict[str, Value]:
        """What every product with them is given, for so many columns."""
        sizes = {"K": len(self.offsets) - 1, "I": self.inputs, "N": columns, "threads": threads()}
        return {**sizes, "offsets": self.offsets, "indices": self.indices, "values": self.values}


def find(x_KI: Tensor, often: float) -> Events | None:
    """The events of a dense matrix; None where more than the fraction `often` of it is not 0."""
    rows, inputs = x_KI.shape
    counts = torch.empty(rows, dtype=torch.int64)
    given: dict[str, Value] = {"K": rows, "I": inputs, "threads": threads(), "x": x_KI, "counts": counts}
    call("count", Arguments, x_KI.dtype, given)
    offsets = functional.pad(counts.cumsum(0), (1, 0))
    total = int(offsets[-1])
    if total > often * x_KI.numel():
        return None
    events = Events(inputs, offsets, torch.empty(total, dtype=torch.int32), x_KI.new_empty(total))
    call("list", Arguments, x_KI.dtype, events.arguments(0) | {"x": x_KI})
    return events


def multiply(events: Events, weight_NI: Tensor, bias_N: Tensor | None) -> Tensor:
    """x W^T + bias, [K, N]."""
    out_KN = weight_NI.new_empty(len(events.offsets) - 1, len(weight_NI))
    weights = table(weight_NI.t())
    given: dict[str, Value] = {"weight": weights, "stride": weights.shape[1], "bias": bias_N, "out": out_KN}
    call("multiply", Arguments, weight_NI.dtype, events.arguments(len(weight_NI)) | given)
    return out_KN


def outer(gradient_KN: Tensor, events: Events) -> Tensor:
    """gradient^T x, [N, I]."""
    columns = gradient_KN.shape[1]
    out_NI = gradient_KN.new_empty(columns, events.inputs)
    given: dict[str, Value] = {"gradient": gradient_KN, "out": out_NI}
    call("outer", Arguments, gradient_KN.dtype, events.arguments(columns) | given)
    return out_NI


def weight_gradient(gradient_KN: Tensor, x_KI: Tensor) -> Tensor:
    """gradient^T x [N, I], by events where there are few."""
    events = find(x_KI, OFTEN_GRADIENT)
    return gradient_KN.t() @ x_KI if events is None else outer(gradient_KN, events)


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_KI: Tensor, weight_NI: Tensor, bias_N: Tensor | None) -> Tensor:
        events = find(x_KI, OFTEN_PRODUCT)
        ctx.events = events if events is not None and events.density < OFTEN_GRADIENT else None
        ctx.save_for_backward(weight_NI, x_KI if ctx.events is None else None)
        if events is None:
            return functional.linear(x_KI, weight_NI, bias_N)
        return multiply(events, weight_NI, bias_N)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        weight_NI, x_KI = ctx.saved_tensors
        (gradient_KN,) = gradients
        gradient_KN = gradient_KN.contiguous()
        to_x, to_weight, to_bias = ctx.needs_input_grad
        of_weight = None
        if to_weight:
            of_weight = gradient_KN.t() @ x_KI if ctx.events is None else outer(gradient_KN, ctx.events)
        return gradient_KN @ weight_NI if to_x else None, of_weight, gradient_KN.sum(0) if to_bias else None


def linear(x: Tensor, weight_NI: Tensor, bias_N: Tensor | None) -> Tensor:
    """x W^T + bias as torch's, x [..., I]; forward, backward or both by events, where x has few."""
    x_KI = x.reshape(-1, x.shape[-1]).contiguous()
    out_KN: Tensor = _Linear.apply(x_KI, weight_NI, bias_N)  # type: ignore[no-untyped-call]
    return out_KN.view(*x.shape[:-1], -1)
