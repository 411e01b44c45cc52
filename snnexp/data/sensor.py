"""Events of a camera's pixels, and the channels that they become."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from snnexp.errors import DataError


class Events(NamedTuple):
    """The events of one recording, in the order in which they came."""

    times: NDArray[np.int64]  # microseconds
    x: NDArray[np.int64]
    y: NDArray[np.int64]
    polarity: NDArray[np.int64]  # 0 or 1


class Sensor(NamedTuple):
    """A square sensor as a network is to see it: rows before columns, and the polarities, where kept, before both.

    size: pixels a side.  margin: pixels that are cut off at each side.  block: this many pixels a side become one.
    merge: both polarities in one channel.
    """

    size: int
    margin: int
    block: int
    merge: bool

    @property
    def side(self) -> int:
        return (self.size - 2 * self.margin) // self.block

    @property
    def shape(self) -> tuple[int, int, int]:
        """Polarities, height and width, as a convolution takes them."""
        return (1 if self.merge else 2), self.side, self.side

    def channels(self, events: Events, path: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Times and channels of the events that the network sees; raises DataError for one outside the sensor."""
        for name, values, count in (("x", events.x, self.size), ("y", events.y, self.size), ("p", events.polarity, 2)):
            outside = (values < 0) | (values >= count)
            if outside.any():
                raise DataError(f"{path} has an event at {name}={values[outside.argmax()]}, outside 0 to {count - 1}")
        x, y = ((place - self.margin) // self.block for place in (events.x, events.y))
        seen = (x >= 0) & (x < self.side) & (y >= 0) & (y < self.side)
        plane = np.zeros_like(x) if self.merge else events.polarity
        channel = (plane * self.side + y) * self.side + x
        return events.times[seen], channel[seen]


def recordings(root: Path, names: tuple[str, ...], part: str, pattern: str, mend: str) -> tuple[Path, list[Path]]:
    """The folder `part` in the first of the folders `names` that has it, and its files that match the pattern.

    Raises DataError where there is no such folder, or no such file in it.
    """
    folders = [root / name / part for name in names if (root / name / part).is_dir()]
    if not folders:
        raise DataError(f"paths.data={root}: no folder {root / names[0] / part}; set paths.data, or {mend}")
    paths = sorted(folders[0].glob(pattern))
    if not paths:
        raise DataError(f"{folders[0]} has no recordings {pattern}; {mend}")
    return folders[0], paths


def content(path: Path) -> bytes:
    """The bytes of a recording's file; raises DataError where it cannot be read, or is empty as a broken copy is."""
    try:
        read = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})") from None
    if not read:
        raise DataError(f"{path} is empty; no published recording is, so copy or unpack it again")
    return read
