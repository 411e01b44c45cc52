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
    """`Product` of events.cpp."""

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
        """Some of the rows, without a copy."""
        return self._replace(begins=self.begins[rows], counts=self.counts[rows])

    def places(self, name: str) -> dict[str, Value]:
        """Its tensors, as arguments of that name."""
        return {f"{name}_{field}": getattr(self, field) for field in ("begins", "counts", "indices", "values")}

    def arguments(self, columns: int) -> dict[str, Value]:
        """What every product with them is given, for so many columns."""
        rows = len(self.counts)
        sizes = {"K": rows, "I": self.inputs, "N": columns, "threads": min(max(1, rows), threads(rows * columns))}
        places: dict[str, Value] = {"begins": self.begins, "counts": self.counts}
        return {**sizes, **places, "indices": self.indices, "values": self.values}


def density(x_KI: Tensor) -> float:
    """The fraction that is not 0, of some two hundred rows."""
    some_KI = x_KI[:: max(1, len(x_KI) // 200)]
    return int((some_KI != 0).sum()) / max(1, some_KI.numel())


def room(rows: int, inputs: int, like: Tensor) -> Events:
    """Room for the events of so many rows, as many as there could be; only what is written of it is memory."""
    width = inputs + library(like.dtype).slack()
    begins, counts = torch.arange(0, rows * width, width), torch.empty(rows, dtype=torch.int64)
    indices = torch.empty(rows * width, dtype=torch.int32)
    return Events(inputs, begins, counts, indices, like.new_empty(rows * width))


def scan(x_KI: Tensor) -> Events:
    """The events of a dense matrix; there is room for more."""
    rows, inputs = x_KI.shape
    found = room(rows, inputs, x_KI)
    Call("list", Arguments, x_KI.dtype, found.arguments(inputs) | {"x": x_KI})()
    return found


def find(x_KI: Tensor) -> Events:
    """The events of a dense matrix, to be kept: without room for more."""
    inputs, begins, counts, indices, values = scan(x_KI)
    ends = counts.cumsum(0)
    wide = begins + counts  # threads have left gaps between their parts, which are to go
    borders = [0, *(torch.nonzero(begins[1:] != wide[:-1]).flatten() + 1).tolist(), len(counts)]
    places = [slice(int(begins[first]), int(wide[last - 1])) for first, last in pairwise(borders) if last > first]
    kept = [torch.cat([room[place] for place in places] or [room[:0]]) for room in (indices, values)]
    return Events(inputs, ends - counts, counts, *kept)


def multiply(x: Events, weight_NI: Tensor, bias_N: Tensor | None) -> Tensor:
    """x W^T + bias [K, N]."""
    out_KN, weights = weight_NI.new_empty(len(x.counts), len(weight_NI)), table(weight_NI.t())
    given: dict[str, Value] = {"weight": weights, "stride": weights.shape[1], "bias": bias_N, "out": out_KN}
    Call("multiply", Arguments, weight_NI.dtype, x.arguments(len(weight_NI)) | given)()
    return out_KN


class Sums:
    """A matrix [N, I] of zeros, to which outer products with events are added: in panels of columns."""

    def __init__(self, columns: int, inputs: int, like: Tensor) -> None:
        self.columns, width = columns, library(like.dtype).beside()
        self.panels = like.new_zeros(-(-columns // width), inputs, width)

    def total(self) -> Tensor:
        return self.panels.transpose(1, 2).flatten(0, 1)[: self.columns]


def outer(gradient_KN: Tensor, x: Events) -> Tensor:
    """gradient^T x [N, I]."""
    columns = gradient_KN.shape[1]
    sums = Sums(columns, x.inputs, gradient_KN)
    given: dict[str, Value] = {"gradient": gradient_KN, "out": sums.panels}
    Call("outer", Arguments, gradient_KN.dtype, x.arguments(columns) | given)()
    return sums.total()


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
        return multiply(events, weight_NI, bias_N)

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
            of_weight = outer(gradient_KN, Events(ctx.inputs, *kept))
        return gradient_KN @ weight_NI if to_x else None, of_weight, gradient_KN.sum(0) if to_bias else None


def linear(x: Tensor, weight_NI: Tensor, bias_N: Tensor | None) -> Tensor:
    """x W^T + bias as torch's, x [..., I]; forward, backward or both by events, where x has few."""
    x_KI = x.reshape(-1, x.shape[-1]).contiguous()
    out_KN: Tensor = _Linear.apply(x_KI, weight_NI, bias_N)  # type: ignore[no-untyped-call]
    return out_KN.view(*x.shape[:-1], -1)
