"""How activity passes from layer to layer of threshold units, at one step: mean-field map and exact chain.

A layer of n neurons has voltages u_i = sum_j w_ij z_j, with z the spikes 1[u > theta] of the layer before and weights
of mean 0 and variance c / n. The voltages of the layer before have variance v, or k of its neurons have spiked:

    mean field, n -> inf      v' = c Q(theta / sqrt v),    Q(x) = P(N(0, 1) > x)
    Gaussian weights, exact   k' ~ Bin(n, Q(theta / sqrt(c k / n)))

since given k spikes the voltages are independent N(0, c k / n). The first population has voltages N(0, 1). The rule of
Micheli et al., c = 1 / Q(theta), has the fixed point v = 1.

Source: Micheli et al. 2024 (arXiv 2410.00580), eqs. 10 and 12, for v = 1; the other fixed points, their stability and
the chain are derived here. Float64 throughout. Shapes: K = n + 1 numbers of spikes, L layers.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from snnexp.errors import require
from snnexp.moments import firing_probability


def firing(theta: float, variance: float = 1.0) -> float:
    """Q(theta / sqrt variance): the probability that a voltage N(0, variance) lies above the threshold."""
    return firing_probability(theta, variance=variance) if variance > 0 else 0.0


def propagation_gain(theta: float) -> float:
    """c = 1 / Q(theta), with which variance 1 stays 1. Source: Micheli et al., Eq. 10."""
    return 1 / firing(theta)


def variance_map(variance: float, theta: float, gain: float) -> float:
    """The variance v' = c Q(theta / sqrt v) of the voltages in the next layer; gain: c."""
    return gain * firing(theta, variance)


def slope(variance: float, theta: float, gain: float) -> float:
    """Derivative of `variance_map`; a fixed point is stable where it is below 1."""
    x = theta / math.sqrt(variance)
    return gain * x * math.exp(-x * x / 2) / math.sqrt(2 * math.pi) / (2 * variance)


def _bisect(negative_at: Callable[[float], bool], low: float, high: float) -> float:
    """Where the condition, true at `low`, ends."""
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if negative_at(middle) else (low, middle)
    return low


_PEAK = _bisect(lambda x: slope(1.0, x, propagation_gain(x)) < 1, 0.1, 3.0)


def stable_threshold() -> float:
    """The threshold, 1.1906, below which the fixed point v = 1 of c = 1 / Q(theta) is stable: where x^2 Q(x) peaks."""
    return _PEAK


def critical_gain(theta: float) -> float:
    """The least c with which activity can survive at all: theta^2 / max x^2 Q(x) = 6.0344 theta^2."""
    return theta**2 / (_PEAK**2 * firing(_PEAK))


class FixedPoints(NamedTuple):
    """Where `variance_map` keeps the variance, beside 0: below `unstable` activity dies, above it goes to `stable`."""

    unstable: float
    stable: float


def fixed_points(theta: float, gain: float) -> FixedPoints | None:
    """The two fixed points v > 0 of the map; None where c is below `critical_gain`, and activity dies from any start.

    With x = theta / sqrt v they are the two solutions of x^2 Q(x) = theta^2 / c.
    """
    if theta == 0:
        return FixedPoints(0.0, gain / 2)
    if gain < critical_gain(theta):
        return None

    def below(x: float) -> bool:
        return x * x * firing(x) < theta**2 / gain

    small = _bisect(below, 0.0, _PEAK)
    large = _bisect(lambda x: not below(x), _PEAK, 40.0)
    return FixedPoints((theta / large) ** 2, (theta / small) ** 2)


def transitions(width: int, theta: float, gain: float) -> Tensor:
    """P(k' spikes | k spikes in the layer before), [K, K]: a row for each k. The row of k = 0 stays at 0."""
    require(width >= 1, "width", width, "must be at least 1")
    k_K = torch.arange(width + 1, dtype=torch.float64)
    p_K1 = (0.5 * torch.erfc(theta / (2 * gain * k_K / width).sqrt())).unsqueeze(1)
    if theta == 0:
        p_K1[0] = 0.0  # 0 / 0: voltages that are all 0 don't exceed a threshold of 0
    return _binomial(width, p_K1)


def _binomial(width: int, p: Tensor) -> Tensor:
    k_K = torch.arange(width + 1, dtype=torch.float64)
    factorial_K = torch.lgamma(k_K + 1)
    ways_K = factorial_K[-1] - factorial_K - factorial_K.flip(0)
    exponent: Tensor = ways_K + torch.xlogy(k_K, p) + torch.special.xlog1py(width - k_K, -p)
    return exponent.exp()


class Passage(NamedTuple):
    """What Gaussian weights do to activity, exact for any width, in layers 0 (voltages N(0, 1)) to L - 1.

    variance, sd: mean and standard deviation of the variance over a layer's neurons (divisor n).
    spikes: mean number of spikes in a layer.  dead: probability that a layer does not spike at all.
    """

    variance: Tensor
    sd: Tensor
    spikes: Tensor
    dead: Tensor


def passage(layers: int, width: int, threshold: float, gain: float | None = None) -> Passage:
    """The exact chain through layers of equal width at one step, from an encoder that is given N(0, 1).

    gain: c; None is that of the propagation rule, 1 / Q(theta).
    """
    gain = propagation_gain(threshold) if gain is None else gain
    k_K = torch.arange(width + 1, dtype=torch.float64)
    step_KK = transitions(width, threshold, gain)
    spikes_K = _binomial(width, torch.tensor(firing(threshold), dtype=torch.float64))
    # Given the voltages' own variance V, the one over n of them is V chi^2_{n-1} / n.
    mean, square = (width - 1) / width, (width**2 - 1) / width**2
    own, own_square = torch.ones((), dtype=torch.float64), torch.ones((), dtype=torch.float64)
    rows = []
    for _ in range(layers):
        variance = mean * own
        rows.append((variance, (square * own_square - variance**2).sqrt(), spikes_K @ k_K, spikes_K[0]))
        own, own_square = ((spikes_K @ (gain * k_K / width) ** power) for power in (1, 2))
        spikes_K = spikes_K @ step_KK
    return Passage(*(torch.stack(column) for column in zip(*rows, strict=True)))
