"""The HDF5 layout of the Heidelberg spiking data sets."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from snnexp.data.events import Frames, Recording, check_there, microseconds
from snnexp.data.gaps import Gaps
from snnexp.data.samples import Packed
from snnexp.errors import DataError


def load_heidelberg(path: Path, frames: Frames, mend: str) -> Gaps | Packed:
    """The frames of a file's recordings; mend: what a user does about a missing file.

    Raises DataError where the file is missing, or as `Frames.load` and `read_heidelberg` do.
    """
    check_there(path, mend)
    return frames.load(path.parent, [path], {}, lambda: read_heidelberg(path))


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
