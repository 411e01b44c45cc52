"""Gestures of hands and arms before an event camera."""

from pathlib import Path

import numpy as np

from snnexp.data.events import Frames, Recording, check_steps, in_microseconds
from snnexp.data.gaps import Gaps
from snnexp.data.module import DataModule, Splits
from snnexp.data.partition import check_fraction, set_aside
from snnexp.data.published import DVS_GESTURE
from snnexp.data.samples import Packed
from snnexp.data.sensor import Events, Sensor, content, recordings
from snnexp.errors import DataError, require

FOLDERS = ("DVSGesture", "dvs_gesture")  # the first is that of tonic and of `published`
SIZE = 128


class DvsGesture(DataModule):
    """Eleven gestures by 29 people under three lightings, seen by an event camera of 128 x 128 pixels.

    Frames of `step_ms`, x = 1 where a pixel has one event or more; the first `steps` of them. `downsample` pixels a
    side become one, `merge_polarity` makes one channel of brighter and darker events. The channels are in the order
    polarity, row, column.

    The recordings are those that tonic publishes, one file a gesture with times in ms: <person>_<lighting>/<class>.npy
    in the folders ibmGestureTrain and ibmGestureTest of `<root>/DVSGesture`. Of those for training, `seed` draws the
    fraction `validation` for validation. Raises DataError where there are none, or one is damaged.

    Source: Amir et al. 2017. The DECOLLE runs of Herranz-Celotti & Rouat 2022 take 32 x 32 pixels, steps of 1 ms, 500
    of them in training (from a random start on, here from the first) and 1800 in testing.
    """

    classes = 11

    def __init__(
        self,
        *,
        root: str | Path,
        step_ms: float = 1.0,
        steps: int = 500,
        downsample: int = 4,
        merge_polarity: bool = False,
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
        divides = 1 <= downsample <= SIZE and SIZE % downsample == 0
        require(divides, "downsample", downsample, f"must divide the sensor's {SIZE} pixels a side")
        self.sensor = Sensor(size=SIZE, margin=0, block=downsample, merge=merge_polarity)
        polarities, height, width = self.sensor.shape
        self.inputs, self.steps = polarities * height * width, check_steps(steps)
        self.frames = Frames(in_microseconds(step_ms), steps, self.inputs, self.classes)
        check_fraction("validation", validation)
        self.root, self.validation = Path(root), validation

    def load(self) -> Splits:
        return Splits(
            *set_aside(self._part("ibmGestureTrain"), self.validation, self.seed), self._part("ibmGestureTest")
        )

    def _part(self, part: str) -> Gaps | Packed:
        folder, paths = recordings(self.root, FOLDERS, part, "user*/*.npy", DVS_GESTURE.mend(self.root))
        return self.frames.load(folder, paths, self.sensor._asdict(), lambda: map(self._recording, paths))

    def _recording(self, path: Path) -> Recording:
        if not path.stem.isdecimal():
            raise DataError(f"{path} is not named by its class, 0.npy to 10.npy")
        return Recording(*self.sensor.channels(read_npy(path), path), int(path.stem), str(path))


def read_npy(path: Path) -> Events:
    """The events of a gesture, an array of the columns x, y, polarity and time in ms.

    Raises DataError where the file cannot be read as one. (Nothing that is pickled in it is loaded.)
    """
    content(path)
    try:
        rows = np.load(path, allow_pickle=False)
    except (ValueError, EOFError) as error:
        raise DataError(f"{path} cannot be read as an array: {' '.join(str(error).split())}") from None
    if not isinstance(rows, np.ndarray) or rows.ndim != 2 or rows.shape[1] != 4:
        raise DataError(f"{path} is not an array of four columns: x, y, polarity, ms")
    x, y, polarity, ms = rows.T.astype(np.int64)
    return Events(ms * 1000, x, y, polarity)
