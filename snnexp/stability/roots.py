"""The sharpness, or the fatness of the tail, with which a surrogate meets condition IV."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from snnexp.errors import require
from snnexp.stability.extremes import Bounds
from snnexp.stability.gradient_variance import Demand
from snnexp.stability.moments import Moments, check_voltage, moments
from snnexp.stability.terms import Value, real

_HALVINGS = 60  # of the bracket's logarithm: the last digit of float64 for any bracket


class Root(NamedTuple):
    """A root; or, where `feasible` is False, the end of the bracket that comes nearer to being one.

    residual: left minus right side of the equation at `value`.
    """

    value: Tensor
    residual: Tensor
    feasible: Tensor


def bisect(residual: Callable[[Tensor], Tensor], bracket: tuple[float, float]) -> Root:
    """Roots of residual(x) = 0 for x > 0, all neurons at once, by halving the logarithm of the bracket.

    residual: elementwise, and of the shape of the result also when given a single number.
    A root is seen where the residual has different signs at the ends of the bracket; of several, one is found.
    Raises `OptionError` unless 0 < low < high.
    """
    low, high = bracket
    require(0 < low < high, "bracket", bracket, "must be [low, high] with 0 < low < high")
    at_low_N, at_high_N = residual(real(low)), residual(real(high))
    left_N, right_N = torch.full_like(at_low_N, low), torch.full_like(at_high_N, high)
    feasible_N = at_low_N.sign() * at_high_N.sign() <= 0
    nearer_N = torch.where(at_low_N.abs() <= at_high_N.abs(), left_N, right_N)
    for _ in range(_HALVINGS):
        middle_N = (left_N * right_N).sqrt()
        beyond_N = residual(middle_N).sign() != at_low_N.sign()
        left_N, right_N = torch.where(beyond_N, left_N, middle_N), torch.where(beyond_N, middle_N, right_N)
    value_N = torch.where(feasible_N, right_N, nearer_N)
    return Root(value_N, residual(value_N), feasible_N)


def sharpness(
    demand: Demand,
    shape: Callable[[Tensor], Tensor],
    voltage: Bounds,
    gamma: Value = 1.0,
    bracket: tuple[float, float] = (1e-6, 1e3),
) -> Root:
    """The sharpness beta with which psi = gamma f(beta v), v uniform in `voltage`, meets condition IV.

    There is none where gamma^2 or more is demanded, since E[psi^2] < gamma^2 for every sharpness. Glorot weights demand
    about 1, so most of them have no root with gamma = 1 and none with the gamma of condition III, about 0.2.
    Source: eqs 1, 64.
    """
    return bisect(lambda beta: demand.residual(moments(shape, voltage, gamma, beta)), bracket)


def _pseudospike_moment(q: Tensor, voltage: Bounds, order: int, gamma: Tensor, beta: Tensor) -> Tensor:
    """E[psi^m] as in `moments`, in closed form. Source: eq. 87, there with m = 2 and gamma = beta = 1."""

    def primitive(u: Tensor) -> Tensor:
        grown = torch.expm1((1 - order * q) * torch.log1p(2 * u.abs() / (q - 1)))
        return -u.sign() * (q - 1) / (2 * (order * q - 1)) * grown

    low, high = beta * real(voltage.low), beta * real(voltage.high)
    return gamma.pow(order) * (primitive(high) - primitive(low)) / (high - low)


def tail(
    demand: Demand,
    voltage: Bounds,
    gamma: Value = 1.0,
    beta: Value = 1.0,
    bracket: tuple[float, float] = (1.001, 1e3),
) -> Root:
    """The fatness q with which the q-PseudoSpike, psi = gamma (1 + 2|beta v| / (q - 1))^-q, meets condition IV.

    Halves the logarithm of q - 1. Raises `OptionError` for a bracket that does not start above 1 and an empty range.
    Source: eq. 87; the paper has gamma = beta = 1.
    """
    require(1 < bracket[0] < bracket[1], "bracket", bracket, "must be [low, high] with 1 < low < high")
    check_voltage(voltage)
    gamma, beta = real(gamma), real(beta)

    def residual(above_one: Tensor) -> Tensor:
        first, second = (_pseudospike_moment(above_one + 1, voltage, order, gamma, beta) for order in (1, 2))
        return demand.residual(Moments(first, second))

    root = bisect(residual, (bracket[0] - 1, bracket[1] - 1))
    return root._replace(value=root.value + 1)
