"""Spike trains in the HDF5 layout of the Spiking Heidelberg Digits: read, written, binned.

    spikes/times    one array a recording: float16 seconds, in order
    spikes/units    one array a recording: the channel of each spike
    labels          one class a recording
    extra/speaker   one speaker a recording
    extra/keys      the name of each class

Shapes: S recordings, T steps, I channels, P bytes of I packed bits.
"""

import os
from pathlib import Path
from typing import NamedTuple

import h5py  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from snnexp.errors import DataError


class SpikeTrains(NamedTuple):
    """The recordings of one file."""

    times: list[NDArray[np.floating]]  # [S] of seconds
    units: list[NDArray[np.integer]]  # [S] of channels
    labels: NDArray[np.int64]  # [S]
    speakers: NDArray[np.int64]  # [S]
    keys: tuple[str, ...]  # the names of the classes


def read_spikes(path: Path, channels: int, classes: int) -> SpikeTrains:
    """All recordings of a file.

    Raises DataError where the file cannot be read as this layout, or holds a channel or a class out of range.
    """
    try:
        with h5py.File(path, "r") as file:
            trains = SpikeTrains(
                times=list(file["spikes/times"][:]),
                units=list(file["spikes/units"][:]),
                labels=file["labels"][:].astype(np.int64),
                speakers=file["extra/speaker"][:].astype(np.int64),
                keys=tuple(key.decode() for key in file["extra/keys"][:]),
            )
    except (OSError, KeyError, ValueError) as error:  # what h5py says of a file that is cut short, or is another
        raise DataError(f"{path} cannot be read as spike trains: {error}") from None
    if len({len(part) for part in trains[:4]}) > 1:
        raise DataError(f"{path} has unlike numbers of times, units, labels and speakers")
    for sample, (times, units) in enumerate(zip(trains.times, trains.units, strict=True)):
        if len(times) != len(units):
            raise DataError(f"{path}: recording {sample} has {len(times)} times, but {len(units)} units")
        if len(units) and not (units.min() >= 0 and units.max() < channels):
            raise DataError(f"{path}: recording {sample} has a unit outside 0 to {channels - 1}")
        if len(times) and not times.min() >= 0:
            raise DataError(f"{path}: recording {sample} has a time that is negative or not a number")
    if len(trains.labels) and not (trains.labels.min() >= 0 and trains.labels.max() < classes):
        raise DataError(f"{path} has a label outside 0 to {classes - 1}")
    return trains


def write_spikes(path: Path, trains: SpikeTrains) -> None:
    """Put a file at `path`, which appears there when it is whole."""
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
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def packed_bins(trains: SpikeTrains, step_us: int, steps: int, channels: int) -> NDArray[np.uint8]:
    """Bits [S, T, P]: 1 where a channel has one or more spikes in a step; spikes after the last step are left out.

    The spike at time t is at step floor(t / step), with t first cut to whole microseconds, as tonic does.
    """
    bits_STP = np.empty((len(trains.labels), steps, -(-channels // 8)), np.uint8)
    for sample, (times, units) in enumerate(zip(trains.times, trains.units, strict=True)):
        at = (times.astype(np.float64) * 1e6).astype(np.int64) // step_us  # float16 * 1e6 would be infinite
        inside = at < steps
        x_TI = np.zeros((steps, channels), np.bool_)
        x_TI[at[inside], units[inside]] = True
        bits_STP[sample] = np.packbits(x_TI, axis=1)
    return bits_STP
