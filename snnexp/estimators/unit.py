"""A single unit: its output, and the derivatives of it that the theory compares.

u is the centred voltage, beta the steepness of the escape noise; s(x) = 1 / (1 + exp(-x)). All derivatives are with
respect to u; with respect to a weight they are that times the unit's input (chain rule, Eq. 6).

A stochastic derivative is a triple (delta, w, Y): with the weight w, per unit of the parameter, the outcome jumps to Y.
Smoothed, it is delta + w (Y - y), with the mean over what is left to chance. For a Bernoulli outcome y of probability
p, with respect to p, it is 1 / (1 - p) where y = 0 (jumps to the right) or 1 / p where y = 1 (to the left).

Source: Gygax & Zenke 2025, Sec. 3.1 and Appendix B, after Arya et al. 2022. The weights of `affine` are derived: they
are the only ones with which it is what the paper says.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from snnexp.surrogates import Surrogate

Slope = Callable[[Tensor], Tensor]
"""What stands for the derivative of a unit's output: a surrogate psi(u), or the true derivative of a smooth unit."""


def psi(surrogate: Surrogate, dampening: float, sharpness: float) -> Slope:
    """A surrogate of fixed scale in float64, in its own units of dampening and sharpness."""
    gamma, beta = (torch.tensor(value, dtype=torch.float64) for value in (dampening, sharpness))
    return lambda u: surrogate(u, gamma, beta)


def probability(u: Tensor, steepness: float) -> Tensor:
    """The expected output of a noisy unit, p = s(beta u) (Eq. 4); also the output of a smooth one."""
    return torch.sigmoid(steepness * u)


def slope(u: Tensor, steepness: float) -> Tensor:
    """The derivative of the expected output, dp/du = beta s(beta u) s(-beta u) (Eq. 5)."""
    return steepness * torch.sigmoid(steepness * u) * torch.sigmoid(-steepness * u)


def right(u: Tensor, fired: Tensor, steepness: float) -> Tensor:
    """The right smoothed stochastic derivative, beta p where the unit is silent and else 0: dp/du / (1 - p)."""
    return steepness * torch.sigmoid(steepness * u) * (1 - fired)


def left(u: Tensor, fired: Tensor, steepness: float) -> Tensor:
    """The left smoothed stochastic derivative, beta (1 - p) where the unit fires and else 0: dp/du / p."""
    return steepness * torch.sigmoid(-steepness * u) * fired


def affine(u: Tensor, fired: Tensor, steepness: float) -> Tensor:
    """The combination (1 - p) right + p left: dp/du whatever the outcome, so no chance is left in it."""
    silent = torch.sigmoid(-steepness * u)
    return silent * right(u, fired, steepness) + torch.sigmoid(steepness * u) * left(u, fired, steepness)
