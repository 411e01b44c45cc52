"""The HDF5 layout of the Heidelberg spiking data sets."""

# Shapes: E events of a recording.

from pathlib import Path

import numpy as np

from snnexp.data.events import Recording, Recordings, microseconds
from snnexp.errors import DataError


def read_heidelberg(path: Path, mend: str) -> Recordings:
    """Read a file that holds `spikes/times` (seconds), `spikes/units` and `labels`, one entry a recording.

    All of it at once: opening the file for each recording takes twenty times as long.

    mend: what a user does about a missing file. Raises DataError where the file cannot be read, or holds something
    else. Source: Cramer et al. 2022, the files of SHD and SSC.
    """
    import h5py  # type: ignore[import-untyped]  # slow to import, and a run on another data set never needs it

    try:
        path.open("rb").close()  # h5py's own message does not say why a file cannot be opened
        with h5py.File(path, "r") as file:
            times, units, labels = (file[name][:] for name in ("spikes/times", "spikes/units", "labels"))
    except (FileNotFoundError, PermissionError) as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); set paths.data, or {mend}") from None
    except (OSError, KeyError, AttributeError) as error:  # cut short; another file; a group where an array should be
        raise DataError(f"{path} cannot be read as spikes/times, spikes/units and labels: {error}") from None
    if not len(times) == len(units) == len(labels):
        raise DataError(f"{path} has {len(times)} times, {len(units)} units and {len(labels)} labels")

    def recording(index: int) -> Recording:
        source = f"{path}: recording {index}"
        times_E = microseconds(times[index], source)
        return Recording(times_E, units[index].astype(np.int64), int(labels[index]), source)

    return Recordings(len(labels), recording)
