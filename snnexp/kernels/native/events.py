"""Products with spikes: only the events, what is not 0, cost time."""

import ctypes
from itertools import pairwise
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from snnexp.kernels.native.call import Call, Value, integers, pointers, table, threads
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

    def arguments(self, columns: int) -> dict[str, Value]:
        """What every product with them is given, for so many columns."""
        sizes = {"K": len(self.counts), "I": self.inputs, "N": columns, "threads": threads(len(self.counts) * columns)}
        places: dict[str, Value] = {"begins": self.begins, "counts": self.counts}
        return {**sizes, **places, "indices": self.indices, "values": self.values}


def density(x_KI: Tensor) -> float:
    """The fraction that is not 0, of some two hundred rows."""
    some_KI = x_KI[:: max(1, len(x_KI) // 200)]
    return int((some_KI != 0).sum()) / max(1, some_KI.numel())


class Scan:
    """The events of dense matrices of up to so many rows, one after another; those of the last one.

    There is room for as many as there could be, of which only what is written is memory.
    """

    def __init__(self, rows: int, inputs: int, like: Tensor) -> None:
        parts = threads(rows * inputs)
        room = rows * inputs + parts * library(like.dtype).slack()
        begins, counts = torch.empty(2, rows, dtype=torch.int64).unbind()
        self.events = Events(inputs, begins, counts, torch.empty(room, dtype=torch.int32), like.new_empty(room))
        given = self.events._asdict() | {"I": inputs, "threads": parts}
        del given["inputs"]
        self.call = Call("list", Arguments, like.dtype, given)

    def look(self, x_KI: Tensor) -> None:
        self.call(K=len(x_KI), x=x_KI)


def scan(x_KI: Tensor) -> Events:
    """The events of a dense matrix."""
    done = Scan(len(x_KI), x_KI.shape[1], x_KI)
    done.look(x_KI)
    return done.events


def find(x_KI: Tensor) -> Events:
    """The events of a dense matrix, to be kept: without room for more."""
    inputs, begins, counts, indices, values = scan(x_KI)
    ends = counts.cumsum(0)
    wide = begins + counts  # threads have left gaps between their parts, which are to go
    borders = [0, *(torch.nonzero(begins[1:] != wide[:-1]).flatten() + 1).tolist(), len(counts)]
    places = [slice(int(begins[first]), int(wide[last - 1])) for first, last in pairwise(borders) if last > first]
    kept = [torch.cat([room[place] for place in places] or [room[:0]]) for room in (indices, values)]
    return Events(inputs, ends - counts, counts, *kept)


class Multiply:
    """x W^T + bias, for some rows of x at a time."""

    def __init__(self, events: Events, weight_NI: Tensor, bias_N: Tensor | None) -> None:
        self.events, weights = events, table(weight_NI.t())
        given: dict[str, Value] = {"weight": weights, "stride": weights.shape[1], "bias": bias_N}
        self.call = Call("multiply", Arguments, weight_NI.dtype, events.arguments(len(weight_NI)) | given)

    def into(self, out_KN: Tensor, rows: slice) -> None:
        begins, counts = self.events.begins[rows], self.events.counts[rows]
        self.call(K=len(counts), begins=begins, counts=counts, out=out_KN)


class Outer:
    """gradient^T x [N, I], summed over some rows at a time."""

    def __init__(self, columns: int, events: Events) -> None:
        dtype, self.columns, self.events = events.values.dtype, columns, events
        width = library(dtype).beside()
        self.panels = events.values.new_zeros(-(-columns // width), events.inputs, width)
        self.call = Call("outer", Arguments, dtype, events.arguments(columns) | {"out": self.panels})

    def add(self, gradient_KN: Tensor, rows: slice) -> None:
        begins, counts = self.events.begins[rows], self.events.counts[rows]
        self.call(K=len(counts), begins=begins, counts=counts, gradient=gradient_KN)

    def total(self) -> Tensor:
        return self.panels.transpose(1, 2).flatten(0, 1)[: self.columns]


def weight_gradient(gradient_KN: Tensor, x_KI: Tensor) -> Tensor:
    """gradient^T x [N, I], by events where there are few."""
    if density(x_KI) > OFTEN_GRADIENT:
        return gradient_KN.t() @ x_KI
    outer = Outer(gradient_KN.shape[1], scan(x_KI))
    outer.add(gradient_KN, slice(None))
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
        Multiply(events, weight_NI, bias_N).into(out_KN, slice(None))
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
            outer = Outer(len(weight_NI), Events(ctx.inputs, *kept))
            outer.add(gradient_KN, slice(None))
            of_weight = outer.total()
        return gradient_KN @ weight_NI if to_x else None, of_weight, gradient_KN.sum(0) if to_bias else None


def linear(x: Tensor, weight_NI: Tensor, bias_N: Tensor | None) -> Tensor:
    """x W^T + bias as torch's, x [..., I]; forward, backward or both by events, where x has few."""
    x_KI = x.reshape(-1, x.shape[-1]).contiguous()
    out_KN: Tensor = _Linear.apply(x_KI, weight_NI, bias_N)  # type: ignore[no-untyped-call]
    return out_KN.view(*x.shape[:-1], -1)
