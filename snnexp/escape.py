"""Escape noise: a neuron that fires with a probability, as a threshold drawn before the step.

A unit that fires with probability F(u) fires exactly where u exceeds a threshold with distribution function F; so the
noise is drawn for the whole sequence at once, and the loop over time stays the deterministic one.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from snnexp.errors import require


@dataclass(frozen=True)
class Sigmoid:
    """Fires with probability 1 / (1 + exp(-steepness u)) at the centred voltage u; steepness -> inf is a step.

    Source: Gygax & Zenke 2025, Eqs. 4 and 13.
    """

    steepness: float = 10.0

    def __post_init__(self) -> None:
        require(self.steepness > 0, "steepness", self.steepness, "must be greater than 0")

    def __call__(self, like: Tensor) -> Tensor:
        """Thresholds with the logistic distribution of scale 1 / steepness, in shape and place of `like`."""
        # At least float32: of 256 values, which is all that bfloat16 can draw, one would make every neuron fire.
        precision = torch.promote_types(like.dtype, torch.float32)
        return torch.logit(torch.rand_like(like, dtype=precision), eps=1e-12) / self.steepness
