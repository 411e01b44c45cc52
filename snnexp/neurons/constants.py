"""Constants of a neuron model: one value per neuron, equal or drawn, fixed or learnable.

A model is given a specification (`Constant`, `DecayConstant`: one of the classes here, or a plain number), which knows
no size, and makes of it the values of its own neurons (`Values`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from math import inf, log

import torch
from torch import Tensor, nn

from snnexp.errors import require


class Values(nn.Module):
    """The values [N] of one constant; calling it gives them, differentiable where they are learnable.

    raw: what is trained, [N], or [1] where all neurons share it.  of_raw: the values from it.
    """

    def __init__(self, raw: Tensor, learnable: bool, of_raw: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.of_raw = of_raw
        self.raw: Tensor
        if learnable:
            self.raw = nn.Parameter(raw)
        else:
            self.register_buffer("raw", raw)

    def forward(self) -> Tensor:
        return self.of_raw(self.raw)


def _identity(raw: Tensor) -> Tensor:
    return raw


def _decay_of_log_time(raw: Tensor) -> Tensor:
    return torch.exp(-torch.exp(-raw))


class _Clip(torch.autograd.Function):
    """Clips to an interval; beyond its ends the gradients pass with which a descent comes back."""

    @staticmethod
    def forward(ctx, raw, low, high):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(raw)
        ctx.low, ctx.high = low, high
        return raw.clamp(low, high)

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        (raw,) = ctx.saved_tensors
        outward = ((raw < ctx.low) & (gradient > 0)) | ((raw > ctx.high) & (gradient < 0))
        return gradient.masked_fill(outward, 0.0), None, None


def _clipped(raw: Tensor, low: float, high: float) -> Tensor:
    values: Tensor = _Clip.apply(raw, low, high)  # type: ignore[no-untyped-call]
    return values


def _decay_of_share(raw: Tensor, low: float, high: float) -> Tensor:
    return torch.exp(-1 / (low + (high - low) * _clipped(raw, 0.0, 1.0)))


def _decay_of_logit(raw: Tensor, size: int) -> Tensor:
    return (1 - torch.sigmoid(raw)).repeat(size)


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


@dataclass(frozen=True)
class Uniform:
    """A constant whose values are drawn uniformly between two bounds, and stay between them when they are trained.

    low, high: in the constant's own unit.  learnable: the values are trained with the weights.
    Source: the constants of Bittar & Garner 2022 and Baronig et al. 2025, whose codes clip them.
    """

    low: float
    high: float
    learnable: bool = False

    def __post_init__(self) -> None:
        require(self.low <= self.high, "low", self.low, f"must not exceed high, which is {self.high}")

    def values(self, size: int) -> Values:
        raw_N = torch.empty(size).uniform_(self.low, self.high)
        return Values(raw_N, self.learnable, partial(_clipped, low=self.low, high=self.high))


@dataclass(frozen=True)
class UniformDecay:
    """A decay per step, alpha = exp(-1 / tau), whose tau is drawn uniformly between two bounds and stays between them.

        tau = low + s (high - low),   s in [0, 1]

    low, high: in steps.  learnable: s is trained with the weights.
    Source: Baronig et al. 2025.
    """

    low: float
    high: float
    learnable: bool = False

    def __post_init__(self) -> None:
        right = f"a time constant, in steps, must be greater than 0 and at most high, which is {self.high}"
        require(0 < self.low <= self.high, "low", self.low, right)

    def values(self, size: int) -> Values:
        return Values(torch.rand(size), self.learnable, partial(_decay_of_share, low=self.low, high=self.high))


@dataclass(frozen=True)
class SharedDecay:
    """A decay per step, alpha = 1 - 1 / tau with 1 / tau = sigmoid(w), of all neurons of a layer alike.

    time: tau at first, in steps.  learnable: w is trained with the weights, one number for the layer.
    Source: Fang et al. 2021 (there tau_0 = 2).
    """

    time: float
    learnable: bool = False

    def __post_init__(self) -> None:
        require(self.time > 1, "time", self.time, "tau in 1 - 1 / tau must be greater than 1 step")

    def values(self, size: int) -> Values:
        raw_1 = torch.tensor([-log(self.time - 1)])
        return Values(raw_1, self.learnable, partial(_decay_of_logit, size=size))


Constant = float | PerNeuron | Uniform
DecayConstant = float | Decay | UniformDecay | SharedDecay | Uniform


def signed(value: Constant, size: int) -> Values:
    """Values of a constant that may be any number."""
    return (PerNeuron(float(value)) if isinstance(value, float | int) else value).values(size)


def constant(option: str, value: float | PerNeuron, size: int) -> Values:
    """Values of a constant that is 0 or positive; raises `OptionError` that names the option otherwise."""
    spec = value if isinstance(value, PerNeuron) else PerNeuron(float(value))
    if spec.sd == 0:
        require(spec.mean >= 0, option, spec.mean, "must not be negative")
    else:
        reach = spec.sd * (inf if spec.cut is None else spec.cut)
        right = f"must be greater than cut times sd, here {reach:g}, or negative values would be drawn"
        require(spec.mean > reach, option, spec.mean, right)
    return spec.values(size)


def decay(option: str, value: DecayConstant, size: int) -> Values:
    """Values of a decay per step; a plain number is alpha itself and must lie in [0, 1], as do bounds of alpha."""
    if isinstance(value, float | int):
        require(0 <= value <= 1, option, value, "a decay per step lies in [0, 1]")
        return Values(torch.full((size,), float(value)), False, _identity)
    if isinstance(value, Uniform):
        inside = value.low >= 0 and value.high <= 1
        require(inside, option, [value.low, value.high], "a decay per step lies in [0, 1]; for times take UniformDecay")
    return value.values(size)
