"""Derivatives of a single unit: closed forms, definitions from the other side, and what trials give."""

import pytest
import torch

from snnexp.estimators.unit import affine, left, probability, psi, right, slope
from snnexp.surrogates import Surrogate, sigmoid

U = torch.linspace(-2, 2, 101, dtype=torch.float64)
BETAS = [0.5, 3.0, 10.0]


@pytest.mark.parametrize("beta", BETAS)
def test_slope_is_the_derivative_of_the_probability(beta: float) -> None:
    u = U.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(probability(u, beta).sum(), u)
    torch.testing.assert_close(slope(U, beta), gradient, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("beta", BETAS)
def test_surrogate_with_the_factor_beta_is_the_slope(beta: float) -> None:
    # In the project's own units: peak and sharpness beta / 4.
    found = psi(Surrogate(sigmoid), beta / 4, beta / 4)(U)
    torch.testing.assert_close(found, slope(U, beta), rtol=1e-13, atol=0)


@pytest.mark.parametrize("beta", BETAS)
def test_smoothed_derivatives_are_those_of_the_triples(beta: float) -> None:
    """delta + w (Y - y) with the published triples (0, 1 / (1 - p), 1) and (0, -1 / p, 0), times dp/du."""
    u = U[U.abs() * beta < 6]  # where 1 - p has digits left
    p, dp = probability(u, beta), slope(u, beta)
    silent, fired = torch.zeros_like(u), torch.ones_like(u)
    torch.testing.assert_close(right(u, silent, beta), dp * (1 / (1 - p)) * (1 - silent), rtol=1e-12, atol=0)
    torch.testing.assert_close(left(u, fired, beta), dp * (-1 / p) * (0 - fired), rtol=1e-12, atol=0)
    assert torch.equal(right(u, fired, beta), silent)
    assert torch.equal(left(u, silent, beta), silent)


@pytest.mark.parametrize("beta", BETAS)
def test_affine_is_the_slope_for_both_outcomes_and_the_others_on_average(beta: float) -> None:
    p = probability(U, beta)
    silent, fired = torch.zeros_like(U), torch.ones_like(U)
    for outcome in (silent, fired):
        torch.testing.assert_close(affine(U, outcome, beta), slope(U, beta), rtol=1e-14, atol=0)
    torch.testing.assert_close(torch.sigmoid(-beta * U) * right(U, silent, beta), slope(U, beta), rtol=1e-14, atol=0)
    torch.testing.assert_close(p * left(U, fired, beta), slope(U, beta), rtol=1e-14, atol=0)
    # Not a mean of the two with other weights.
    assert (0.5 * (right(U, silent, beta) + left(U, silent, beta)) - slope(U, beta)).abs().max() > 0.05
