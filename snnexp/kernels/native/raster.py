"""Input sequences by their spikes."""

import ctypes
from collections.abc import Callable
from typing import NamedTuple, Self

import torch
from torch import Tensor

from snnexp.kernels.native.call import Call, Value, integers, pointers, threads
from snnexp.kernels.native.events import Events

# Shapes: T time, B batch, I inputs, K = T x B rows, G bytes of gaps, P bytes of I packed bits.


class Arguments(ctypes.Structure):
    """`Raster` of raster.cpp."""

    _fields_ = [*integers("T B I P threads broken"), *pointers("bytes starts begins counts indices values out")]


class Raster(NamedTuple):
    """x [T, B, I] by the events of its rows [T x B, I], on a CPU.

    A product with it costs what its spikes cost, and its zeros never stand in memory.
    """

    events: Events
    shape: tuple[int, int, int]

    @property
    def density(self) -> float:
        """The fraction that is an event."""
        steps, batch, inputs = self.shape
        return int(self.events.counts.sum()) / max(1, steps * batch * inputs)

    def map(self, change: Callable[[Tensor], Tensor]) -> Self:
        """The same events with other values."""
        return self._replace(events=self.events._replace(values=change(self.events.values)))

    def to(self, dtype: torch.dtype) -> Self:
        """The same in another precision."""
        return self.map(lambda values: values.to(dtype))

    def repeat(self, times: int) -> Self:
        """Every step so many times over."""
        steps, batch, inputs = self.shape
        begins, counts = (
            of.view(steps, batch).repeat_interleave(times, 0).flatten()
            for of in (self.events.begins, self.events.counts)
        )
        return self._replace(
            events=self.events._replace(begins=begins, counts=counts), shape=(steps * times, batch, inputs)
        )

    def frames(self) -> Tensor:
        """x_TBI, dense."""
        _, begins, counts, indices, values = self.events
        out_TBI = values.new_empty(self.shape)
        _call("from_events", out_TBI, begins=begins, counts=counts, indices=indices, values=values, out=out_TBI)
        return out_TBI


def frames(x: Tensor | Raster) -> Tensor:
    """x [T, B, I], dense."""
    return x.frames() if isinstance(x, Raster) else x


def from_gaps(gaps_G: Tensor, starts: Tensor, steps: int, channels: int, dtype: torch.dtype) -> Raster:
    """The spikes of samples whose gaps begin at `starts` [B + 1], the end among them; for gaps see `data.gaps`.

    Raises IndexError where gaps lead out of the frames.
    """
    batch = len(starts) - 1
    sizes: dict[str, Value] = {"T": steps, "B": batch, "I": channels, "threads": threads(len(gaps_G))}
    counts = torch.zeros(steps * batch, dtype=torch.int64)
    given: dict[str, Value] = {"bytes": gaps_G, "starts": starts, "counts": counts}
    count = Call("count_gaps", Arguments, dtype, sizes | given)
    count()
    if count.structure.broken:
        raise IndexError(f"gaps lead out of {steps} steps of {channels} channels")
    ends = counts.cumsum(0)
    begins, spikes = ends - counts, int(ends[-1])
    indices, values = torch.empty(spikes, dtype=torch.int32), torch.ones(spikes, dtype=dtype)
    Call("list_gaps", Arguments, dtype, sizes | given | {"begins": begins, "indices": indices})()
    return Raster(Events(channels, begins, counts, indices, values), (steps, batch, channels))


def from_bits(bits_KP: Tensor, channels: int, dtype: torch.dtype) -> Tensor:
    """The first `channels` bits of packed rows, dense [K, channels]."""
    out_KI = torch.empty(len(bits_KP), channels, dtype=dtype)
    _call("from_bits", out_KI.unsqueeze(1), P=bits_KP.shape[1], bytes=bits_KP.contiguous(), out=out_KI)
    return out_KI


def _call(function: str, like_TBI: Tensor, **values: Value) -> None:
    sizes: dict[str, Value] = dict(zip("TBI", like_TBI.shape, strict=True))
    Call(function, Arguments, like_TBI.dtype, sizes | {"threads": threads(like_TBI.numel())} | values)()
