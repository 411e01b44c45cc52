"""Training batches changed at random, so that a network learns what does not matter.

Everything is drawn from torch's generator, which the task seeds with (seed, step): since the order of the samples is a
function of (seed, epoch), what happens to a sample is one as well, and a resumed run draws the same.

Shapes: T steps, B samples of a batch, I input channels, E spikes.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Size, Tensor

from snnexp.errors import UserError, require
from snnexp.kernels.native.raster import Raster, frames


class Spikes(NamedTuple):
    """The spikes of a batch, int64."""

    steps: Tensor  # [E]
    samples: Tensor  # [E]
    channels: Tensor  # [E]


Transform = Callable[[Spikes, Size], Spikes]
"""Gives the spikes anew, some perhaps outside of the frames, whose size (T, B, I) it is told."""


class Augment:
    """One transform after the other; spikes that leave the frames are lost, and several in one place become one.

    Raises UserError for inputs that are not spikes, 0 or 1.
    """

    def __init__(self, transforms: Sequence[Transform]) -> None:
        self.transforms = transforms

    def __call__(self, x: Tensor | Raster) -> Tensor | Raster:
        if not self.transforms:
            return x
        x_TBI = frames(x)
        if x_TBI.ndim != 3 or not ((x_TBI == 0) | (x_TBI == 1)).all():
            raise UserError("augment: changes spikes only, and this data set has other inputs; add augment=none")
        spikes = Spikes(*x_TBI.nonzero(as_tuple=True))
        for transform in self.transforms:
            spikes = _inside(transform(spikes, x_TBI.shape), x_TBI.shape)
        augmented_TBI = torch.zeros_like(x_TBI)
        augmented_TBI[spikes] = 1
        return augmented_TBI


def _inside(spikes: Spikes, size: Size) -> Spikes:
    steps, _, channels = size
    inside = (spikes.steps >= 0) & (spikes.steps < steps) & (spikes.channels >= 0) & (spikes.channels < channels)
    return Spikes(*(place[inside] for place in spikes))


class TimeJitter:
    """Moves every spike in time by a step count of its own: a normal number of standard deviation `sd`, rounded."""

    def __init__(self, sd: float) -> None:
        require(sd >= 0, "sd", sd, "steps; must not be negative")
        self.sd = sd

    def __call__(self, spikes: Spikes, size: Size) -> Spikes:
        moved = self.sd * torch.randn(len(spikes.steps), device=spikes.steps.device)
        return spikes._replace(steps=spikes.steps + moved.round().long())


class ChannelShift:
    """Moves all spikes of a sample by the same number of channels, uniform over the integers in [-most, most]."""

    def __init__(self, most: int) -> None:
        require(most >= 0, "most", most, "channels; must not be negative")
        self.most = most

    def __call__(self, spikes: Spikes, size: Size) -> Spikes:
        shift_B = torch.randint(-self.most, self.most + 1, (size[1],), device=spikes.steps.device)
        return spikes._replace(channels=spikes.channels + shift_B[spikes.samples])


class EventDrop:
    """Leaves out every spike with the same probability, independently."""

    def __init__(self, probability: float) -> None:
        require(0 <= probability < 1, "probability", probability, "must lie in [0, 1)")
        self.probability = probability

    def __call__(self, spikes: Spikes, size: Size) -> Spikes:
        kept = torch.rand(len(spikes.steps), device=spikes.steps.device) >= self.probability
        return Spikes(*(place[kept] for place in spikes))


class TimeStretch:
    """Plays a sample slower by a factor of its own, uniform in [low, high]: the middle of step t moves to factor times.

    A factor above 1 pushes late spikes out of the frames, one below 1 lets spikes of a channel fall together.
    """

    def __init__(self, low: float, high: float) -> None:
        require(low > 0, "low", low, "must be greater than 0")
        require(low <= high, "high", high, f"must not be less than low, {low}")
        self.low, self.high = low, high

    def __call__(self, spikes: Spikes, size: Size) -> Spikes:
        factor_B = self.low + (self.high - self.low) * torch.rand(size[1], device=spikes.steps.device)
        return spikes._replace(steps=((spikes.steps + 0.5) * factor_B[spikes.samples]).floor().long())
