"""Samples set aside for validation."""

import numpy as np
from numpy.typing import NDArray

from snnexp.data.gaps import Gaps
from snnexp.data.samples import Packed
from snnexp.errors import require

Spikes = Gaps | Packed


def partition(samples: int, validation: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices for training and for validation, of which there are `validation`; both in the random order of `seed`."""
    order = np.random.default_rng(seed).permutation(samples)
    return order[validation:], order[:validation]


def divide(samples: Spikes, validation: int, seed: int) -> tuple[Spikes, Spikes]:
    """Samples for training and for validation, as `partition` draws them."""
    train, val = partition(len(samples), validation, seed)
    return samples.select(train), samples.select(val)


def set_aside(samples: Spikes, fraction: float, seed: int) -> tuple[Spikes, Spikes]:
    """Samples divided into the rest and a `share` of them, drawn as `partition` does."""
    return divide(samples, share(len(samples), fraction), seed)


def share(samples: int, fraction: float) -> int:
    """How many samples a fraction is, to the nearest, but at least one."""
    return max(1, round(samples * fraction))


def check_fraction(option: str, fraction: float) -> None:
    """Raise OptionError unless a fraction leaves something of both parts."""
    require(0 < fraction < 1, option, fraction, "must lie between 0 and 1, both excluded")
