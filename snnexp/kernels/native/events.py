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
        *pointers("x weight bias gradient begins counts indices values out"),
    ]


class Events(NamedTuple):
    """A matrix [K, I] by what is not 0 in it: where, and its values.

    Row k's events stand from begins[k] on and are counts[k].
    """

    inputs: int
    begins: Tensor
    counts: Tensor
    indices: Tensor
    values: Tensor

    def rows(self, rows: slice) -> "Events":
        """Some rows of it, without a copy."""
        return self._replace(begins=self.begins[rows], counts=self.counts[rows])

    def arguments(self, columns: int) -> dict[str, Value]:
        """What every product with them is given, for so many columns."""
        sizes = {"K": len(self.counts), "I": self.inputs, "N": columns, "threads": threads(len(self.counts) * columns)}
        places: dict[str, Value] = {"begins": self.begins, "counts": self.counts}
        return {**sizes, **places, "indices": self.indices, "values": self.values}


def density(x_KI: Tensor) -> float:
    """The fraction that is not 0, of some two hundred rows."""
    some_KI = x_KI[:: max(1, len(x_KI) // 200)]
    return int((some_KI != 0).sum()) / max(1, some_KI.numel())


def scan(x_KI: Tensor) -> Events:
    """The events of a dense matrix, in room for as many as there could be, of which only what is written is memory."""
    rows, inputs = x_KI.shape
    parts = threads(x_KI.numel())
    room = x_KI.numel() + parts * library(x_KI.dtype).slack()
    indices, values = torch.empty(room, dtype=torch.int32), x_KI.new_empty(room)
    begins, counts = torch.empty(2, rows, dtype=torch.int64).unbind()
    given: dict[str, Value] = {"K": rows, "I": inputs, "threads": parts, "x": x_KI, "begins": begins, "counts": counts}
    call("list", Arguments, x_KI.dtype, given | {"indices": indices, "values": values})
    return Events(inputs, begins, counts, indices, values)


def find(x_KI: Tensor) -> Events:
    """The events of a dense matrix, to be kept: without room for more."""
    inputs, begins, counts, indices, values = scan(x_KI)
    ends = counts.cumsum(0)
    wide = begins + counts  # threads have left gaps between their parts, which are to go
    borders = [0, *(torch.nonzero(begins[1:] != wide[:-1]).flatten() + 1).tolist(), len(counts)]
    places = [
        slice(int(begins[first]), int(wide[last - 1]))
        for first, last in zip(borders, borders[1:], strict=False)
        if last > first
    ]
    kept = [torch.cat([room[place] for place in places] or [room[:0]]) for room in (indices, values)]
    return Events(inputs, ends - counts, counts, *kept)


def multiply(events: Events, weights: Tensor, bias_N: Tensor | None, out_KN: Tensor) -> None:
    """Writes x W^T + bias into `out`; weights: W^T as a `table`."""
    given: dict[str, Value] = {"weight": weights, "stride": weights.shape[1], "bias": bias_N, "out": out_KN}
    call("multiply", Arguments, out_KN.dtype, events.arguments(out_KN.shape[1]) | given)


class Outer:
    """The sum of gradient^T x over some parts of the rows, [N, I]."""

    def __init__(self, columns: int, inputs: int, like: Tensor) -> None:
        width = library(like.dtype).beside()
        self.columns, self.panels = columns, like.new_zeros(-(-columns // width), inputs, width)

    def add(self, gradient_KN: Tensor, events: Events) -> None:
        given: dict[str, Value] = {"gradient": gradient_KN, "out": self.panels}
        call("outer", Arguments, gradient_KN.dtype, events.arguments(self.columns) | given)

    def total(self) -> Tensor:
        return self.panels.transpose(1, 2).flatten(0, 1)[: self.columns]


def weight_gradient(gradient_KN: Tensor, x_KI: Tensor) -> Tensor:
    """gradient^T x [N, I], by events where there are few."""
    if density(x_KI) > OFTEN_GRADIENT:
        return gradient_KN.t() @ x_KI
    outer = Outer(gradient_KN.shape[1], x_KI.shape[1], gradient_KN)
    outer.add(gradient_KN, scan(x_KI))
    return outer.total()


class _Linear(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x_KI: Tensor, weight_NI: Tensor, bias_N: Tensor | None) -> Tensor:
        rate = density(x_KI)
        events = find(x_KI) if rate <= OFTEN_PRODUCT else None
        ctx.inputs = x_KI.shape[1]
        kept = events[1:] if events is not None and rate <= OFTEN_GRADIENT else (x_KI,)
        ctx.save_for_backward(weight_NI, *kept)
        if events is None:
            return functional.linear(x_KI, weight_NI, bias_N)
        out_KN = x_KI.new_empty(len(x_KI), len(weight_NI))
        multiply(events, table(weight_NI.t()), bias_N, out_KN)
        return out_KN

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        weight_NI, *kept = ctx.saved_tensors
        (gradient_KN,) = gradients
        gradient_KN = gradient_KN.contiguous()
        to_x, to_weight, to_bias = ctx.needs_input_grad
        of_weight = None
        if to_weight and len(kept) == 1:
            of_weight = gradient_KN.t() @ kept[0]
        elif to_weight:
            outer = Outer(len(weight_NI), ctx.inputs, gradient_KN)
            outer.add(gradient_KN, Events(ctx.inputs, *kept))
            of_weight = outer.total()
        return gradient_KN @ weight_NI if to_x else None, of_weight, gradient_KN.sum(0) if to_bias else None


def linear(x: Tensor, weight_NI: Tensor, bias_N: Tensor | None) -> Tensor:
    """x W^T + bias as torch's, x [..., I]; forward, backward or both by events, where x has few."""
    x_KI = x.reshape(-1, x.shape[-1]).contiguous()
    out_KN: Tensor = _Linear.apply(x_KI, weight_NI, bias_N)  # type: ignore[no-untyped-call]
    return out_KN.view(*x.shape[:-1], -1)
