"""Products with spikes: only the events, what is not 0, cost time."""

import ctypes
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from snnexp.kernels.native.call import Value, call, integers, pointers, table, threads
from snnexp.kernels.native.library import library

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

    def arguments(self, columns: int) -> dict[str, Value]:
        """What every product with them is given, for so many columns."""
        sizes = {"K": len(self.offsets) - 1, "I": self.inputs, "N": columns, "threads": threads()}
        return {**sizes, "offsets": self.offsets, "indices": self.indices, "values": self.values}


def density(x_KI: Tensor) -> float:
    """The fraction that is not 0, of some two hundred rows."""
    some_KI = x_KI[:: max(1, len(x_KI) // 200)]
    return int(some_KI.count_nonzero()) / max(1, some_KI.numel())


def find(x_KI: Tensor) -> Events:
    """The events of a dense matrix."""
    rows, inputs = x_KI.shape
    parts, slack = threads(), library(x_KI.dtype).slack()
    # Room for all, of which only what is written takes memory; then without the gaps between the threads' parts.
    room = x_KI.numel() + parts * slack
    indices, values = torch.empty(room, dtype=torch.int32), x_KI.new_empty(room)
    counts = torch.empty(rows, dtype=torch.int64)
    given: dict[str, Value] = {"K": rows, "I": inputs, "threads": parts, "x": x_KI, "counts": counts}
    call("list", Arguments, x_KI.dtype, given | {"indices": indices, "values": values})
    offsets = functional.pad(counts.cumsum(0), (1, 0))
    first = [rows * part // parts for part in range(parts + 1)]
    found = offsets[first].diff().tolist()
    places = [slice(at := row * inputs + part * slack, at + found[part]) for part, row in enumerate(first[:-1])]
    return Events(inputs, offsets, torch.cat([indices[s] for s in places]), torch.cat([values[s] for s in places]))


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
    if density(x_KI) > OFTEN_GRADIENT:
        return gradient_KN.t() @ x_KI
    return outer(gradient_KN, find(x_KI))


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_KI: Tensor, weight_NI: Tensor, bias_N: Tensor | None) -> Tensor:
        rate = density(x_KI)
        events = find(x_KI) if rate <= OFTEN_PRODUCT else None
        ctx.events = events if rate <= OFTEN_GRADIENT else None
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
