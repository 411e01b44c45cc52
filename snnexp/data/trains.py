"""Spike trains written as the Heidelberg spiking data sets are.

Shapes: S recordings.
"""

import os
from pathlib import Path
from typing import NamedTuple

import h5py  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray


class SpikeTrains(NamedTuple):
    """The recordings of one file."""

    times: list[NDArray[np.floating]]  # [S] of seconds, in order
    units: list[NDArray[np.integer]]  # [S] of channels
    labels: NDArray[np.integer]  # [S], classes
    speakers: NDArray[np.integer]  # [S]
    keys: tuple[str, ...]  # the names of the classes


MADE_OF = "made_of"


def write_trains(path: Path, trains: SpikeTrains, made_of: str = "") -> None:
    """Put an HDF5 file at `path`, which appears there when it is whole.

    It holds `spikes/times` (float16 seconds) and `spikes/units`, one array a recording, `labels`, `extra/speaker` and
    `extra/keys`. Source: Cramer et al. 2022, the files of SHD. Beyond these, `made_of` is an attribute of the file.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with h5py.File(temporary, "w") as file:
            for name, arrays, kind in (("times", trains.times, np.float16), ("units", trains.units, np.uint16)):
                rows = file.create_dataset(f"spikes/{name}", (len(arrays),), h5py.vlen_dtype(kind))
                for row, array in enumerate(arrays):
                    rows[row] = array.astype(kind)
            file["labels"] = trains.labels.astype(np.uint16)
            file["extra/speaker"] = trains.speakers.astype(np.uint16)
            file["extra/keys"] = np.array([key.encode() for key in trains.keys])
            file.attrs[MADE_OF] = made_of
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def read_made_of(path: Path) -> str | None:
    """What `write_trains` was told that a file is made of; None where there is no such file, or none that is whole."""
    try:
        with h5py.File(path) as file:
            return str(file.attrs.get(MADE_OF))
    except OSError:
        return None
