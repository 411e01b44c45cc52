"""A folder of wav files: what each holds, who speaks, and which are for testing."""

import io
import re
import struct
from collections import Counter
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.io import wavfile

from snnexp.errors import DataError, require

TEST_NUMBERS = 5
"""FSDD's authors test on recordings 0 to 4 of each digit and speaker, and train on 5 to 49."""


class Recording(NamedTuple):
    """One file, described by its place and name."""

    path: Path
    key: str  # the path inside the folder
    label: str
    speaker: str
    number: int


class HeldOut(StrEnum):
    """`official`: the first five recordings of each label and speaker, as for the Free Spoken Digit Dataset.

    `speaker`: all recordings of some speakers, whom the network has never heard.
    """

    OFFICIAL = "official"
    SPEAKER = "speaker"


def list_recordings(folder: Path) -> list[Recording]:
    """All wav files of a folder, by name.

    Files of the folder itself are named `<label>_<speaker>_<number>.wav`; those of a sub-folder have its name as label,
    and are named `<speaker>_<anything>_<number>.wav`, or anyhow: then they are counted in order, and their speaker is
    "unknown". Raises DataError where there is no wav file, or a name says no label.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() == ".wav" and path.is_file())
    if not paths:
        raise DataError(f"{folder} has no wav files")
    recordings: list[Recording] = []
    counted: Counter[str] = Counter()
    for path in paths:
        inside = path.relative_to(folder)
        if len(inside.parts) == 1:
            name = re.fullmatch(r"(.+)_([^_]+)_(\d+)", path.stem)
            if name is None:
                raise DataError(
                    f"{path} is not named <label>_<speaker>_<number>.wav, nor in a sub-folder that is a label"
                )
            label, speaker, number = name[1], name[2], int(name[3])
        else:
            label = inside.parts[0]
            said = re.fullmatch(r"([^_]+)_(?:.*_)?(\d+)", path.stem)
            speaker, number = (said[1], int(said[2])) if said else ("unknown", counted[label])
            counted[label] += said is None
        recordings.append(Recording(path, inside.as_posix(), label, speaker, number))
    return recordings


def classes(recordings: Sequence[Recording]) -> tuple[str, ...]:
    """The labels in order: as numbers where all are numbers, or else by name. The place of a label is its class."""
    labels = {recording.label for recording in recordings}
    return tuple(sorted(labels, key=int if all(label.isdecimal() for label in labels) else str))


def speakers(recordings: Sequence[Recording]) -> tuple[str, ...]:
    """The speakers by name."""
    return tuple(sorted({recording.speaker for recording in recordings}))


def for_testing(recordings: Sequence[Recording], split: HeldOut, held_out: Sequence[str] = ()) -> NDArray[np.bool_]:
    """Which recordings are for testing. `held_out` names the speakers of `speaker`; empty: the last one by name.

    Raises OptionError for a speaker that is not there, or where nothing is left for testing or for training.
    """
    names = speakers(recordings)
    unknown = [name for name in held_out if name not in names]
    require(not unknown, "held_out", " ".join(unknown), f"the speakers are {', '.join(names)}")
    chosen = tuple(held_out) or names[-1:]
    by_speaker = split is HeldOut.SPEAKER
    test = np.array([one.speaker in chosen if by_speaker else one.number < TEST_NUMBERS for one in recordings])
    what = f"the speakers {', '.join(chosen)}" if by_speaker else f"the numbers below {TEST_NUMBERS}"
    require(0 < test.sum() < len(test), "split", split, f"{what} are {test.sum()} of {len(test)} recordings")
    return test


def read_wave(path: Path) -> tuple[NDArray[np.float64], int]:
    """The sound in [-1, 1], the mean of its channels, and its rate in Hz. Raises DataError for what is no wav file."""
    try:
        rate, samples = wavfile.read(io.BytesIO(path.read_bytes()))
    except (OSError, ValueError, EOFError, struct.error) as error:
        raise DataError(f"{path} cannot be read as a wav file: {error}") from None
    if samples.dtype == np.uint8:  # the only kind that is unsigned
        sound = samples / 128.0 - 1
    else:
        whole = np.iinfo(samples.dtype).max + 1.0 if samples.dtype.kind == "i" else 1.0
        sound = samples / whole
    if not np.isfinite(sound).all():
        raise DataError(f"{path} has samples that are no numbers")
    return (sound.mean(axis=1) if sound.ndim > 1 else sound).astype(np.float64), rate
