"""Surrogate gradients: the shapes, their scale, and the spike that uses them.

Every shape f is normalised alike: f(0) = 1 and unit area. A surrogate is psi(u) = gamma f(beta u) at the centred
voltage u = v - theta, so that the dampening gamma is its peak and gamma / beta its area, whatever the shape.
Shapes compute in place where their own gradient does not need what is overwritten: memory is most of what they cost.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from snnexp.errors import require

Shape = Callable[[Tensor], Tensor]


def rectangular(x: Tensor) -> Tensor:
    """A box, 1 where |x| < 1/2 and else 0: the narrowest support of unit area."""
    return (x.abs() < 0.5).to(x.dtype)


def triangular(x: Tensor) -> Tensor:
    """A triangle, max(0, 1 - |x|). Source: Esser et al. 2016; Bellec et al. 2018."""
    return x.abs().neg_().add_(1).clamp_min(0)


def exponential(x: Tensor) -> Tensor:
    """Two-sided exponential decay, exp(-2|x|): the limit q -> inf of `q_pseudospike`.

    Source: Shrestha & Orchard 2018.
    """
    return torch.exp(x.abs().mul_(-2))


def gaussian(x: Tensor) -> Tensor:
    """A bell, exp(-pi x^2): the lightest tails of the smooth shapes."""
    return torch.exp(x.square().mul_(-math.pi))


def sigmoid(x: Tensor) -> Tensor:
    """Derivative of the logistic function, 4 s(4x) (1 - s(4x)), rescaled to unit peak and unit area."""
    # s(-x) rather than 1 - s(x), which rounds to 0 in the right tail but not in the left.
    return 4 * torch.sigmoid(4 * x) * torch.sigmoid(-4 * x)


def fast_sigmoid(x: Tensor) -> Tensor:
    """Derivative of the fast sigmoid, (1 + 2|x|)^-2: algebraic tails, the q = 2 member of `q_pseudospike`.

    Source: Zenke & Ganguli 2018 (SuperSpike), rescaled to unit peak and unit area.
    """
    return x.abs().mul_(2).add_(1).pow(-2)


def arctan(x: Tensor) -> Tensor:
    """Derivative of the arc tangent, 1 / (1 + (pi x)^2). Source: Fang et al. 2021."""
    return (math.pi * x).square().add_(1).reciprocal()


def q_pseudospike(x: Tensor, q: float) -> Tensor:
    """Tails of any fatness, (1 + 2|x| / (q - 1))^-q with q > 1: fast sigmoid at q = 2, exponential as q -> inf.

    Source: Herranz-Celotti & Rouat, App. C. Raises `OptionError` for q <= 1, where the area is infinite.
    """
    require(q > 1, "q", q, "the tail fatness must be greater than 1")
    # By the logarithm, since in float32 1 + 2|x| / (q - 1) is 1 for a large q.
    return torch.exp(x.abs().mul_(2).div_(q - 1).log1p().mul_(-q))


def constant(x: Tensor) -> Tensor:
    """Control: 1 everywhere, a gradient that ignores the voltage. Source: Zenke & Vogels 2021, Fig. 3c."""
    return torch.ones_like(x)


def zero(x: Tensor) -> Tensor:
    """Control: 0 everywhere, the true derivative of a spike. Source: Zenke & Vogels 2021, Fig. 2b."""
    return torch.zeros_like(x)


@dataclass(frozen=True)
class Surrogate:
    """A shape, and the units in which a paper counts its scale: psi(u) = gamma du f(beta su u).

    dampening_unit du, sharpness_unit su: 1 in this project's own units; a paper's parametrisation is a shape with other
    units, so that its numbers can be used as printed (SuperSpike's beta = 10 is sharpness 10 with su = 1/2).
    peak_follows_sharpness: du is multiplied by beta as well, as in the asymptotic SuperSpike of Zenke & Vogels 2021.
    """

    shape: Shape
    dampening_unit: float = 1.0
    sharpness_unit: float = 1.0
    peak_follows_sharpness: bool = False

    def __post_init__(self) -> None:
        self.shape(torch.zeros(1))  # a shape says here what is wrong with its own options
        require(self.dampening_unit > 0, "dampening_unit", self.dampening_unit, "must be greater than 0")
        require(self.sharpness_unit > 0, "sharpness_unit", self.sharpness_unit, "must be greater than 0")

    def __call__(self, u: Tensor, dampening: Tensor, sharpness: Tensor) -> Tensor:
        """psi(u); dampening and sharpness broadcast against u."""
        return self.peak(dampening, sharpness) * self.shape(self.sharpness_unit * sharpness * u)

    def peak(self, dampening: Tensor, sharpness: Tensor) -> Tensor:
        """psi(0), the dampening in the project's own units."""
        return dampening * self._unit(sharpness)

    def dampening(self, peak: Tensor, sharpness: Tensor) -> Tensor:
        """The dampening, in this surrogate's units, that gives psi(0) = peak: the inverse of `peak`.

        Raises `OptionError` for sharpness 0 where the peak follows it: psi is then 0 whatever the dampening.
        """
        unit = self._unit(sharpness)
        require(bool((unit > 0).all()), "sharpness", 0, "must be greater than 0 where the peak follows it")
        return peak / unit

    def _unit(self, sharpness: Tensor) -> Tensor:
        return self.dampening_unit * (sharpness if self.peak_follows_sharpness else torch.ones_like(sharpness))


class _Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx, u, psi, noise):  # type: ignore[no-untyped-def]
        ctx.save_for_backward(u)
        ctx.psi = psi
        return (u > (0 if noise is None else noise)).to(u.dtype)

    @staticmethod
    def backward(ctx, gradient):  # type: ignore[no-untyped-def]
        (u,) = ctx.saved_tensors
        return gradient * ctx.psi(u), None, None


def spike(u: Tensor, psi: Callable[[Tensor], Tensor], noise: Tensor | None = None) -> Tensor:
    """A spike where the centred voltage is above threshold, z = 1[u > 0] (strictly), with derivative psi(u).

    noise: a pre-drawn threshold of the same shape (see `escape`), z = 1[u > noise]; the derivative stays psi(u).
    """
    fired: Tensor = _Spike.apply(u, psi, noise)  # type: ignore[no-untyped-call]
    return fired
