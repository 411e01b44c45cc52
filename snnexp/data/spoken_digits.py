"""Recordings of spoken digits as spikes of an artificial inner ear."""

from pathlib import Path

from snnexp.audio.recordings import HeldOut
from snnexp.data.events import Frames, in_microseconds, whole_steps
from snnexp.data.heidelberg import load_heidelberg
from snnexp.data.module import DataModule, Splits
from snnexp.data.partition import check_fraction, set_aside
from snnexp.errors import choice, require

FSDD = "https://github.com/Jakobovski/free-spoken-digit-dataset"


class SpokenDigits(DataModule):
    """What `scripts/encode_audio.py` makes of a folder of wav files; by default the Free Spoken Digit Dataset.

    Data card of that: 3,000 recordings at 8 kHz of the English digits 0 to 9, by 6 speakers, 50 each of each digit;
    .14 to 2.3 s, trimmed, no noise added, not a word of context. Made by volunteers for teaching and benchmarks of
    small models; six voices are no sample of mankind. Licence: CC BY-SA 4.0, Zohar Jackson and contributors.

    The files are `<split>_train.h5` and `<split>_test.h5` in `<root>/<folder>`. split: `official` tests on recordings
    0 to 4 of each digit and speaker (300, against 2,700), `speaker` on a speaker who is not in the training set.
    Of the training file, `seed` draws the fraction `validation`. Spikes are binned as those of `Shd` are.

    Raises DataError where a file is missing, damaged, or does not fit `channels` and `classes`.

    Source: recordings from github.com/Jakobovski/free-spoken-digit-dataset; the ear is that of Cramer et al. 2022.
    """

    def __init__(
        self,
        *,
        root: str | Path,
        folder: str = "spoken_digits",
        split: HeldOut = HeldOut.OFFICIAL,
        channels: int = 700,
        classes: int = 10,
        step_ms: float = 10.0,
        duration_ms: float = 1000.0,
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
        for option, count in {"channels": channels, "classes": classes}.items():
            require(count >= 1, option, count, "must be at least 1")
        step_us = in_microseconds(step_ms)
        self.inputs, self.classes, self.steps = channels, classes, whole_steps(duration_ms, step_us)
        self.frames = Frames(step_us, self.steps, channels, classes)
        check_fraction("validation", validation)
        self.folder, self.split, self.validation = Path(root) / folder, choice(HeldOut, "split", split), validation

    def load(self) -> Splits:
        mend = f"make it of wav files (such as {FSDD}) with: python scripts/encode_audio.py WAVS {self.folder}"
        official, test = (
            load_heidelberg(self.folder / f"{self.split}_{part}.h5", self.frames, mend) for part in ("train", "test")
        )
        return Splits(*set_aside(official, self.validation, self.seed), test)
