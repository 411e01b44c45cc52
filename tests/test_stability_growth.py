"""Growth of gradients in the recursions of conditions III and IV: 1 where the conditions hold, and by simulation."""

import pytest
import torch
from torch import Tensor

from snnexp.neurons.reset import Reset
from snnexp.stability import Extremes, Moments, dampening, demand, greatest_growth, variance_growth

N = 24


def weights(seed: int = 0) -> Tensor:
    draw = torch.rand(N, N, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (2 * draw - 1) * (3 / N) ** 0.5 * (1 - torch.eye(N, dtype=torch.float64))


ALPHA_N = torch.linspace(0, 0.9, N, dtype=torch.float64)


@pytest.mark.parametrize("reset", Reset)
def test_worst_case_has_growth_1_under_condition_three(reset: Reset) -> None:
    gamma_N = dampening(ALPHA_N, weights(), weights(1), reset=reset).value
    assert greatest_growth(ALPHA_N, weights(), gamma_N).item() == pytest.approx(1, abs=1e-12)
    assert greatest_growth(ALPHA_N, weights(), 1.1 * gamma_N).item() > 1.01
    assert greatest_growth(ALPHA_N, weights(), 0.9 * gamma_N).item() < 0.99


def test_ensemble_extremes_keep_the_worst_case_below_1() -> None:
    gamma = dampening(ALPHA_N, weights(), weights(1), reset=Reset.PRE, extremes=Extremes.ENSEMBLE).value
    assert greatest_growth(ALPHA_N, weights(), gamma).item() < 1
    equal_NN = torch.full((N, N), 0.2, dtype=torch.float64) * (1 - torch.eye(N, dtype=torch.float64))
    gamma = dampening(0.5, equal_NN, weights(1), reset=Reset.PRE, extremes=Extremes.ENSEMBLE).value
    assert greatest_growth(0.5, equal_NN, gamma).item() == pytest.approx(1, abs=1e-12)


def test_worst_case_is_what_iterating_it_gives() -> None:
    gamma_N = torch.linspace(0.1, 1, N, dtype=torch.float64)
    largest_N, before = torch.ones(N, dtype=torch.float64), 1.0
    for _ in range(2000):
        before = largest_N.max().item()
        largest_N = ALPHA_N * largest_N / before + weights().clamp_min(0) @ (gamma_N * largest_N / before)
    assert greatest_growth(ALPHA_N, weights(), gamma_N).item() == pytest.approx(largest_N.max().item(), rel=1e-9)


def test_growth_of_a_pair_by_hand() -> None:
    # Two neurons that excite each other: a perturbation of both by 1 grows by alpha + gamma w.
    pair_NN = torch.tensor([[0.0, 2.0], [2.0, 0.0]])
    assert greatest_growth(0.5, pair_NN, 0.25).item() == pytest.approx(1.0)
    assert greatest_growth(0.5, -pair_NN, 0.25).item() == pytest.approx(0.5)
    of_pair = demand(0.5, pair_NN, pair_NN, reset=Reset.PRE)
    moments = Moments(torch.tensor(0.3), torch.tensor(0.1))
    assert variance_growth(of_pair, moments, Reset.PRE).item() == pytest.approx(0.5**2 / 2 + 4 * 0.1)


@pytest.mark.parametrize("share", [1.0, 0.25])
@pytest.mark.parametrize("reset", Reset)
def test_variance_grows_as_simulated(reset: Reset, share: float) -> None:
    """psi is drawn independently, with `share` of the second moment that condition IV demands; signs are random."""
    alpha, samples, chance = 0.6, 20_000, 0.5
    generator = torch.Generator().manual_seed(3)
    requirement = demand(alpha, weights(), weights(1), reset=reset)
    second = share * requirement.second_moment(0.0).item()
    growth = variance_growth(requirement, Moments(torch.tensor(0.0), torch.tensor(second)), reset).item()
    assert (growth == pytest.approx(1)) == (share == 1)

    gradient = torch.randn(samples, N, generator=generator, dtype=torch.float64)
    psi = (second / chance) ** 0.5 * (torch.rand(samples, N, generator=generator) < chance).double()
    kept = torch.randint(2, (samples, N), generator=generator).double()
    from_others = (psi * gradient) @ weights().T
    match reset:
        case Reset.PRE:
            after = alpha * kept * gradient + from_others
        case Reset.POST:
            after = kept * (alpha * gradient + from_others)
        case Reset.MINUS | Reset.MINUS_IMMEDIATE:  # whose reset is detached
            after = alpha * gradient + from_others
    assert (after.var() / gradient.var()).item() == pytest.approx(growth, rel=0.02)
