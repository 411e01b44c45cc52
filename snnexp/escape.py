"""Escape noise: a neuron that fires with a probability, as a threshold drawn before the step.

A unit that fires with probability F(u) fires exactly where u exceeds a threshold with distribution function F; so the
noise is drawn for the whole sequence at once, and the loop over time stays the deterministic one.
"""

import math
from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from snnexp.errors import require


class Escape(nn.Module, ABC):
    """Escape noise in training, in validation and test, or in both; without it a neuron fires deterministically.

    Which of the two it is, the module's own mode says, as for dropout.

    Raises `OptionError` where there is noise in neither.
    """

    def __init__(self, train: bool, test: bool) -> None:
        super().__init__()
        require(train or test, "test", test, "without noise in training and in test take escape=none")
        self.noisy_in = {True: train, False: test}

    @abstractmethod
    def quantile(self, probability: Tensor) -> Tensor:
        """The centred voltage at which a neuron fires with this probability, F^-1."""

    def forward(self, like: Tensor) -> Tensor | None:
        """Thresholds with distribution function F, in shape and place of `like`; None in a mode without noise."""
        if not self.noisy_in[self.training]:
            return None
        # At least float32: of 256 values, which is all that bfloat16 can draw, one would make every neuron fire.
        precision = torch.promote_types(like.dtype, torch.float32)
        return self.quantile(torch.rand_like(like, dtype=precision))


class Sigmoid(Escape):
    """Fires with probability 1 / (1 + exp(-steepness u)) at the centred voltage u; steepness -> inf is a step.

    Source: Gygax & Zenke 2025, Eqs. 4 and 13.
    """

    def __init__(self, steepness: float = 10.0, train: bool = True, test: bool = True) -> None:
        super().__init__(train, test)
        require(steepness > 0, "steepness", steepness, "must be greater than 0")
        self.steepness = steepness

    def quantile(self, probability: Tensor) -> Tensor:
        return torch.logit(probability, eps=1e-12) / self.steepness


class Exponential(Escape):
    """Fires with probability 1 - exp(-rate exp(u / width)): the hazard grows exponentially with the centred voltage u.

    rate: rho_0 dt, the expected number of spikes a step at threshold.  width: Delta, in units of the voltage.
    Source: Gerstner, Kistler, Naud & Paninski 2014, Neuronal Dynamics, Sec. 9.1.
    """

    def __init__(self, rate: float = 0.7, width: float = 0.1, train: bool = True, test: bool = True) -> None:
        super().__init__(train, test)
        require(rate > 0, "rate", rate, "must be greater than 0")
        require(width > 0, "width", width, "must be greater than 0")
        self.rate, self.width = rate, width

    def quantile(self, probability: Tensor) -> Tensor:
        hazard = -torch.log1p(-probability.clamp_min(1e-12))
        return self.width * (hazard.log() - math.log(self.rate))
