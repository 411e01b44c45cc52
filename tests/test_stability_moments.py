"""Moments of the shapes against scipy's adaptive quadrature and the closed forms of the paper."""

import math
from collections.abc import Callable
from itertools import pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad  # type: ignore[import-untyped]
from torch import Tensor

from snnexp import surrogates
from snnexp.errors import OptionError
from snnexp.stability import Bounds, moments

Shape = Callable[[Tensor], Tensor]
SHAPES: dict[str, Shape] = {
    "rectangular": surrogates.rectangular,
    "triangular": surrogates.triangular,
    "exponential": surrogates.exponential,
    "gaussian": surrogates.gaussian,
    "sigmoid": surrogates.sigmoid,
    "fast_sigmoid": surrogates.fast_sigmoid,
    "arctan": surrogates.arctan,
    "q_1.01": lambda x: surrogates.q_pseudospike(x, 1.01),
    "q_1.5": lambda x: surrogates.q_pseudospike(x, 1.5),
    "q_16.8": lambda x: surrogates.q_pseudospike(x, 16.8),
}
AREA_OF_SQUARE = {
    "rectangular": 1.0,
    "triangular": 2 / 3,
    "exponential": 1 / 2,
    "gaussian": 1 / math.sqrt(2),
    "sigmoid": 2 / 3,
    "fast_sigmoid": 1 / 3,
    "arctan": 1 / 2,
    "q_1.01": 0.01 / 1.02,
    "q_1.5": 1 / 4,
    "q_16.8": 15.8 / 32.6,
}


def bounds(low: float | list[float], high: float | list[float]) -> Bounds:
    return Bounds(torch.tensor(low, dtype=torch.float64), torch.tensor(high, dtype=torch.float64))


def by_scipy(shape: Shape, low: float, high: float, order: int, gamma: float, beta: float) -> float:
    """The mean of psi^m, piece by piece between kinks and decades, so that the oracle itself is exact to 1e-12."""
    kinks = [sign * size for size in (0.5, 1.0, *(10.0**k for k in range(-5, 7))) for sign in (-1, 1)]
    edges = sorted({beta * low, beta * high, *(x for x in (0.0, *kinks) if beta * low < x < beta * high)})
    pieces = (
        quad(lambda x: shape(torch.tensor(x, dtype=torch.float64)).item() ** order, a, b, epsabs=1e-14, epsrel=1e-12)[0]
        for a, b in pairwise(edges)
    )
    return gamma**order * math.fsum(pieces) / (beta * (high - low))


@pytest.mark.parametrize(("low", "high"), [(-0.3, 0.4), (-3.0, 1.7), (0.2, 6.0), (-40.0, -0.01), (-1e-6, 1e-3)])
@pytest.mark.parametrize("name", SHAPES)
def test_moments_are_those_of_scipy(name: str, low: float, high: float) -> None:
    expected = [by_scipy(SHAPES[name], low, high, order, 0.3, 1.3) for order in (1, 2)]
    assert [m.item() for m in moments(SHAPES[name], bounds(low, high), 0.3, 1.3)] == pytest.approx(expected, rel=1e-10)


def exponential_moment(a: float, b: float, order: int) -> float:
    """Eq. 82 with gamma = 1."""

    def term(x: float) -> float:
        return math.copysign(-math.expm1(-2 * order * abs(x)), x)

    return (term(b) - term(a)) / (2 * order * (b - a))


def pseudospike_second_moment(low: float, high: float, q: float) -> float:
    """Eq. 87, in the paper's own form."""

    def g(v: float) -> float:
        rest: float = (q - 1 + 2 * v) * (1 + 2 * v / (q - 1)) ** (-2 * q)
        return (q - 1 - rest) / (2 * (2 * q - 1))

    return (math.copysign(g(abs(high)), high) - math.copysign(g(abs(low)), low)) / (high - low)


@settings(deadline=None)
@given(low=st.floats(-50, 1), width=st.floats(1e-2, 100), beta=st.floats(1e-3, 1e2))
def test_exponential_has_the_closed_form(low: float, width: float, beta: float) -> None:
    result = moments(surrogates.exponential, bounds(low, low + width), beta=beta)
    expected = [exponential_moment(beta * low, beta * (low + width), order) for order in (1, 2)]
    cancelled = 1e-15 / (beta * width)  # in the closed form, a difference of numbers near 1
    assert [m.item() for m in result] == pytest.approx(expected, rel=1e-9, abs=cancelled)


@settings(deadline=None)
@given(low=st.floats(-50, 1), width=st.floats(1e-2, 100), q=st.floats(1.01, 20))
def test_pseudospike_has_the_closed_form(low: float, width: float, q: float) -> None:
    result = moments(lambda x: surrogates.q_pseudospike(x, q), bounds(low, low + width)).second.item()
    cancelled = 1e-15 / width
    assert result == pytest.approx(pseudospike_second_moment(low, low + width, q), rel=1e-9, abs=cancelled)


@pytest.mark.parametrize("name", SHAPES)
def test_second_moment_of_a_wide_range_is_the_area_of_the_square(name: str) -> None:
    second = moments(SHAPES[name], bounds(-3.0, 5.0), gamma=0.7, beta=1e6).second.item()
    assert second * 1e6 * 8 / 0.7**2 == pytest.approx(AREA_OF_SQUARE[name], rel=1e-4)


@pytest.mark.parametrize("name", SHAPES)
def test_moments_of_a_narrow_range_are_powers_of_the_peak(name: str) -> None:
    first, second = moments(SHAPES[name], bounds(-1.0, 1.0), gamma=0.7, beta=1e-9)
    assert first.item() == pytest.approx(0.7, rel=1e-6)
    assert second.item() == pytest.approx(0.49, rel=1e-6)


def test_every_neuron_has_its_own_range_dampening_and_sharpness() -> None:
    low, high, gamma, beta = [-1.0, -0.2, 0.1], [0.5, 9.0, 0.2], [1.0, 0.3, 0.5], [0.01, 1.0, 70.0]
    together = moments(surrogates.sigmoid, bounds(low, high), torch.tensor(gamma), torch.tensor(beta))
    for n in range(3):
        alone = moments(surrogates.sigmoid, bounds(low[n], high[n]), gamma[n], beta[n])
        assert together.first[n].item() == pytest.approx(alone.first.item(), rel=1e-6)
        assert together.second[n].item() == pytest.approx(alone.second.item(), rel=1e-6)


@pytest.mark.parametrize("beta", [0.0, -1.0, float("nan")])
def test_sharpness_without_moments_is_refused(beta: float) -> None:
    with pytest.raises(OptionError, match="beta"):
        moments(surrogates.sigmoid, bounds(-1.0, 1.0), beta=beta)


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.0), (1.0, -1.0), (-math.inf, 1.0), (math.nan, 1.0)])
def test_range_without_voltages_is_refused(low: float, high: float) -> None:
    with pytest.raises(OptionError, match="voltage"):
        moments(surrogates.sigmoid, bounds(low, high))
