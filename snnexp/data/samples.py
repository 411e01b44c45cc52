"""The samples of one split, held small in memory and unfolded into dense frames a batch at a time.

Shapes: S samples of the split, T steps, B samples of a batch, I input channels, P bytes of I packed bits.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Protocol, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import Dataset

from snnexp.data.encoding import NEVER, first_spike_frames
from snnexp.kernels.native import library, raster
from snnexp.kernels.native.raster import Raster


class Loaded(Protocol):
    """What a loader yields; the first axis of the inputs is time, not the batch.

    It is a named tuple of tensors, so that Lightning brings it to the device. There `inputs` unfolds what has travelled
    small, each time that it is asked for; `sparse` leaves it small where a network reads spikes.
    """

    @property
    def inputs(self) -> Tensor: ...  # x_TBI, float32; or words [T, B], int64: see `streams`
    @property
    def sparse(self) -> Tensor | Raster: ...  # the inputs; by their spikes, where these are few and on a CPU
    @property
    def targets(self) -> Tensor: ...  # [B], int64; or one at every step, [T, B]


class Batch(NamedTuple):
    """A batch that is dense already."""

    inputs: Tensor  # x_TBI, float32
    targets: Tensor  # [B], int64

    @property
    def sparse(self) -> Tensor:
        return self.inputs


class PackedBatch(NamedTuple):
    """A batch of bits."""

    bits: Tensor  # [T, B, P], uint8
    targets: Tensor  # [B], int64
    channels: int

    @property
    def inputs(self) -> Tensor:
        return unpack(self.bits, self.channels)

    @property
    def sparse(self) -> Tensor:
        return self.inputs


class Samples(Dataset[Loaded], ABC):
    """A split that a loader asks for whole batches, by a list of indices."""

    targets: Tensor  # [S], int64

    @abstractmethod
    def frames(self, indices: Sequence[int]) -> Tensor:
        """Dense input x_TBI of these samples, float32."""

    @abstractmethod
    def first(self, count: int) -> Self:
        """The first `count` samples, without a copy."""

    def __len__(self) -> int:
        return len(self.targets)

    def __getitems__(self, indices: list[int]) -> list[Loaded]:
        """The whole batch, as one item."""
        return [Batch(self.frames(indices), self.targets[indices])]

    def moments(self) -> tuple[float, float]:
        """Mean and mean square of the input over all samples, steps and channels."""
        total, squares, count = 0.0, 0.0, 0
        for start in range(0, len(self), 256):
            x_TBI = self.frames(range(start, min(start + 256, len(self)))).double()
            total += x_TBI.sum().item()
            squares += x_TBI.square().sum().item()
            count += x_TBI.numel()
        return total / count, squares / count


@dataclass(frozen=True, eq=False)
class OneSpike(Samples):
    """At most one spike a channel, held as its step."""

    times: Tensor  # [S, I], int16, NEVER where silent
    targets: Tensor  # [S], int64
    steps: int

    def frames(self, indices: Sequence[int]) -> Tensor:
        return first_spike_frames(self.times[indices], self.steps)

    def first(self, count: int) -> Self:
        return replace(self, times=self.times[:count], targets=self.targets[:count])

    def moments(self) -> tuple[float, float]:
        """As everywhere, but counted from the times: a spike is its own square."""
        rate = (self.times != NEVER).sum().item() / (self.times.numel() * self.steps)
        return rate, rate


@dataclass(frozen=True, eq=False)
class Packed(Samples):
    """Any binary frames, held as bits."""

    bits: NDArray[np.uint8]  # [S, T, P]
    targets: Tensor  # [S], int64
    inputs: int

    def frames(self, indices: Sequence[int]) -> Tensor:
        return self._batch(indices).inputs

    def __getitems__(self, indices: list[int]) -> list[Loaded]:
        return [self._batch(indices)]

    def _batch(self, indices: Sequence[int]) -> PackedBatch:
        # Time-major while still packed: a fraction of the bytes to move.
        bits_TBP = np.ascontiguousarray(self.bits[indices].transpose(1, 0, 2))
        return PackedBatch(torch.from_numpy(bits_TBP), self.targets[indices], self.inputs)

    def select(self, rows: NDArray[np.int64]) -> Self:
        """These samples, in this order; a copy."""
        return replace(self, bits=self.bits[rows], targets=self.targets[rows])

    def first(self, count: int) -> Self:
        return replace(self, bits=self.bits[:count], targets=self.targets[:count])

    def moments(self) -> tuple[float, float]:
        """As everywhere, but counted from the bits: a spike is its own square."""
        samples, steps, _ = self.bits.shape
        rate = int(np.bitwise_count(self.bits).sum(dtype=np.int64)) / (samples * steps * self.inputs)
        return rate, rate


@dataclass(frozen=True, eq=False)
class Standardised(Samples):
    """Other samples with a mean taken off, divided by a standard deviation; dense wherever they travel."""

    samples: Samples
    mean: float
    sd: float

    @property
    def targets(self) -> Tensor:  # type: ignore[override]
        return self.samples.targets

    def frames(self, indices: Sequence[int]) -> Tensor:
        return (self.samples.frames(indices) - self.mean) / self.sd

    def first(self, count: int) -> Self:
        return replace(self, samples=self.samples.first(count))

    def moments(self) -> tuple[float, float]:
        """As everywhere, but from those of the other samples."""
        mean, square = self.samples.moments()
        return (mean - self.mean) / self.sd, (square - 2 * self.mean * mean + self.mean**2) / self.sd**2


EIGHT = torch.from_numpy(np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1)).view(torch.int64).squeeze(1)
"""The eight bits of every byte, each as a byte of its own, read as one integer: one look-up for eight channels."""


def unpack(bits: Tensor, channels: int) -> Tensor:
    """The first `channels` bits (0 or 1) of packed bytes [..., P], the highest bit of a byte first.

    They are of torch's default type: Lightning makes it that of the weights during a step.
    """
    dtype = torch.get_default_dtype()
    if not library.lacking(bits.device, dtype):
        return raster.from_bits(bits.reshape(-1, bits.shape[-1]), channels, dtype).view(*bits.shape[:-1], channels)
    return EIGHT.to(bits.device)[bits.int()].view(torch.uint8)[..., :channels].to(dtype)
