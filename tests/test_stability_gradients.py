"""Conditions III and IV: growth of the worst-case and of the variance recursion, and the paper's numbers."""

from collections.abc import Callable
from functools import partial
from itertools import product

import pytest
import torch
from torch import Tensor

from snnexp.errors import OptionError
from snnexp.neurons.reset import Reset
from snnexp.stability import Demand, Extremes, Formula, Lower, Moments, bisect, dampening, demand
from snnexp.surrogates import fast_sigmoid


def uniform(seed: int, *size: int, limit: float = 1.0) -> Tensor:
    draw: Tensor = 2 * torch.rand(size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 1
    return limit * draw


def glorot(seed: int, *size: int) -> Tensor:
    return uniform(seed, *size, limit=(6 / (size[-1] + size[-2])) ** 0.5)


def masked(weights_NN: Tensor) -> Tensor:
    return weights_NN * (1 - torch.eye(weights_NN.shape[-1], dtype=torch.float64))


def worst(weights_NM: Tensor, gamma: Tensor | float) -> Tensor:
    """Greatest sum_j w_ij psi_j, by trying every psi in {0, gamma}^M."""
    psi_PM = torch.tensor(list(product([0.0, 1.0], repeat=weights_NM.shape[1])), dtype=torch.float64) * gamma
    return (weights_NM @ psi_PM.T).amax(1)


# Condition III


@pytest.mark.parametrize("reset", Reset)
def test_worst_case_gradient_keeps_its_size(reset: Reset) -> None:
    recurrent_NN, input_NI, alpha_N = masked(uniform(1, 8, 8)), uniform(2, 8, 6), torch.linspace(0, 0.9, 8).double()
    gamma = dampening(alpha_N, recurrent_NN, input_NI, reset=reset)
    growth_N = torch.stack([alpha_N[i] + worst(recurrent_NN[i : i + 1], gamma.value[i])[0] for i in range(8)])
    torch.testing.assert_close(growth_N, torch.ones_like(growth_N))
    assert gamma.feasible.all()


def test_worst_case_with_the_layer_below() -> None:
    recurrent_NN, input_NI, lower_I = masked(uniform(1, 8, 8)), uniform(2, 8, 6), 0.1 * uniform(3, 6).abs()
    layers = (0.3, recurrent_NN, input_NI)
    layerwise = dampening(*layers, reset=Reset.PRE, lower=Lower.LAYERWISE, lower_dampening=lower_I).value
    shared = dampening(*layers, reset=Reset.PRE, lower=Lower.SHARED).value
    for i in range(8):
        recurrent_1N, input_1I = recurrent_NN[i : i + 1], input_NI[i : i + 1]
        for growth in (
            0.3 + worst(recurrent_1N, layerwise[i]) + worst(input_1I, lower_I),
            0.3 + worst(recurrent_1N, shared[i]) + worst(input_1I, shared[i]),
        ):
            assert growth.item() == pytest.approx(1)


@pytest.mark.parametrize(
    ("reset", "slope"), [(Reset.MINUS, 0.7), (Reset.PRE, 0.3 * 0.7), (Reset.MINUS_IMMEDIATE, 0.3 * 0.7)]
)
def test_worst_case_with_gradient_through_the_reset(reset: Reset, slope: float) -> None:
    recurrent_NN = masked(uniform(4, 8, 8))
    gamma_N = dampening(0.3, recurrent_NN, recurrent_NN, reset=reset, gradient_theta=0.7).value
    for i in range(8):
        row = recurrent_NN[i : i + 1]
        largest = torch.maximum(worst(row, gamma_N[i]), worst(-row, gamma_N[i]))
        assert (0.3 + largest + slope * gamma_N[i]).item() == pytest.approx(1)


def test_code_formula_of_minus_reset_is_as_published() -> None:
    recurrent_NN, theta, alpha = masked(uniform(4, 8, 8)), 0.7, 0.3
    least, most = recurrent_NN.min(), recurrent_NN.max()
    published = least / (most * (7 * least - theta)) * (1 - alpha)
    ensemble = partial(
        dampening,
        alpha,
        recurrent_NN,
        recurrent_NN,
        reset=Reset.MINUS,
        extremes=Extremes.ENSEMBLE,
        formula=Formula.CODE,
    )
    torch.testing.assert_close(ensemble(gradient_theta=theta).value, published.expand(1))
    torch.testing.assert_close(ensemble(gradient_theta=0.0).value, ensemble().value)


def test_formulas_agree_for_symmetric_weights() -> None:
    recurrent_NN = masked(torch.tensor([1.0, -1.0, 0.5, -0.5, 0.2]).outer(torch.tensor([1.0, 1, -1, -1, 1])))
    ensemble = partial(
        dampening, 0.3, recurrent_NN, recurrent_NN, reset=Reset.MINUS, extremes=Extremes.ENSEMBLE, gradient_theta=0.7
    )
    torch.testing.assert_close(ensemble(formula=Formula.CODE).value, ensemble(formula=Formula.DERIVED).value)


@pytest.mark.parametrize("reset", Reset)
def test_ensemble_bounds_every_network_of_such_weights(reset: Reset) -> None:
    alpha_N, recurrent_NN = torch.linspace(0, 0.8, 6).double(), masked(uniform(5, 6, 6))
    gamma = dampening(alpha_N, recurrent_NN, recurrent_NN, reset=reset, extremes=Extremes.ENSEMBLE).value
    worst_NN = masked(torch.full((6, 6), recurrent_NN.max().item(), dtype=torch.float64))
    assert (alpha_N.max() + worst(worst_NN, gamma)).tolist() == pytest.approx([1.0] * 6)
    assert (alpha_N + worst(recurrent_NN, gamma) < 1).all()


def test_sampled_maxima_shrink() -> None:
    n, steps, recurrent_NN, generator = 64, 10, masked(glorot(6, 64, 64)), torch.Generator().manual_seed(7)
    gamma_N = dampening(0.5, recurrent_NN, recurrent_NN, reset=Reset.PRE).value
    gradient = torch.randn(100, n, generator=generator, dtype=torch.float64).clamp(-1, 1)
    for _ in range(steps):
        v = torch.randn(100, n, generator=generator, dtype=torch.float64)
        psi = gamma_N * fast_sigmoid(v)
        gradient = 0.5 * (v <= 0) * gradient + (psi * gradient) @ recurrent_NN.T
    assert gradient.abs().max() < 0.1


def test_published_dampening_of_glorot_weights() -> None:
    n, seeds = 128, 50
    whole, inputs = glorot(8, seeds, n, n), glorot(9, seeds, n, n)
    sums = whole.clamp_min(0).sum(-1)
    assert 1 / sums.mean().item() == pytest.approx(4 / (3 * n) ** 0.5, rel=3e-3)
    assert 4 / (3 * n) ** 0.5 == pytest.approx(0.2041, abs=5e-5)

    def gamma(recurrent_NN: Tensor, extremes: Extremes, lower: Lower = Lower.NONE) -> Tensor:
        return dampening(4e-4, recurrent_NN, inputs, reset=Reset.PRE, extremes=extremes, lower=lower).value.mean(-1)

    realised = gamma(whole, Extremes.REALISED)
    assert realised.mean().item() == pytest.approx(0.2068, abs=1e-3)  # 0.0022 / sqrt(seeds) = 0.0003
    assert realised.std().item() == pytest.approx(0.0022, rel=0.3)
    assert gamma(masked(whole), Extremes.REALISED).mean().item() == pytest.approx(0.2086, abs=1e-3)
    assert gamma(whole, Extremes.ENSEMBLE).mean().item() == pytest.approx(0.0514, abs=5e-5)
    assert gamma(whole, Extremes.ENSEMBLE, Lower.SHARED).mean().item() == pytest.approx(0.0256, abs=5e-5)
    assert gamma(masked(whole), Extremes.REALISED, Lower.SHARED).mean().item() == pytest.approx(0.102, abs=2e-3)


@pytest.mark.parametrize("extremes", [Extremes.ENSEMBLE, Extremes.REALISED])
def test_layer_below_leaves_nothing_to_glorot_weights(extremes: Extremes) -> None:
    n = 128
    first, second, between = (masked(glorot(s, n, n)) for s in (10, 11, 12))
    lower = dampening(0.0, first, first, reset=Reset.PRE, extremes=extremes).value
    result = dampening(
        0.0, second, between, reset=Reset.PRE, extremes=extremes, lower=Lower.LAYERWISE, lower_dampening=lower
    )
    assert not result.feasible.all()
    assert torch.equal(result.feasible, result.value > 0)
    if extremes is Extremes.ENSEMBLE:  # 1 - 128/127, divided by 1 / gamma
        assert result.value.item() == pytest.approx(-0.0079 * 0.0514, rel=0.1)


def test_weights_without_a_positive_one_are_infeasible() -> None:
    result = dampening(0.5, torch.zeros(2, 2), torch.zeros(2, 1), reset=Reset.PRE)
    assert not result.feasible.any()


# Condition IV


@pytest.mark.parametrize(
    ("reset", "lower", "gradient_theta"),
    [
        *((reset, lower, None) for reset in Reset for lower in Lower),
        (Reset.MINUS, Lower.NONE, 0.8),
        (Reset.MINUS, Lower.SHARED, 0.8),
        (Reset.MINUS_IMMEDIATE, Lower.SHARED, 0.8),
        (Reset.PRE, Lower.LAYERWISE, 0.8),
    ],
)
def test_variance_of_the_gradient_is_kept(reset: Reset, lower: Lower, gradient_theta: float | None) -> None:
    """One step from gradients of variance 1; psi is two-valued, all is independent."""
    samples, n, inputs, alpha, chance = 200_000, 6, 4, 0.8, 0.6
    generator = torch.Generator().manual_seed(13)
    below = Moments(torch.tensor(0.2).double(), torch.tensor(0.15).double())
    requirement = demand(
        alpha,
        masked(torch.full((n, n), 0.5)),
        torch.full((n, inputs), 0.4),
        reset=reset,
        lower=lower,
        lower_moments=below if lower is Lower.LAYERWISE else None,
        gradient_theta=gradient_theta,
    )
    height = bisect(lambda a: requirement.residual(Moments(chance * a, chance * a * a)), (1e-3, 1e3))
    assert height.feasible.all()

    def normal(*size: int) -> Tensor:
        return torch.randn(size, generator=generator, dtype=torch.float64)

    def two_valued(height: float, chance: float, size: int) -> Tensor:
        return height * (torch.rand(samples, size, generator=generator) < chance)

    psi, own = two_valued(height.value.item(), chance, n), normal(samples)
    others = (0.5 * normal(samples, n - 1) * psi[:, 1:] * normal(samples, n - 1)).sum(1)
    match lower:
        case Lower.NONE:
            psi_below = two_valued(0.0, 0.0, inputs)
        case Lower.SHARED:
            psi_below = two_valued(height.value.item(), chance, inputs)
        case Lower.LAYERWISE:
            psi_below = two_valued((below.second / below.first).item(), (below.first**2 / below.second).item(), inputs)
    from_below = (0.4 * normal(samples, inputs) * psi_below * normal(samples, inputs)).sum(1)
    silent = torch.randint(2, (samples,), generator=generator).double()
    match reset:
        case Reset.PRE:
            after = alpha * silent * own + others + from_below
        case Reset.POST:
            after = silent * (alpha * own + others + from_below)
        case Reset.MINUS | Reset.MINUS_IMMEDIATE:
            after = alpha * own + others + from_below
    if gradient_theta is not None:
        after = after - (gradient_theta if reset is Reset.MINUS else alpha * gradient_theta) * psi[:, 0] * own
    assert after.var().item() == pytest.approx(1, abs=0.02)  # standard error below 0.006


def second_moment(result: Demand, first: float = 0.0) -> list[float]:
    return result.second_moment(first).tolist()


def test_demands_by_hand() -> None:
    alpha_N, recurrent_NN, input_NI = torch.tensor([0.5, 0.0]), torch.tensor([[0.0, 2.0], [1.0, 0.0]]), torch.ones(2, 3)
    of_layer = partial(demand, alpha_N, recurrent_NN, input_NI)
    s, s_in = 2.5, 3.0
    assert second_moment(of_layer(reset=Reset.PRE)) == [0.875 / s, 1 / s]
    assert second_moment(of_layer(reset=Reset.POST)) == [1.75 / s, 2 / s]
    assert second_moment(of_layer(reset=Reset.MINUS)) == [0.75 / s, 1 / s]
    shared = partial(of_layer, reset=Reset.PRE, lower=Lower.SHARED)
    assert second_moment(shared()) == [0.875 / (s + s_in), 1 / (s + s_in)]
    assert second_moment(shared(formula=Formula.CODE), 0.1) == pytest.approx([0.575 / s, 0.7 / s])
    below = Moments(torch.tensor(0.25), torch.tensor(0.125))
    layerwise = partial(of_layer, reset=Reset.PRE, lower=Lower.LAYERWISE, lower_moments=below)
    assert second_moment(layerwise()) == [0.5 / s, 0.625 / s]
    assert second_moment(layerwise(formula=Formula.CODE)) == [0.125 / s, 0.25 / s]
    code = of_layer(reset=Reset.MINUS, gradient_theta=0.5, formula=Formula.CODE)
    assert second_moment(code) == [0.75 / (s + 0.25), 1 / (s + 0.25)]


def test_the_exact_reset_gradient_differs_little_in_a_memoryless_neuron() -> None:
    recurrent_NN = masked(glorot(14, 128, 128))
    exact, code = (
        demand(5e-3, recurrent_NN, recurrent_NN, reset=Reset.MINUS, gradient_theta=0.01, formula=formula)
        for formula in (Formula.DERIVED, Formula.CODE)
    )
    assert second_moment(exact, 0.7) == pytest.approx(second_moment(code), rel=1e-4)
    assert second_moment(exact, 0.7) != pytest.approx(second_moment(code), rel=1e-5)


def test_layers_on_a_leading_axis_are_independent() -> None:
    recurrent, inputs, alpha = masked(uniform(15, 2, 4, 4)), uniform(16, 2, 4, 3), uniform(17, 2, 4).abs()
    gamma = partial(dampening, reset=Reset.MINUS, lower=Lower.SHARED, gradient_theta=0.3)
    moment = partial(demand, reset=Reset.MINUS, lower=Lower.SHARED, gradient_theta=0.3)
    for r in range(2):
        one = alpha[r], recurrent[r], inputs[r]
        for extremes in (Extremes.ENSEMBLE, Extremes.REALISED):
            both = gamma(alpha, recurrent, inputs, extremes=extremes).value
            torch.testing.assert_close(both[r], gamma(*one, extremes=extremes).value, rtol=1e-14, atol=0)
        both = moment(alpha, recurrent, inputs).second_moment(0.2)
        torch.testing.assert_close(both[r], moment(*one).second_moment(0.2), rtol=1e-14, atol=0)


# What is refused

LAYER = (0.5, masked(uniform(1, 3, 3)), uniform(2, 3, 2))


@pytest.mark.parametrize("condition", [dampening, demand])
def test_missing_layer_below_is_refused(condition: Callable[..., object]) -> None:
    with pytest.raises(OptionError, match=r"^lower=layerwise: needs the "):
        condition(*LAYER, reset=Reset.PRE, lower=Lower.LAYERWISE)


@pytest.mark.parametrize("condition", [dampening, demand])
def test_gradient_through_post_reset_is_refused(condition: Callable[..., object]) -> None:
    with pytest.raises(OptionError, match=r"^reset=post: "):
        condition(*LAYER, reset=Reset.POST, gradient_theta=1.0)


def test_single_extremes_are_refused() -> None:
    with pytest.raises(OptionError, match=r"^extremes=single: "):
        dampening(*LAYER, reset=Reset.PRE, extremes=Extremes.SINGLE)
