"""Conditions I and II against simulation with the independence that they assume, and the rate that I is to give."""

import pytest
import torch
from torch import Tensor

from snnexp.errors import OptionError
from snnexp.neurons.reset import Reset
from snnexp.stability import Formula, recurrent_mean, recurrent_variance


def step(reset: Reset | None, y: Tensor, i: Tensor, x: Tensor, alpha: Tensor | float, theta: float) -> Tensor:
    """One step of the voltage; None is a LIF that is never reset."""
    match reset:
        case Reset.PRE:
            return alpha * y * (1 - x) + i
        case Reset.POST:
            return (alpha * y + i) * (1 - x)
        case Reset.MINUS:
            return alpha * y + i - theta * x
        case Reset.MINUS_IMMEDIATE:
            return alpha * (y - theta * x) + i
        case None:
            return alpha * y + i


def random_spikes(generator: torch.Generator, *size: int) -> Tensor:
    return torch.randint(2, size, generator=generator).double()


@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("reset", [*Reset, None])
def test_mean_voltage_is_the_threshold(reset: Reset | None, alpha: float) -> None:
    generator, theta, n_rec, batch = torch.Generator().manual_seed(1), 0.7, 33, 20_000
    formula = Formula.CODE if reset is None else Formula.DERIVED
    mean = recurrent_mean(alpha, theta, n_rec, reset or Reset.POST, formula)
    weights_N = mean + 0.1 * torch.randn(n_rec - 1, generator=generator, dtype=torch.float64)
    weights_N += mean - weights_N.mean()
    y = torch.zeros(batch, dtype=torch.float64)
    for _ in range(150 if alpha == 0.9 else 40):
        spikes = random_spikes(generator, batch, n_rec - 1)
        y = step(reset, y, spikes @ weights_N, random_spikes(generator, batch), alpha, theta)
    assert y.mean().item() == pytest.approx(theta, abs=4 * y.std().item() / batch**0.5)


@pytest.mark.parametrize("reset", Reset)
def test_mean_is_one_value_per_neuron(reset: Reset) -> None:
    alpha_N, theta_N = torch.tensor([0.1, 0.6]), torch.tensor([1.0, 0.3])
    mean_N = recurrent_mean(alpha_N, theta_N, 5, reset)
    for n in range(2):
        assert mean_N[n] == recurrent_mean(alpha_N[n], theta_N[n], 5, reset)
    assert mean_N.dtype == torch.float64


def test_resets_differ_as_published() -> None:
    mean = {reset: recurrent_mean(0.25, 2.0, 11, reset).item() for reset in Reset}
    assert mean == pytest.approx({Reset.PRE: 0.35, Reset.POST: 0.7, Reset.MINUS: 0.5, Reset.MINUS_IMMEDIATE: 0.35})
    assert recurrent_mean(0.25, 2.0, 11, Reset.POST, Formula.CODE).item() == pytest.approx(0.3)


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_recurrence_and_input_have_equal_variance(rate: float) -> None:
    generator, n_in, n_rec, samples = torch.Generator().manual_seed(2), 20, 13, 40_000
    mean, input_rate, input_sd = 0.1, 0.3, 0.4
    variance = recurrent_variance(n_in, n_rec, input_rate, input_sd**2, mean, rate)

    def drive(fan_in: int, probability: float, mean: float, sd: float) -> Tensor:
        weights = mean + sd * torch.randn(samples, fan_in, generator=generator, dtype=torch.float64)
        return (weights * (torch.rand(samples, fan_in, generator=generator) < probability)).sum(1)

    recurrent = drive(n_rec - 1, rate, mean, variance.item() ** 0.5).var().item()
    inputs = drive(n_in, input_rate, 0.0, input_sd).var().item()
    assert recurrent == pytest.approx(inputs, rel=0.04)  # each has a relative error of about sqrt(2 / samples) = 0.007


def test_variance_without_a_mean_is_glorot_in_upper_layers() -> None:
    variance = recurrent_variance(256, 256, 0.5, 1 / 256, 0.0)
    assert variance.item() == pytest.approx(1 / 255)


