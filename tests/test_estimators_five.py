"""The net of five parameters against autograd, and against the equations written out."""

import math
from functools import partial

import pytest
import torch
from torch import Tensor

from snnexp.estimators import five
from snnexp.estimators.unit import slope

TABLE_1 = [0.0, 0.05, 0.1, 1.0, -1.0]


def points(number: int = 50) -> Tensor:
    return torch.randn(number, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


@pytest.mark.parametrize("beta", [0.7, 4.0])
def test_true_gradient_is_autograds(beta: float) -> None:
    p = points().requires_grad_()
    (gradient,) = torch.autograd.grad(five.output(p, beta, x=0.6).sum(), p)
    found = five.gradient(p.detach(), beta, partial(slope, steepness=beta), x=0.6)
    torch.testing.assert_close(found, gradient, rtol=1e-9, atol=1e-12)
    assert torch.autograd.gradcheck(lambda q: five.output(q, beta), points(3).requires_grad_())


def by_hand(p: list[float], beta: float, beta_sg: float) -> list[float]:
    """Eqs. 7-9 with numbers: y is not needed, since the surrogate asks for voltages only."""

    def s(a: float, b: float) -> float:
        return 1 / (1 + math.exp(-b * a))

    def d(a: float) -> float:
        return beta_sg * s(a, beta_sg) * (1 - s(a, beta_sg))

    w, v1, v2, u1, u2 = p
    g = s(w, beta)
    h1, h2 = s(v1 * g, beta), s(v2 * g, beta)
    s_y, s_g, s_1, s_2 = d(u1 * h1 + u2 * h2), d(w), d(v1 * g), d(v2 * g)
    bracket = u1 * v1 * s_1 + u2 * v2 * s_2
    return [s_g * s_y * bracket, u1 * s_y * g * s_1, u2 * s_y * g * s_2, h1 * s_y, h2 * s_y]


@pytest.mark.parametrize("beta_sg", [1.0, 25.0, 100.0])
def test_surrogate_gradient_is_that_of_the_equations(beta_sg: float) -> None:
    for p in [TABLE_1, *points(5).mul(0.1).tolist()]:
        found = five.gradient(torch.tensor(p, dtype=torch.float64), 100.0, partial(slope, steepness=beta_sg))
        assert found.tolist() == pytest.approx(by_hand(p, 100.0, beta_sg), rel=1e-9, abs=1e-15)


def test_table_1_has_opposite_signs() -> None:
    p = torch.tensor(TABLE_1, dtype=torch.float64)
    true, sg = (five.gradient(p, 100.0, partial(slope, steepness=beta))[0] for beta in (100.0, 25.0))
    h = 1e-6
    ahead, behind = (five.output(p + sign * h * torch.eye(5)[0], 100.0) for sign in (1, -1))
    assert float(true) == pytest.approx(float((ahead - behind) / (2 * h)), rel=1e-6)
    assert (round(float(true), 4), round(float(sg), 3)) == (0.7025, -2.978)
