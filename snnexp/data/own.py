"""A user's own recordings."""

import zipfile
from collections.abc import Iterable
from itertools import chain
from pathlib import Path

import numpy as np

from snnexp.data.events import Frames, Recording, check_steps, check_there, in_microseconds, microseconds
from snnexp.data.gaps import Gaps
from snnexp.data.heidelberg import read_heidelberg
from snnexp.data.module import DataModule, Splits
from snnexp.data.partition import check_fraction, set_aside
from snnexp.data.samples import Packed
from snnexp.errors import DataError, require

NPZ, HDF5 = ".npz", (".h5", ".hdf5")
MEND = "say where your recordings lie with dataset.path"


class Own(DataModule):
    """Recordings of events in files of your own, binned into frames: x = 1 where a channel has one event or more.

    path: a file, or a folder that is searched with all its folders, in the order of the names. A file *.npz is one
    recording: `times` (seconds), `units` (channels from 0 on) and `labels` (one class from 0 on). A file *.h5 or *.hdf5
    holds many, in the layout of the Heidelberg data sets: `spikes/times`, `spikes/units`, `labels`. A recording may be
    empty. test_path: the same for testing; if it is null, `seed` draws the fraction `test` of all recordings. Of the
    others it draws the fraction `validation`. Events from `steps` x `step_ms` on are left out.

    Raises OptionError where one of the two paths lies inside the other, which would test on what was trained on;
    DataError where a file is damaged or does not fit `inputs` and `classes`, naming the recording.
    """

    def __init__(
        self,
        *,
        path: str | Path,
        test_path: str | Path | None = None,
        inputs: int,
        classes: int,
        steps: int = 100,
        step_ms: float = 10.0,
        validation: float = 0.1,
        test: float = 0.2,
        batch_size: int,
        seed: int,
        order_seed: int,
        workers: int = 0,
        train_samples: int | None = None,
    ) -> None:
        super().__init__(
            batch_size=batch_size, seed=seed, order_seed=order_seed, workers=workers, train_samples=train_samples
        )
        for option, count in {"inputs": inputs, "classes": classes}.items():
            require(count >= 1, option, count, "must be at least 1")
        check_fraction("validation", validation)
        check_fraction("test", test)
        self.path, self.test_path = Path(path), None if test_path is None else Path(test_path)
        if self.test_path is not None:
            folder, other = self.path.resolve(), self.test_path.resolve()
            apart = not (other.is_relative_to(folder) or folder.is_relative_to(other))
            right = f"must not share recordings with path={self.path}: neither may lie inside the other"
            require(apart, "test_path", str(self.test_path), right)
        self.inputs, self.classes, self.steps = inputs, classes, check_steps(steps)
        self.frames = Frames(in_microseconds(step_ms), steps, inputs, classes)
        self.validation, self.test = validation, test

    def load(self) -> Splits:
        rest = self._read(self.path)
        if self.test_path is not None:
            test = self._read(self.test_path)
        else:
            rest, test = set_aside(rest, self.test, self.seed)
        train, val = set_aside(rest, self.validation, self.seed)
        if not len(train):
            raise DataError(f"{self.path} has too few recordings to be split into training, validation and test")
        return Splits(train, val, test)

    def _read(self, path: Path) -> Gaps | Packed:
        check_there(path, MEND)
        folder, found = (path, sorted(path.rglob("*"))) if path.is_dir() else (path.parent, [path])
        files = [file for file in found if file.suffix in (NPZ, *HDF5)]
        if not files:
            raise DataError(f"{path} has no recordings, neither *.npz nor *.h5; {MEND}")
        return self.frames.load(folder, files, {}, lambda: chain.from_iterable(map(read, files)))


def read(path: Path) -> Iterable[Recording]:
    """The recordings of a file."""
    return [read_npz(path)] if path.suffix == NPZ else read_heidelberg(path)


def read_npz(path: Path) -> Recording:
    """One recording; raises DataError where it cannot be read. (Nothing that is pickled in it is loaded.)"""
    try:
        # Opened here, since numpy leaves a file open that it cannot read.
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            times, units, labels = (file[name] for name in ("times", "units", "labels"))
    except (OSError, ValueError, KeyError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} cannot be read as times, units and labels: {' '.join(str(error).split())}") from None
    if times.ndim != 1 or units.ndim != 1 or labels.size != 1:
        raise DataError(f"{path} must hold times and units, one number an event, and one label")
    if not all(np.issubdtype(array.dtype, np.integer) for array in (units, labels) if array.size):
        raise DataError(f"{path} must hold units and labels as integers")
    return Recording(microseconds(times, str(path)), units.astype(np.int64), int(labels.item()), str(path))
