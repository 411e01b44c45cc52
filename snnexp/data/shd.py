"""The Spiking Heidelberg Digits."""

from pathlib import Path

from snnexp.data.events import Frames, in_microseconds, whole_steps
from snnexp.data.heidelberg import load_heidelberg
from snnexp.data.module import DataModule, Splits
from snnexp.data.partition import check_fraction, set_aside
from snnexp.data.published import SHD


class Shd(DataModule):
    """Spoken digits, zero to nine in English and German, as spikes of a cochlea model: 700 channels, 20 classes.

    Spikes are binned into steps of `step_ms`, x = 1 where there is one or more; those from `duration_ms` on are left
    out. The spike at time t of unit u is at step floor(t / step_ms) in channel u. Test is the official test file of
    2,264; of the official 8,156 for training, `seed` draws the fraction `validation` for validation.

    The files are shd_train.h5 and shd_test.h5 in `<root>/SHD`. Raises DataError where one is missing or damaged.

    Source: Cramer et al. 2022. Herranz-Celotti & Rouat 2022 bin to 4 ms over 1 s, Gygax & Zenke 2025 to 2 ms over
    0.7 s, the code of Zenke & Vogels 2021 to 2 ms over 0.8 s.
    """

    inputs, classes = 700, 20

    def __init__(
        self,
        *,
        root: str | Path,
        step_ms: float = 4.0,
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
        step_us = in_microseconds(step_ms)
        self.steps = whole_steps(duration_ms, step_us)
        self.frames = Frames(step_us, self.steps, self.inputs, self.classes)
        check_fraction("validation", validation)
        self.root, self.validation = Path(root), validation

    def load(self) -> Splits:
        official, test = (
            load_heidelberg(SHD.path(self.root, f"shd_{part}.h5"), self.frames, SHD.mend(self.root))
            for part in ("train", "test")
        )
        train, val = set_aside(official, self.validation, self.seed)
        return Splits(train, val, test)
