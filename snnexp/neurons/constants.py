"""Constants of a neuron model: one value per neuron, equal or drawn, fixed or learnable.

A model is given a specification (`PerNeuron`, `Decay`, or a plain number), which knows no size, and makes of it the
values of its own neurons (`Values`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from snnexp.errors import require


class Values(nn.Module):
    """The values [N] of one constant; calling it gives them, differentiable where they are learnable."""

    def __init__(self, raw_N: Tensor, learnable: bool, of_raw: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.of_raw = of_raw
        self.raw: Tensor
        if learnable:
            self.raw = nn.Parameter(raw_N)
        else:
            self.register_buffer("raw", raw_N)

    def forward(self) -> Tensor:
        return self.of_raw(self.raw)


def _identity(raw: Tensor) -> Tensor:
    return raw


def _decay_of_log_time(raw: Tensor) -> Tensor:
    return torch.exp(-torch.exp(-raw))


def _draw(mean: float, sd: float, size: int, cut: float | None) -> Tensor:
    """Normal, redrawn beyond `cut` standard deviations (what TensorFlow calls truncated normal has a cut of 2)."""
    if sd == 0:
        return torch.full((size,), float(mean))
    if cut is None:
        return torch.empty(size).normal_(mean, sd)
    return nn.init.trunc_normal_(torch.empty(size), mean, sd, mean - cut * sd, mean + cut * sd)


@dataclass(frozen=True)
class PerNeuron:
    """A constant whose values are drawn once per neuron from a normal distribution.

    mean, sd: in the constant's own unit; sd = 0 gives every neuron the mean.
    learnable: the values are trained with the weights.
    cut: values farther from the mean than so many standard deviations are drawn again; None: none are.
    """

    mean: float
    sd: float = 0.0
    learnable: bool = False
    cut: float | None = 2.0

    def __post_init__(self) -> None:
        require(self.sd >= 0, "sd", self.sd, "must not be negative")
        require(self.cut is None or self.cut > 0, "cut", self.cut, "must be greater than 0, or null")

    def values(self, size: int) -> Values:
        return Values(_draw(self.mean, self.sd, size, self.cut), self.learnable, _identity)


@dataclass(frozen=True)
class Decay:
    """A decay per step, alpha = exp(-1 / tau), given by its time constant tau in steps.

    time, sd: mean and standard deviation of tau, which is cut at two standard deviations; these must stay above 0.
    learnable: log tau is trained with the weights, so that tau stays positive and alpha between 0 and 1.
    """

    time: float
    sd: float = 0.0
    learnable: bool = False

    def __post_init__(self) -> None:
        require(self.time > 0, "time", self.time, "a time constant, in steps, is greater than 0")
        require(0 <= 2 * self.sd < self.time, "sd", self.sd, f"must lie in [0, time / 2), time is {self.time}")

    def values(self, size: int) -> Values:
        return Values(_draw(self.time, self.sd, size, 2.0).log(), self.learnable, _decay_of_log_time)


def constant(option: str, value: float | PerNeuron, size: int) -> Values:
    """Values of a constant that is 0 or positive; raises `OptionError` that names the option otherwise."""
    spec = value if isinstance(value, PerNeuron) else PerNeuron(float(value))
    positive = spec.mean > 2 * spec.sd or spec.mean == spec.sd == 0
    require(positive, option, spec.mean, "must be 0, or greater than 0 by more than two standard deviations")
    return spec.values(size)


def decay(option: str, value: float | Decay, size: int) -> Values:
    """Values of a decay per step; a plain number is alpha itself and must lie in [0, 1]."""
    if isinstance(value, Decay):
        return value.values(size)
    require(0 <= value <= 1, option, value, "a decay per step lies in [0, 1]")
    return Values(torch.full((size,), float(value)), False, _identity)
