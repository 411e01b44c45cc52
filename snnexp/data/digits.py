"""The small data set that needs no download: scikit-learn's handwritten digits as spike latencies."""

import torch

from snnexp.data.encoding import latency
from snnexp.data.module import DataModule, Splits
from snnexp.data.samples import OneSpike

TEST, VALIDATION = 360, 180


class Digits(DataModule):
    """1,797 digits of 8 x 8 pixels with 17 levels, one spike a pixel: 64 channels, 10 classes.

    The level over 16 is the intensity of `encoding.latency`; `tau` counts steps. `seed` draws 360 test and 180
    validation digits, every class in its proportion; 1,257 are left for training.

    Source: UCI Optical Recognition of Handwritten Digits (its test part), as shipped with scikit-learn.
    """

    inputs, classes = 64, 10

    def __init__(
        self,
        *,
        steps: int = 30,
        tau: float = 10.0,
        threshold: float = 0.2,
        batch_size: int,
        seed: int,
        order_seed: int,
        workers: int = 0,
        train_samples: int | None = None,
    ) -> None:
        super().__init__(
            batch_size=batch_size, seed=seed, order_seed=order_seed, workers=workers, train_samples=train_samples
        )
        self.steps = steps
        self.time_of_level = latency(torch.arange(17, dtype=torch.float64) / 16, tau, threshold, steps)

    def load(self) -> Splits:
        # Slow to import, and a run on another data set never needs it.
        from sklearn.datasets import load_digits  # type: ignore[import-untyped]
        from sklearn.model_selection import train_test_split  # type: ignore[import-untyped]

        levels, targets = load_digits(return_X_y=True)
        times_SI = self.time_of_level[torch.from_numpy(levels).long()]
        targets_S = torch.from_numpy(targets).long()

        rest, test = train_test_split(range(len(targets)), test_size=TEST, stratify=targets, random_state=self.seed)
        train, val = train_test_split(rest, test_size=VALIDATION, stratify=targets[rest], random_state=self.seed)
        return Splits(*(OneSpike(times_SI[part], targets_S[part], self.steps) for part in (train, val, test)))
