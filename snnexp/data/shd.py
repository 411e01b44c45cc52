"""The Spiking Heidelberg Digits, read through tonic.

Shapes: S samples of a split, T steps, I input channels, P bytes of I packed bits.
"""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from snnexp.data.encoding import LONGEST
from snnexp.data.module import DataModule, Splits
from snnexp.data.samples import Packed
from snnexp.errors import DataError, require


class Shd(DataModule):
    """Spoken digits, zero to nine in English and German, as spikes of a cochlea model: 700 channels, 20 classes.

    Spikes are binned into steps of `step_ms`, x = 1 where there is one or more; those from `duration_ms` on are left
    out. The spike at time t of unit u is at step floor(t / step_ms) in channel u. Test is the official test file of
    2,264; of the official 8,156 for training, `seed` draws the fraction `validation` for validation.

    The files are shd_train.h5 and shd_test.h5 in `<root>/SHD`; the archives that they come in stay beside them, since
    tonic goes to the network for an archive that it does not see. Raises DataError where one is missing or damaged.

    Source: Cramer et al. 2022. Herranz-Celotti & Rouat 2022 bin to 4 ms over 1 s.
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
        self.step_us = round(1000 * step_ms)
        require(self.step_us >= 1, "step_ms", step_ms, "must be at least 0.001, since the times are in microseconds")
        self.steps, rest = divmod(round(1000 * duration_ms), self.step_us)
        whole = rest == 0 and 1 <= self.steps <= LONGEST
        require(whole, "duration_ms", duration_ms, f"must be 1 to {LONGEST} whole steps of {step_ms} ms")
        require(0 < validation < 1, "validation", validation, "must lie between 0 and 1, both excluded")
        self.root, self.validation = Path(root), validation

    def load(self) -> Splits:
        folder = self.root / "SHD"
        names = [f"shd_{part}.h5{ending}" for part in ("train", "test") for ending in ("", ".zip")]
        if missing := [name for name in names if not (folder / name).exists()]:
            raise DataError(
                f"paths.data={self.root}: no {', '.join(missing)} in {folder}; put shd_train.h5.zip and "
                "shd_test.h5.zip from https://zenkelab.org/datasets/ there, unzip them and leave the archives beside"
            )
        bits_STP, targets_S = self._read(train=True)
        order = np.random.default_rng(self.seed).permutation(len(targets_S))
        val, train = np.split(order, [max(1, round(self.validation * len(order)))])
        return Splits(
            train=Packed(bits_STP[train], targets_S[train], self.inputs),
            val=Packed(bits_STP[val], targets_S[val], self.inputs),
            test=Packed(*self._read(train=False), self.inputs),
        )

    def _read(self, train: bool) -> tuple[NDArray[np.uint8], torch.Tensor]:
        # Slow to import, and a run on another data set never needs it.
        from tonic.datasets import SHD  # type: ignore[import-untyped]

        try:
            recordings = SHD(save_to=str(self.root), train=train)
            samples = len(recordings)
            bits_STP = np.empty((samples, self.steps, -(-self.inputs // 8)), np.uint8)
            targets_S = torch.empty(samples, dtype=torch.int64)
            for sample in range(samples):
                events, target = recordings[sample]
                bits_STP[sample] = self._bins(events["t"], events["x"])
                targets_S[sample] = int(target)
        except (OSError, KeyError) as error:  # what h5py says of a file that is cut short, or is another
            part = "train" if train else "test"
            raise DataError(f"{self.root / 'SHD' / f'shd_{part}.h5'} cannot be read as SHD: {error}") from None
        return bits_STP, targets_S

    def _bins(self, times_us: NDArray[np.int64], units: NDArray[np.int64]) -> NDArray[np.uint8]:
        steps = times_us // self.step_us
        inside = steps < self.steps
        x_TI = np.zeros((self.steps, self.inputs), np.bool_)
        x_TI[steps[inside], units[inside]] = True
        return np.packbits(x_TI, axis=1)
