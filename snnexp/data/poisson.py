"""Poisson spike trains: input that is frozen once drawn, for networks that learn to answer it with other trains.

Shapes: S samples, T steps, I input channels.
"""

import numpy as np
import torch

from snnexp.data.module import DataModule, Splits
from snnexp.data.noise import Real
from snnexp.errors import require


class Poisson(DataModule):
    """Independent spikes, in every step and channel with the probability `rate`, and a random class.

    classes: how many output units a network has.  rate: spikes per step.  samples: of each split.  `seed` is the run's
    own here, since each repeat has input of its own.
    Source: Gygax & Zenke 2025, Sec. 8.4.1 (one sample, 50 Hz in steps of 1 ms).
    """

    def __init__(
        self,
        *,
        inputs: int,
        classes: int,
        steps: int,
        rate: float,
        samples: int,
        batch_size: int,
        seed: int,
        order_seed: int,
        workers: int = 0,
        train_samples: int | None = None,
    ) -> None:
        super().__init__(
            batch_size=batch_size, seed=seed, order_seed=order_seed, workers=workers, train_samples=train_samples
        )
        for option, count in {"inputs": inputs, "classes": classes, "steps": steps, "samples": samples}.items():
            require(count >= 1, option, count, "must be at least 1")
        require(0 <= rate <= 1, "rate", rate, "a probability per step, must lie in [0, 1]")
        self.inputs, self.classes, self.steps = inputs, classes, steps
        self.rate, self.samples = rate, samples

    def load(self) -> Splits:
        # Not torch's generator: with the seed of the weights it would give the weights' own numbers.
        rng = np.random.default_rng(self.seed)

        def split() -> Real:
            spikes = rng.random((self.samples, self.steps, self.inputs), dtype=np.float32) < self.rate
            targets = torch.from_numpy(rng.integers(self.classes, size=self.samples))
            return Real(torch.from_numpy(spikes.astype(np.float32)), targets, self.steps)

        return Splits(split(), split(), split())
