"""The artificial inner ear of the Heidelberg data: from sound to the spikes of 700 bushy cells.

Shapes: B sounds side by side, C channels, T steps.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from snnexp.audio.basilar_membrane import BasilarMembrane
from snnexp.audio.bushy_cell import BushyCell
from snnexp.audio.hair_cell import HairCell
from snnexp.errors import DataError, require

BLOCK = 256
"""Steps for which random numbers are drawn at once."""


class Spikes(NamedTuple):
    """In order of time."""

    times: NDArray[np.float64]  # seconds
    units: NDArray[np.int64]  # channels


@dataclass(frozen=True)
class Ear:
    """Basilar membrane, hair cells and bushy cells, stepped at `rate` (Hz).

    Every sound is first brought to the root mean square `level` and faded in and out over `ramp` seconds by a raised
    cosine; one that is shorter than both ramps, half and half.

    The public code steps at half the rate of the recording, which makes 24 kHz of the Heidelberg data; at the 4 kHz
    that it would make of a recording at 8 kHz, its hair cells are unstable. Here 24 kHz is the rate for all sounds.
    Of these, frequencies above 12 kHz are left out, where that code folds them back.

    Source: Cramer et al. 2022 and its public code (electronicvisions/lauscher). Level and order are the code's; it
    fades over half of the sound if not told otherwise, and the 30 ms here are a reconstruction, as the paper was not
    at hand.
    """

    membrane: BasilarMembrane = field(default_factory=BasilarMembrane)
    hair_cell: HairCell = field(default_factory=HairCell)
    bushy_cell: BushyCell = field(default_factory=BushyCell)
    rate: int = 24000  # Hz
    level: float = 0.3
    ramp: float = 0.03  # s

    def __post_init__(self) -> None:
        self.hair_cell.check(self.rate)
        require(self.level > 0, "level", self.level, "must be greater than 0")
        require(self.ramp >= 0, "ramp", self.ramp, "must not be negative")

    def hear(
        self, sounds: Sequence[NDArray[np.floating]], rate: int, draws: Sequence[np.random.Generator]
    ) -> list[Spikes]:
        """Spikes of each of some sounds of the same rate (Hz).

        Sounds of about the same length are best heard together. `draws` has a generator for each, so that what one
        gives does not depend on the others. Raises DataError for a sound without a sample other than zero.
        """
        velocities = [self.membrane.velocity(self.prepared(sound, rate), rate, self.rate) for sound in sounds]
        steps, shape, dt = [one.shape[1] for one in velocities], (len(sounds), self.membrane.channels), 1 / self.rate
        rest = self.hair_cell.steady(self.hair_cell.permeability(np.zeros(shape, np.float32)))
        pools, state = rest, self.bushy_cell.rest(shape, dt)
        found = []
        for start in range(0, max(steps), BLOCK):
            uniform_TBC = np.stack([draw.random((BLOCK, shape[1]), np.float32) for draw in draws], axis=1)
            velocity_TBC = np.zeros((BLOCK, *shape), np.float32)
            for index, velocity in enumerate(velocities):
                part = velocity[:, start : start + BLOCK].T
                velocity_TBC[: len(part), index] = part
            opened_TBC = self.hair_cell.permeability(velocity_TBC) * np.float32(dt)
            for step, opened_BC, uniform_BC in zip(count(start), opened_TBC, uniform_TBC, strict=False):
                self.hair_cell.step(pools, opened_BC, dt)
                probability_BC = pools.cleft * (self.hair_cell.firing * dt)
                spikes_BC = self.bushy_cell.fibre_spikes(state, step, probability_BC, uniform_BC)
                fired = self.bushy_cell.step(state, step, spikes_BC, dt)
                found.append((np.full_like(fired[0], step), *fired))
        at, sound, unit = (np.concatenate(part) for part in zip(*found, strict=True))
        ours = [(sound == index) & (at < length) for index, length in enumerate(steps)]
        return [Spikes(at[own] * dt, unit[own]) for own in ours]

    def prepared(self, sound: NDArray[np.floating], rate: int) -> NDArray[np.float64]:
        """A sound at the level and with the ramps of all; the rate is in Hz."""
        power = np.mean(np.square(sound, dtype=np.float64)) if len(sound) else 0.0
        if not power > 0:
            raise DataError("a sound is silent from beginning to end")
        prepared: NDArray[np.float64] = sound * (self.level / np.sqrt(power))
        length = min(round(self.ramp * rate), len(sound) // 2)
        ramp = np.sin(np.pi / 2 * (np.arange(length) + 0.5) / max(1, length)) ** 2
        prepared[:length] *= ramp
        prepared[len(prepared) - length :] *= ramp[::-1]
        return prepared
