"""The Spiking Speech Commands."""

from pathlib import Path

from snnexp.data.events import Frames, in_microseconds, whole_steps
from snnexp.data.heidelberg import load_heidelberg
from snnexp.data.module import DataModule, Splits
from snnexp.data.partition import divide
from snnexp.data.published import SSC


class Ssc(DataModule):
    """35 spoken words as spikes of a cochlea model: 700 channels, 35 classes.

    Binned as `Shd` is. The splits are the official ones, of 75,466, 9,981 and 20,382 recordings; `seed` draws the order
    in which `train_samples` counts. The files are ssc_train.h5, ssc_valid.h5 and ssc_test.h5 in `<root>/SSC`. Raises
    DataError where one is missing or damaged.

    Source: Cramer et al. 2022.
    """

    inputs, classes = 700, 35

    def __init__(
        self,
        *,
        root: str | Path,
        step_ms: float = 4.0,
        duration_ms: float = 1000.0,
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
        self.root = Path(root)

    def load(self) -> Splits:
        train, val, test = (
            load_heidelberg(SSC.path(self.root, f"ssc_{part}.h5"), self.frames, SSC.mend(self.root))
            for part in ("train", "valid", "test")
        )
        return Splits(divide(train, 0, self.seed)[0], val, test)
