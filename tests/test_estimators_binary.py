"""Networks of binary units: enumeration against transition matrices, finite differences and trials."""

import itertools
from collections.abc import Sequence
from functools import partial

import pytest
import torch
from torch import Tensor

from snnexp.errors import OptionError
from snnexp.estimators import binary
from snnexp.estimators.binary import Layer
from snnexp.estimators.unit import probability, slope

BETA = 3.0
PSI = partial(slope, steepness=BETA)


def case(depth: int, seed: int = 0, width: int = 3) -> tuple[list[Layer], Tensor]:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(2, generator=generator, dtype=torch.float64)
    return binary.undecided(binary.draw(2, width, depth, generator), x, BETA, generator), x


def by_matrices(layers: Sequence[Layer], x: Tensor) -> Tensor:
    """E[y] from one layer's patterns to the next: a vector of probabilities times matrices of transition."""
    states, chances = x[None], torch.ones(1, dtype=torch.float64)
    for weight, bias in layers[:-1]:
        patterns = torch.tensor(list(itertools.product((0.0, 1.0), repeat=len(bias))), dtype=torch.float64)
        p = probability(states @ weight.T + bias, BETA)[:, None]
        chances = chances @ torch.where(patterns[None] > 0, p, 1 - p).prod(-1)
        states = patterns
    weight, bias = layers[-1]
    return chances @ probability(states @ weight.T + bias, BETA)[:, 0]


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_expected_output_by_paths_is_that_by_matrices(depth: int) -> None:
    layers, x = case(depth)
    torch.testing.assert_close(binary.expected_output(layers, x, BETA), by_matrices(layers, x), rtol=1e-12, atol=0)
    chances = binary.log_likelihood(layers, x, binary.patterns(layers), BETA).exp()
    assert float(chances.sum()) == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_exact_gradient_by_finite_differences(depth: int) -> None:
    layers, x = case(depth)
    gradient = binary.exact_gradient(layers, x, BETA)
    for index, unit in enumerate(torch.eye(len(gradient), dtype=torch.float64)):
        ahead, behind = (by_matrices(binary.moved(layers, sign * 1e-5 * unit), x) for sign in (1, -1))
        assert float((ahead - behind) / 2e-5) == pytest.approx(float(gradient[index]), abs=1e-8)


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_surrogate_gradient_by_the_chain_rule(depth: int) -> None:
    """Backpropagation written out for one path, against autograd through the spikes of all of them at once."""
    layers, x = case(depth)
    path = binary.patterns(layers)
    found = binary.surrogate_gradient(layers, x, PSI, binary.forced(path))
    assert len(found) == 2 ** (3 * depth)
    for number in range(0, len(found), 7):
        below = [x, *(fired[number] for fired in path)]
        u = [weight @ h + bias for (weight, bias), h in zip(layers, below, strict=True)]
        delta, parts = PSI(u[-1]), []
        for index in reversed(range(len(layers))):
            parts.append(Layer(torch.outer(delta, below[index]), delta))
            if index:
                delta = (layers[index].weight.T @ delta) * PSI(u[index - 1])
        torch.testing.assert_close(found[number], binary.flat(parts[::-1]), rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("depth", [0, 1, 2, 3])
def test_surrogate_gradient_is_the_smoothed_derivative_on_every_path(depth: int) -> None:
    layers, x = case(depth, seed=1)
    path = binary.patterns(layers)
    sg = binary.surrogate_gradient(layers, x, PSI, binary.forced(path))
    torch.testing.assert_close(sg, binary.smoothed_derivative(layers, x, path, BETA), rtol=1e-10, atol=1e-14)
    other = binary.surrogate_gradient(layers, x, partial(slope, steepness=2 * BETA), binary.forced(path))
    assert (other - sg).abs().max() > 1e-3


def mean_surrogate_gradient(layers: Sequence[Layer], x: Tensor) -> Tensor:
    path = binary.patterns(layers)
    chances = binary.log_likelihood(layers, x, path, BETA).exp()
    return chances @ binary.surrogate_gradient(layers, x, PSI, binary.forced(path))


def test_its_mean_is_the_gradient_for_one_unit_and_for_small_weights_only() -> None:
    alone, x = case(0)
    torch.testing.assert_close(mean_surrogate_gradient(alone, x), binary.exact_gradient(alone, x, BETA))
    layers, x = case(2)
    biases = []
    for scale in (1.0, 0.1, 0.01):  # a unit's effect on the next layer becomes linear
        *first, (weight, bias) = [Layer(layer.weight * scale, layer.bias) for layer in layers]
        small = [Layer(layers[0].weight, layers[0].bias), *first[1:], Layer(weight, bias * 0)]
        exact = binary.exact_gradient(small, x, BETA)
        biases.append(float((mean_surrogate_gradient(small, x) - exact).norm() / exact.norm()))
    assert biases[0] > 0.01
    assert biases[2] < 1e-3


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_score_function_is_unbiased(depth: int) -> None:
    """Its mean over all paths and both outputs, by their probabilities."""
    layers, x = case(depth)
    path = binary.patterns(layers)
    mean = torch.zeros(())
    for outcome in (0.0, 1.0):
        y = torch.full((2 ** (3 * depth),), outcome, dtype=torch.float64)
        chances = binary.log_likelihood(layers, x, [*path, y[:, None]], BETA).exp()
        mean = mean + chances @ binary.score_function(layers, x, path, y, BETA)
    torch.testing.assert_close(mean, binary.exact_gradient(layers, x, BETA), rtol=1e-10, atol=1e-14)


def test_samples_are_distributed_as_the_paths() -> None:
    layers, x = case(2)
    path, y = binary.sample(layers, x, BETA, 20000, torch.Generator().manual_seed(1))
    expected = float(binary.expected_output(layers, x, BETA))
    assert float(y.mean()) == pytest.approx(expected, abs=4 * (expected * (1 - expected) / 20000) ** 0.5)
    chances = binary.log_likelihood(layers, x, binary.patterns(layers), BETA).exp()
    number = (torch.cat(path, 1) @ 2.0 ** torch.arange(6, dtype=torch.float64)).long()
    counted = torch.bincount(number, minlength=64) / 20000
    assert ((counted - chances).abs() <= 5 * (chances / 20000).sqrt() + 1e-4).all()


def test_noise_of_zero_is_the_deterministic_path() -> None:
    layers, x = case(2)
    h, path = x, []
    for weight, bias in layers[:-1]:
        h = (weight @ h + bias > 0).double()
        path.append(h[None])
    zero = [torch.zeros_like(fired) for fired in path]
    found = binary.surrogate_gradient(layers, x, PSI, zero)
    assert torch.equal(found, binary.surrogate_gradient(layers, x, PSI, binary.forced(path)))


def test_undecided_output_has_a_mean_voltage_of_one_over_beta() -> None:
    means = []
    for seed in range(200):
        layers, x = case(1, seed, width=2)
        means.append(float(binary.expectation(layers, x, BETA, lambda u: u)) * BETA)
    drawn = torch.tensor(means)
    assert abs(float(drawn.mean())) < 4 / 200**0.5
    assert float(drawn.std()) == pytest.approx(1, abs=0.2)


def test_too_many_paths_are_refused() -> None:
    generator = torch.Generator()
    with pytest.raises(OptionError, match=r"^width=10: times depth must be at most 16"):
        binary.patterns(binary.draw(2, 10, 2, generator))
