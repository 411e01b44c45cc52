"""Random smooth manifolds as spike times: a synthetic task whose difficulty is a number.

Shapes: S samples of a class, I input channels, D dimensions of the manifold, K terms of the series.
"""

from enum import StrEnum
from math import ceil, pi

import numpy as np
import torch
from torch import Tensor

from snnexp.data.encoding import LONGEST
from snnexp.data.module import DataModule, Splits
from snnexp.data.samples import OneSpike
from snnexp.errors import choice, require


class Spectrum(StrEnum):
    """Weight w_k of the k-th harmonic.

    `paper`: k = 1..K, w_k = k^-alpha. `code`: k = 0..K-1, w_k = 1 / ((k + 1)^alpha + 1), and w_0 = 0: what the
    authors' default generator computes.
    """

    PAPER = "paper"
    CODE = "code"


def harmonics(spectrum: Spectrum, alpha: float) -> tuple[Tensor, Tensor]:
    """k and w_k. K is the least number whose k^-alpha is below 1e-3, and 1000 at most, in both spectra."""
    terms = min(ceil(1e-3 ** (-1 / alpha)), 1000)
    counted_K = torch.arange(1, terms + 1, dtype=torch.float64)
    if spectrum is Spectrum.PAPER:
        return counted_K, counted_K**-alpha
    weights_K = 1 / (counted_K**alpha + 1)
    weights_K[0] = 0
    return counted_K - 1, weights_K


def manifold(x_SD: Tensor, theta_3IDK: Tensor, k_K: Tensor, weights_K: Tensor) -> Tensor:
    """Points of a random manifold in I dimensions, at the coordinates x in [0, 1)^D.

    f_i(x) = prod_j sum_k w_k A_ijk sin(2 pi (k x_j B_ijk + C_ijk)) with theta = (A, B, C) uniform on [0, 1).

    Source: Zenke & Vogels 2021, Sec. 4.1.1.
    """
    amplitude_IDK, frequency_IDK, phase_IDK = theta_3IDK
    channels = []
    for A_DK, B_DK, C_DK in zip(amplitude_IDK, frequency_IDK, phase_IDK, strict=True):
        waves_SDK = torch.sin(2 * pi * (x_SD[:, :, None] * (k_K * B_DK) + C_DK))
        channels.append((waves_SDK * (weights_K * A_DK)).sum(2).prod(1))
    return torch.stack(channels, 1)


class Randman(DataModule):
    """One random manifold a class; a point on it is one spike in each channel, all within the first `tau` steps.

    Each f_i is brought to [0, 1) over the samples of its class, (f - min) / (max - min + 1e-7), and the spike falls
    into step floor(tau f). A tenth of each class is for validation, a tenth for testing. Small `alpha` makes rough
    manifolds, large `dims` hard ones.

    Source: Zenke & Vogels 2021, Sec. 4.1.1, and the authors' package randman.
    """

    def __init__(
        self,
        *,
        spectrum: Spectrum = Spectrum.PAPER,
        dims: int = 1,
        alpha: float = 1.0,
        inputs: int = 20,
        classes: int = 10,
        class_samples: int = 1000,
        steps: int = 100,
        tau: int = 50,
        batch_size: int,
        seed: int,
        order_seed: int,
        workers: int = 0,
        train_samples: int | None = None,
    ) -> None:
        super().__init__(
            batch_size=batch_size, seed=seed, order_seed=order_seed, workers=workers, train_samples=train_samples
        )
        require(alpha > 0, "alpha", alpha, "must be greater than 0")
        for option, count in {"dims": dims, "inputs": inputs, "classes": classes}.items():
            require(count >= 1, option, count, "must be at least 1")
        require(class_samples >= 10, "class_samples", class_samples, "must be at least 10, to be split 8:1:1")
        require(1 <= steps <= LONGEST, "steps", steps, f"must lie in [1, {LONGEST}]")
        require(1 <= tau <= steps, "tau", tau, f"must lie in [1, steps], steps is {steps}")
        self.spectrum, self.dims, self.alpha = choice(Spectrum, "spectrum", spectrum), dims, alpha
        self.inputs, self.classes, self.class_samples = inputs, classes, class_samples
        self.steps, self.tau = steps, tau

    def load(self) -> Splits:
        rng = np.random.default_rng(self.seed)
        k_K, weights_K = harmonics(self.spectrum, self.alpha)
        times = []
        for _ in range(self.classes):
            theta_3IDK = torch.from_numpy(rng.random((3, self.inputs, self.dims, len(k_K))))
            x_SD = torch.from_numpy(rng.random((self.class_samples, self.dims)))
            f_SI = manifold(x_SD, theta_3IDK, k_K, weights_K)
            low_I, high_I = f_SI.aminmax(dim=0)
            times.append((self.tau * (f_SI - low_I) / (high_I - low_I + 1e-7)).to(torch.int16))
        times_SI = torch.cat(times)
        targets_S = torch.arange(self.classes).repeat_interleave(self.class_samples)

        # Every class in its proportion: the points of a class are independent draws, so any tenth of them will do.
        order = rng.permutation(len(times_SI))
        tenth = (order % self.class_samples) // (self.class_samples // 10)
        train, val, test = order[tenth > 1], order[tenth == 0], order[tenth == 1]
        return Splits(*(OneSpike(times_SI[part], targets_S[part], self.steps) for part in (train, val, test)))
