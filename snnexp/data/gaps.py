"""Spikes as the gaps between them: about a byte a spike, unfolded where the network is.

The places step x channels + channel of a sample's spikes, in rising order, are held as the distances from one to the
next, the first from -1. A byte g > 0 goes g places on, to a spike; a byte 0 goes 255 places on, to none.

Shapes: S samples of a split, G bytes, T steps, B samples of a batch, I input channels, E spikes of a sample.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from snnexp.data.samples import Loaded, Samples
from snnexp.kernels.native import library, raster
from snnexp.kernels.native.raster import Raster

LEAP = 255


class GapBatch(NamedTuple):
    """A batch of gaps."""

    gaps: Tensor  # [G], uint8, one sample after the other
    lengths: Tensor  # [B], int64: bytes of each sample
    targets: Tensor  # [B], int64
    steps: int
    channels: int

    @property
    def inputs(self) -> Tensor:
        return raster.frames(self.sparse)

    @property
    def sparse(self) -> Tensor | Raster:
        dtype = torch.get_default_dtype()
        if library.lacking(self.gaps.device, dtype):
            return decode(self.gaps, self.lengths, self.steps, self.channels)
        starts = torch.cat([self.lengths.new_zeros(1), self.lengths.cumsum(0)])
        return raster.from_gaps(self.gaps, starts, self.steps, self.channels, dtype)


def encode(steps_E: NDArray[np.integer], channels_E: NDArray[np.integer], channels: int) -> NDArray[np.uint8]:
    """The gaps of one sample's spikes, given in any order; several in one place are one."""
    places = np.unique(steps_E.astype(np.int64) * channels + channels_E)
    beyond = np.diff(places, prepend=-1) - 1
    leaps = beyond // LEAP
    gaps = np.zeros(len(places) + int(leaps.sum()), np.uint8)
    gaps[np.cumsum(leaps + 1) - 1] = beyond % LEAP + 1
    return gaps


def decode(gaps_G: Tensor, lengths_B: Tensor, steps: int, channels: int) -> Tensor:
    """Dense frames x_TBI (0 or 1, of torch's default type, as in `samples.unpack`), on the device of the gaps."""
    batch, size = len(lengths_B), len(gaps_G)
    place_G = torch.where(gaps_G == 0, LEAP, gaps_G).cumsum(0)
    before_B = torch.cat([place_G.new_zeros(1), place_G])[lengths_B.cumsum(0) - lengths_B]
    place_G -= (before_B + 1).repeat_interleave(lengths_B, output_size=size)
    # From step x channels + channel of a sample to (step x batch + sample) x channels + channel; in place, since on a
    # CPU fresh memory is what takes the time.
    step_G = place_G // channels
    place_G += step_G.mul_((batch - 1) * channels)
    first_B = torch.arange(0, batch * channels, channels, device=gaps_G.device)
    place_G += first_B.repeat_interleave(lengths_B, output_size=size)
    x_TBI = torch.zeros(steps, batch, channels, device=gaps_G.device)
    # Where a leap ends is no spike, so that its 0 overwrites nothing.
    x_TBI.view(-1).scatter_(0, place_G, (gaps_G != 0).to(x_TBI))
    return x_TBI


@dataclass(frozen=True, eq=False)
class Gaps(Samples):
    """Any binary frames, held as the gaps between spikes."""

    gaps: NDArray[np.uint8]  # [G], of more samples than these if these are a selection
    starts: NDArray[np.int64]  # [S], where a sample begins
    ends: NDArray[np.int64]  # [S]
    targets: Tensor  # [S], int64
    steps: int
    inputs: int

    def frames(self, indices: Sequence[int]) -> Tensor:
        return self._batch(indices).inputs

    def __getitems__(self, indices: list[int]) -> list[Loaded]:
        return [self._batch(indices)]

    def _batch(self, indices: Sequence[int]) -> GapBatch:
        rows = list(indices)
        starts, ends = self.starts[rows], self.ends[rows]
        gaps = np.concatenate([self.gaps[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)])
        lengths = torch.from_numpy(ends - starts)
        return GapBatch(torch.from_numpy(gaps), lengths, self.targets[rows], self.steps, self.inputs)

    def first(self, count: int) -> Self:
        return replace(self, starts=self.starts[:count], ends=self.ends[:count], targets=self.targets[:count])

    def select(self, rows: NDArray[np.int64]) -> Self:
        """These samples, in this order, without a copy of the spikes."""
        return replace(self, starts=self.starts[rows], ends=self.ends[rows], targets=self.targets[rows])

    def moments(self) -> tuple[float, float]:
        """As everywhere, but counted from the gaps: a spike is its own square."""
        pairs = zip(self.starts.tolist(), self.ends.tolist(), strict=True)
        spikes = sum(np.count_nonzero(self.gaps[start:end]) for start, end in pairs)
        rate = spikes / (len(self) * self.steps * self.inputs)
        return rate, rate
