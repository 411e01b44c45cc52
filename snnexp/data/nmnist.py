"""Neuromorphic MNIST."""

from enum import StrEnum
from pathlib import Path

import numpy as np

from snnexp.data.events import Frames, Recording, check_steps, in_microseconds
from snnexp.data.gaps import Gaps
from snnexp.data.module import DataModule, Splits
from snnexp.data.partition import check_fraction, set_aside
from snnexp.data.published import NMNIST
from snnexp.data.samples import Packed, Standardised
from snnexp.data.sensor import Events, Sensor, content, recordings
from snnexp.errors import DataError, choice

FOLDERS = ("NMNIST", "nmnist")  # the first is that of tonic and of `published`
OVERFLOW = 240
"""The row that marks no event, but that the clock has run over: the times after it are 2^13 microseconds later."""


class Scale(StrEnum):
    """What a frame holds.

    `events`: x, 0 or 1.  `standard`: (x - mean) / sd, over all pixels and frames of the recordings for training.
    """

    EVENTS = "events"
    STANDARD = "standard"


class Nmnist(DataModule):
    """MNIST's digits, seen by an event camera of 34 x 34 pixels that moves in three saccades of 105 ms.

    Frames of `step_ms`, x = 1 where a pixel has one event or more; of about 310 frames of 1 ms the first `steps`.
    `crop` keeps the inner 28 x 28 pixels, `merge_polarity` makes one channel of a pixel's brighter and darker events.
    The channels are in the order polarity, row, column.

    Test is the official test set of 10,000; of the official 60,000 for training, `seed` draws the fraction `validation`
    for validation. The files are <digit>/*.bin in the folders Train and Test of `<root>/NMNIST` or `<root>/nmnist`;
    a part of them will do. Raises DataError where there are none, or one is damaged.

    Source: Orchard et al. 2015. Micheli et al. take "28 x 28", frames of 1 ms, and `standard` for all their data sets;
    whether they crop and merge, and how many frames they take, is not said.
    """

    classes = 10

    def __init__(
        self,
        *,
        root: str | Path,
        step_ms: float = 1.0,
        steps: int = 300,
        crop: bool = True,
        merge_polarity: bool = True,
        scale: Scale = Scale.EVENTS,
        validation: float = 0.1,
        batch_size: int,
        seed: int,
        order_seed: int,
        workers: int = 0,
        train_samples: int | None = None,
    ) -> None:
        super().__init__(
            batch_size=batch_size, seed=seed, order_seed=order_seed, workers=workers, train_samples=train_samples
        )
        self.sensor = Sensor(size=34, margin=3 if crop else 0, block=1, merge=merge_polarity)
        polarities, height, width = self.sensor.shape
        self.inputs, self.steps = polarities * height * width, check_steps(steps)
        self.frames = Frames(in_microseconds(step_ms), steps, self.inputs, self.classes)
        check_fraction("validation", validation)
        self.root, self.validation, self.scale = Path(root), validation, choice(Scale, "scale", scale)

    def load(self) -> Splits:
        official, test = (self._part(part) for part in ("Train", "Test"))
        splits = Splits(*set_aside(official, self.validation, self.seed), test)
        if self.scale is Scale.EVENTS:
            return splits
        mean, square = official.moments()
        return Splits(*(Standardised(split, mean, (square - mean**2) ** 0.5) for split in splits))

    def _part(self, part: str) -> Gaps | Packed:
        folder, paths = recordings(self.root, FOLDERS, part, "[0-9]/*.bin", NMNIST.mend(self.root))
        return self.frames.load(folder, paths, self.sensor._asdict(), lambda: map(self._recording, paths))

    def _recording(self, path: Path) -> Recording:
        return Recording(*self.sensor.channels(read_bin(path), path), int(path.parent.name), str(path))


def read_bin(path: Path) -> Events:
    """The events of a recording, five bytes each: x, y, then one bit of polarity and 23 of time, high bits first.

    Raises DataError where the file cannot be read or ends within an event.

    Source: Orchard et al. 2015, and the authors' code.
    """
    values = np.frombuffer(content(path), np.uint8)
    if len(values) % 5:
        raise DataError(f"{path} is cut off: {len(values)} bytes are no whole events of 5 bytes")
    x, y, high, middle, low = values.reshape(-1, 5).T.astype(np.int64)
    times = ((high & 127) << 16 | middle << 8 | low) + (y == OVERFLOW).cumsum() * 2**13
    event = y != OVERFLOW
    return Events(times[event], x[event], y[event], high[event] >> 7)
