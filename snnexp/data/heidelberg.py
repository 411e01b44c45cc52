"""The HDF5 layout of the Heidelberg spiking data sets.

Shapes: E events of a recording, T steps.
"""

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import numpy as np

from snnexp.data.events import Frames, Recording, check_there, microseconds
from snnexp.data.gaps import Gaps
from snnexp.data.samples import Packed
from snnexp.errors import DataError


class Binning(StrEnum):
    """In which step and channel the spike of unit u at time t is.

    `floor`: step floor(t / step), channel u.

    `code`: step ceil(t / step), where the steps' ends are float16 as the times are, and channel 700 - u without unit 0:
    what the public code of Yin et al. 2021 does (byin-cwi/Efficient-spiking-networks), from which Herranz-Celotti &
    Rouat have theirs.
    """

    FLOOR = "floor"
    CODE = "code"


def load_heidelberg(path: Path, frames: Frames, mend: str, binning: Binning = Binning.FLOOR) -> Gaps | Packed:
    """The frames of a file's recordings; mend: what a user does about a missing file.

    Raises DataError where the file is missing, or as `Frames.load` and `read_heidelberg` do.
    """
    check_there(path, mend)
    if binning is Binning.FLOOR:
        return frames.load(path.parent, [path], {}, lambda: read_heidelberg(path))
    seen = {"binning": binning.value}
    return frames.load(path.parent, [path], seen, lambda: (as_code(one, frames) for one in read_heidelberg(path)))


def as_code(recording: Recording, frames: Frames) -> Recording:
    """A recording whose spikes `Frames.bin` puts where `Binning.CODE` says; raises DataError as `Frames.load` does."""
    frames.check(recording)
    ends_T = microseconds((np.arange(frames.steps) * (frames.step_us / 1e6)).astype(np.float16), recording.source)
    steps_E, heard_E = np.searchsorted(ends_T, recording.times), recording.channels > 0
    times_E, channels_E = steps_E * frames.step_us, frames.inputs - recording.channels
    return recording._replace(times=times_E[heard_E], channels=channels_E[heard_E])


def read_heidelberg(path: Path) -> Iterator[Recording]:
    """The recordings of a file with `spikes/times` (seconds), `spikes/units` and `labels`, one entry a recording.

    All of it is read at once: opening the file for each recording takes twenty times as long. Raises DataError where
    the file cannot be read, or holds something else. Source: Cramer et al. 2022, the files of SHD and SSC.
    """
    import h5py  # type: ignore[import-untyped]  # slow to import, and a run on another data set never needs it

    try:
        path.open("rb").close()  # h5py's own message does not say why a file cannot be opened
        with h5py.File(path, "r") as file:
            times, units, labels = (file[name][:] for name in ("spikes/times", "spikes/units", "labels"))
    except PermissionError as error:
        raise DataError(f"{path} cannot be read ({error.strerror})") from None
    except (OSError, KeyError, AttributeError) as error:  # cut short; another file; a group where an array should be
        raise DataError(f"{path} cannot be read as spikes/times, spikes/units and labels: {error}") from None
    if not len(times) == len(units) == len(labels):
        raise DataError(f"{path} has {len(times)} times, {len(units)} units and {len(labels)} labels")
    for index in range(len(labels)):
        source = f"{path}: recording {index}"
        yield Recording(microseconds(times[index], source), units[index].astype(np.int64), int(labels[index]), source)
