"""The Spiking Heidelberg Digits."""

from enum import StrEnum
from pathlib import Path

import numpy as np

from snnexp.data.events import Frames, in_microseconds, whole_steps
from snnexp.data.heidelberg import Binning, load_heidelberg
from snnexp.data.module import DataModule, Splits
from snnexp.data.partition import check_fraction, divide, set_aside, share
from snnexp.data.published import SHD
from snnexp.errors import choice


class ShdSplit(StrEnum):
    """`drawn`: validation is drawn from the official training file, and the official test file is all for testing.

    `code`: validation is the end of the training file, and the first 2,088 recordings of the test file are for testing.
    """

    DRAWN = "drawn"
    CODE = "code"


CODE_TESTS = 2088


class Shd(DataModule):
    """Spoken digits, zero to nine in English and German, as spikes of a cochlea model: 700 channels, 20 classes.

    Spikes are binned into steps of `step_ms`, x = 1 where there is one or more; those from `duration_ms` on are left
    out. `binning` says in which step and channel a spike is (`Binning`), `split` what is for validation and testing
    (`ShdSplit`): of the official 8,156 for training the fraction `validation`, by default drawn by `seed`, and the
    official test file of 2,264.

    The files are shd_train.h5 and shd_test.h5 in `<root>/SHD`. Raises DataError where one is missing or damaged.

    Source: Cramer et al. 2022. Herranz-Celotti & Rouat 2022 bin to 4 ms over 1 s; their code: binning=code, split=code,
    validation=.05. Gygax & Zenke 2025 bin to 2 ms over 0.7 s, the code of Zenke & Vogels 2021 to 2 ms over 0.8 s.
    """

    inputs, classes = 700, 20

    def __init__(
        self,
        *,
        root: str | Path,
        step_ms: float = 4.0,
        duration_ms: float = 1000.0,
        binning: Binning = Binning.FLOOR,
        split: ShdSplit = ShdSplit.DRAWN,
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
        step_us = in_microseconds(step_ms)
        self.steps = whole_steps(duration_ms, step_us)
        self.frames = Frames(step_us, self.steps, self.inputs, self.classes)
        check_fraction("validation", validation)
        self.binning, self.split = choice(Binning, "binning", binning), choice(ShdSplit, "split", split)
        self.root, self.validation = Path(root), validation

    def load(self) -> Splits:
        official, test = (
            load_heidelberg(SHD.path(self.root, f"shd_{part}.h5"), self.frames, SHD.mend(self.root), self.binning)
            for part in ("train", "test")
        )
        if self.split is ShdSplit.DRAWN:
            return Splits(*set_aside(official, self.validation, self.seed), test)
        order = np.arange(len(official))
        train, val = np.split(order, [len(order) - share(len(order), self.validation)])
        drawn = divide(official.select(train), 0, self.seed)[0]  # so that the first n are a fair part
        return Splits(drawn, official.select(val), test.first(CODE_TESTS))
