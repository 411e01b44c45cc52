"""Gaussian noise: input about which nothing can be known, to ask what a network does with any.

Shapes: S samples, T steps (1 where all steps are the same), I input channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

import numpy as np
import torch
from torch import Tensor

from snnexp.data.module import DataModule, Splits
from snnexp.data.samples import Samples
from snnexp.errors import choice, require


class Drawn(StrEnum):
    """How often an input vector is drawn: once, and shown at every step, or anew for every step."""

    ONCE = "once"
    EVERY_STEP = "every_step"


@dataclass(frozen=True, eq=False)
class Real(Samples):
    """Real-valued input, held as it is."""

    values: Tensor  # [S, T, I]
    targets: Tensor  # [S], int64
    steps: int

    def frames(self, indices: Sequence[int]) -> Tensor:
        return self.values[indices].transpose(0, 1).expand(self.steps, -1, -1).contiguous()

    def first(self, count: int) -> Self:
        return replace(self, values=self.values[:count], targets=self.targets[:count])


class Noise(DataModule):
    """Independent N(0, 1) in every channel, and a random class: there is nothing to learn, except by heart.

    drawn: see `Drawn`.  samples: of each split.  `seed` is the run's own here, since each repeat has input of its own.
    Source: Micheli et al. 2024 (their I_0, drawn once).
    """

    def __init__(
        self,
        *,
        inputs: int = 100,
        classes: int = 10,
        steps: int = 20,
        drawn: Drawn = Drawn.ONCE,
        samples: int = 128,
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
        self.inputs, self.classes, self.steps, self.samples = inputs, classes, steps, samples
        self.drawn = choice(Drawn, "drawn", drawn)

    def load(self) -> Splits:
        # Not torch's generator: with the seed of the weights it would give the weights' own numbers.
        rng = np.random.default_rng(self.seed)
        steps = self.steps if self.drawn is Drawn.EVERY_STEP else 1

        def split() -> Real:
            values = rng.standard_normal((self.samples, steps, self.inputs), dtype=np.float32)
            targets = torch.from_numpy(rng.integers(self.classes, size=self.samples))
            return Real(torch.from_numpy(values), targets, self.steps)

        return Splits(split(), split(), split())
