"""Integrals along paths: of gradients, of a field that is none, against quadrature; and sign changes."""

import math

import pytest
import torch
from scipy.integrate import quad  # type: ignore[import-untyped]
from torch import Tensor

from snnexp.estimators.crossings import crossings
from snnexp.estimators.integrals import Circle, angles, closed_integral, primitives, running_integral

PLANE = torch.tensor([[0.6, 0.8, 0.0], [0.0, 0.0, 1.0]], dtype=torch.float64)
CIRCLE = Circle(1.5, PLANE)


def potential(p: Tensor) -> Tensor:
    return p[..., 0] * p[..., 1] + torch.sin(p[..., 2])


def gradient(p: Tensor) -> Tensor:
    return torch.stack((p[..., 1], p[..., 0], torch.cos(p[..., 2])), -1)


def swirl(p: Tensor) -> Tensor:
    """Turns in the plane of d_1 and d_2: Stokes gives -2 times the circle's area, which runs from d_2 to d_1."""
    along, across = p @ PLANE[0], p @ PLANE[1]
    return along[..., None] * PLANE[1] - across[..., None] * PLANE[0]


def test_a_gradient_integrates_to_the_difference_of_the_potential() -> None:
    assert abs(float(closed_integral(gradient, CIRCLE, 60))) < 1e-13
    running = running_integral(gradient, CIRCLE, 20000)
    at = CIRCLE.points(angles(20000))
    torch.testing.assert_close(running[:-1], potential(at) - potential(at[:1]), rtol=0, atol=1e-6)


def test_a_swirl_integrates_to_its_flux() -> None:
    assert float(closed_integral(swirl, CIRCLE, 50)) == pytest.approx(-2 * math.pi * 1.5**2, rel=1e-12)
    backwards = Circle(1.5, PLANE * torch.tensor([[-1.0], [1.0]]))
    assert float(closed_integral(swirl, backwards, 50)) == pytest.approx(2 * math.pi * 1.5**2, rel=1e-12)


def test_closed_integral_is_that_of_quadrature() -> None:
    def field(p: Tensor) -> Tensor:
        return torch.exp(p) * p.roll(1, -1)

    def integrand(a: float) -> float:
        at = torch.tensor(a, dtype=torch.float64)
        return float(field(CIRCLE.points(at)) @ CIRCLE.velocity(at))

    expected = quad(integrand, 0, 2 * math.pi, epsabs=1e-12)[0]
    assert float(closed_integral(field, CIRCLE, 100)) == pytest.approx(expected, rel=1e-10)
    assert float(running_integral(field, CIRCLE, 10000)[-1]) == pytest.approx(expected, rel=1e-6)


def test_two_ways_over_a_rectangle() -> None:
    a, b = torch.linspace(0, 1, 301, dtype=torch.float64), torch.linspace(-1, 1, 401, dtype=torch.float64)
    x, y = torch.meshgrid(a, b, indexing="ij")
    first, second = primitives(2 * x * y, x.square() + 1, a, b)  # the gradient of x^2 y + y
    torch.testing.assert_close(first, x.square() * y + y + 1, rtol=0, atol=1e-4)
    torch.testing.assert_close(first, second, rtol=0, atol=1e-4)
    first, second = primitives(-y, x, a, b)  # its curl is 2: the ways differ by twice the area between them
    torch.testing.assert_close(first - second, 2 * x * (y + 1), rtol=0, atol=1e-10)


def test_crossings_are_found_to_the_last_digits() -> None:
    grid = torch.linspace(-1, 8, 200, dtype=torch.float64)
    found = crossings(torch.sin, grid)
    torch.testing.assert_close(found, torch.tensor([0, math.pi, 2 * math.pi]).double(), rtol=0, atol=1e-6)
    torch.testing.assert_close(found.sin(), torch.zeros(3, dtype=torch.float64), rtol=0, atol=1e-14)
    assert len(crossings(torch.cosh, grid)) == 0