def test_heidelberg_digits_as_in_the_paper_and_in_its_code() -> None:
    second_moment = 0.0419553 + 0.0438844**2
    arguments = (700, 256, second_moment, 2 / (700 + 256), recurrent_mean(4e-4, 0.01, 256, Reset.PRE))
    assert recurrent_variance(*arguments).item() == pytest.approx(5.04e-4, rel=2e-3)
    assert recurrent_variance(*arguments, formula=Formula.CODE).item() == pytest.approx(6.2e-5, rel=2e-3)


def test_variance_is_one_value_per_neuron() -> None:
    mean_N = torch.tensor([0.0, 0.02])
    variance_N = recurrent_variance(10, 5, 0.2, 0.1, mean_N)
    torch.testing.assert_close(variance_N, torch.tensor([0.1, 0.0998], dtype=torch.float64), rtol=1e-6, atol=0)


def test_negative_variance_is_refused_with_the_greatest_mean() -> None:
    with pytest.raises(OptionError, match=r"recurrent_mean=0\.5: condition II allows at most") as refused:
        recurrent_variance(10, 5, 0.2, 0.1, torch.tensor([0.0, -0.5]))
    most = float(refused.value.right.split()[5])
    assert recurrent_variance(10, 5, 0.2, 0.1, most * 0.999) > 0
    with pytest.raises(OptionError):
        recurrent_variance(10, 5, 0.2, 0.1, most * 1.01)


def test_sequential_mnist_with_threshold_1_is_refused() -> None:
    mean = recurrent_mean(4e-4, 1.0, 128, Reset.PRE)
    with pytest.raises(OptionError, match="condition II"):
        recurrent_variance(784, 128, 0.0036593 + 0.0036728**2, 2 / 912, mean)


@pytest.mark.parametrize("n_rec", [0, 1])
def test_a_layer_without_partners_is_refused(n_rec: int) -> None:
    with pytest.raises(OptionError, match=f"n_rec={n_rec}"):
        recurrent_mean(0.5, 1.0, n_rec, Reset.PRE)
    with pytest.raises(OptionError, match=f"n_rec={n_rec}"):
        recurrent_variance(3, n_rec, 0.5, 0.1, 0.0)


@pytest.mark.parametrize("rate", [0.0, 1.1])
def test_impossible_rate_is_refused(rate: float) -> None:
    with pytest.raises(OptionError, match=f"rate={rate}"):
        recurrent_variance(3, 4, 0.5, 0.1, 0.0, rate)


def firing_rate(reset: Reset, alpha: float, theta: float) -> float:
    """Rate of a recurrent layer of 256 neurons with Glorot weights, their mean by condition I, and random input.

    Each neuron's weights have the stated means exactly: a chance surplus of few per cent moves the rate of the layer.
    """
    generator, n, batch, steps = torch.Generator().manual_seed(3), 256, 16, 150
    limit = (3 / n) ** 0.5
    input_NI, recurrent_NN = (2 * limit * (torch.rand(n, n, generator=generator).double() - 0.5) for _ in range(2))
    input_NI -= input_NI.mean(1, keepdim=True)
    recurrent_NN.fill_diagonal_(0)
    recurrent_NN += recurrent_mean(alpha, theta, n, reset) - recurrent_NN.sum(1, keepdim=True) / (n - 1)
    recurrent_NN.fill_diagonal_(0)
    y, x = torch.zeros(2, batch, n, dtype=torch.float64)
    rates = []
    for _ in range(steps):
        current = x @ recurrent_NN.T + random_spikes(generator, batch, n) @ input_NI.T
        y = step(reset, y, current, x, alpha, theta)
        x = (y > theta).double()
        rates.append(x.mean().item())
    return sum(rates[50:]) / len(rates[50:])


@pytest.mark.parametrize(("reset", "alpha"), [(Reset.PRE, 5e-3), (Reset.MINUS, 5e-3), (Reset.MINUS, 0.9)])
def test_half_of_the_neurons_fire_where_the_theory_says_so(reset: Reset, alpha: float) -> None:
    assert firing_rate(reset, alpha, 0.01) == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("reset", "alpha"), [(Reset.PRE, 0.9), (Reset.POST, 5e-3)])
def test_fewer_fire_where_spikes_and_voltage_depend_on_each_other(reset: Reset, alpha: float) -> None:
    assert 0.15 < firing_rate(reset, alpha, 0.01) < 0.4


def test_fewer_fire_where_the_threshold_is_larger_than_the_fluctuations() -> None:
    assert firing_rate(Reset.PRE, 5e-3, 1.0) < 0.1
