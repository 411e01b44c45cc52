"""Recordings of events, as sensors and artificial ears write them, and their frames.

Shapes: E events of a recording.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from snnexp.data.encoding import LONGEST
from snnexp.data.gaps import Gaps
from snnexp.data.samples import Packed
from snnexp.data.spikes import Binned, read_spikes
from snnexp.errors import DataError, require

VERSION = 2
"""Of the readers and of `Frames`; another one makes every cache anew."""


class Recording(NamedTuple):
    """One sample as it was recorded; it may be empty. `source` says where it lies, for messages."""

    times: NDArray[np.int64]  # [E], microseconds
    channels: NDArray[np.int64]  # [E]
    target: int
    source: str


class Frames(NamedTuple):
    """How recordings become frames: x = 1 where a channel has one event or more within a step, and 0 elsewhere.

    The event at time t falls into step floor(t / step_us); the steps are the first so many, later events are left out.
    """

    step_us: int
    steps: int
    inputs: int
    classes: int

    def load(
        self, folder: Path, files: Sequence[Path], seen: Mapping[str, Any], read: Callable[[], Iterable[Recording]]
    ) -> Gaps | Packed:
        """The frames of all recordings that `read` makes of files in a folder, where they are kept for the next time.

        seen: on what the recordings depend besides the files, as plain values. Raises DataError for an event before
        time 0 or in a channel that there is not, and for a target out of range.
        """
        key = {**seen, "step_us": self.step_us, "classes": self.classes, "reader": VERSION}
        return read_spikes(folder, files, key, lambda: map(self.bin, read()), self.steps, self.inputs)

    def bin(self, recording: Recording) -> Binned:
        """The steps and channels of a recording's events; raises DataError as `load` does."""
        self.check(recording)
        steps_E = recording.times // self.step_us
        inside_E = steps_E < self.steps
        return Binned(steps_E[inside_E], recording.channels[inside_E], recording.target)

    def check(self, recording: Recording) -> None:
        """Raise DataError as `load` does."""
        times_E, channels_E, target, source = recording
        if not 0 <= target < self.classes:
            raise DataError(f"{source} has label {target}, there are {self.classes} classes (0 to {self.classes - 1})")
        if len(times_E) != len(channels_E):
            raise DataError(f"{source} has {len(times_E)} times, but {len(channels_E)} units")
        if len(times_E) and times_E.min() < 0:
            raise DataError(f"{source} has an event before time 0")
        outside_E = (channels_E < 0) | (channels_E >= self.inputs)
        if outside_E.any():
            first = channels_E[outside_E.argmax()]
            raise DataError(
                f"{source} has an event in channel {first}, there are {self.inputs} (0 to {self.inputs - 1})"
            )


def microseconds(seconds_E: NDArray[np.floating], source: str) -> NDArray[np.int64]:
    """The nearest microseconds of times in seconds; raises DataError for NaN and infinity.

    Times of half precision, those of the published files, are rounded down, as by all who bin these.
    """
    if not np.isfinite(seconds_E).all():
        raise DataError(f"{source} has times that are no numbers")
    micro_E = seconds_E.astype(np.float64) * 1e6  # cast first: 1e6 is more than float16 can hold
    # Not down: 2.01 s is 2009999.9999999998, which would put a spike on the edge of a step into the step before.
    return (np.floor(micro_E) if seconds_E.dtype == np.float16 else np.rint(micro_E)).astype(np.int64)


def in_microseconds(step_ms: float) -> int:
    """The step in microseconds; raises OptionError where that is less than one."""
    step_us = round(1000 * step_ms)
    require(step_us >= 1, "step_ms", step_ms, "must be at least 0.001, since the times are in microseconds")
    return step_us


def check_steps(steps: int) -> int:
    """The number of steps; raises OptionError unless a spike time held as int16 can count them."""
    require(1 <= steps <= LONGEST, "steps", steps, f"must lie in [1, {LONGEST}]")
    return steps


def whole_steps(duration_ms: float, step_us: int) -> int:
    """The steps of a duration; raises OptionError unless they are whole and can be counted."""
    steps, rest = divmod(round(1000 * duration_ms), step_us)
    right = f"must be 1 to {LONGEST} whole steps of {step_us / 1000:g} ms"
    require(rest == 0 and 1 <= steps <= LONGEST, "duration_ms", duration_ms, right)
    return steps


def check_there(path: Path, mend: str) -> None:
    """Raise DataError where a file is missing; mend: what a user does about it."""
    try:
        path.stat()
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); set paths.data, or {mend}") from None
