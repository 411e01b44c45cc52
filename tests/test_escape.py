"""Escape noise fires with the probability that it promises."""

import pytest
import torch

from snnexp.errors import OptionError
from snnexp.escape import Escape, Exponential, Sigmoid
from snnexp.surrogates import gaussian, spike

DRAWS = 200_000


NOISES: list[Escape] = [Sigmoid(1.0), Sigmoid(10.0), Exponential(0.7, 0.1), Exponential(0.05, 0.5)]


def probability(noise: Escape, u: torch.Tensor) -> torch.Tensor:
    """Of a spike, as the papers write it."""
    if isinstance(noise, Sigmoid):
        return torch.sigmoid(noise.steepness * u)
    assert isinstance(noise, Exponential)
    return 1 - torch.exp(-noise.rate * torch.exp(u / noise.width))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("noise", NOISES)
def test_firing_probability_is_the_one_promised(noise: Escape, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    for voltage in (-1.0, -0.25, 0.0, 0.125, 0.5):
        u = torch.full((DRAWS,), voltage, dtype=dtype)
        fired = spike(u, gaussian, noise(u)).double().sum().item()
        p = probability(noise, torch.tensor(voltage, dtype=torch.float64)).item()
        assert abs(fired - DRAWS * p) < 4.5 * (DRAWS * p * (1 - p)) ** 0.5 + 1


@pytest.mark.parametrize("noise", NOISES)
def test_a_drawn_threshold_is_a_drawn_spike(noise: Escape) -> None:
    u = torch.linspace(-1, 1, DRAWS, dtype=torch.float64)
    torch.manual_seed(1)
    thresholds = noise(u)
    torch.manual_seed(1)
    bernoulli = torch.rand_like(u) < probability(noise, u)
    assert 0 < bernoulli.sum() < DRAWS
    assert torch.equal(spike(u, gaussian, thresholds), bernoulli.double())


@pytest.mark.parametrize("noise", [Sigmoid(1e6), Exponential(0.7, 1e-6)])
def test_steeper_is_closer_to_the_step(noise: Escape) -> None:
    u = torch.linspace(-1, 1, 1000, dtype=torch.float64)
    assert torch.equal(spike(u, gaussian, noise(u)), spike(u, gaussian))


@pytest.mark.parametrize("kind", [Sigmoid, Exponential])
@pytest.mark.parametrize(("train", "test"), [(True, True), (True, False), (False, True)])
def test_noise_in_training_and_in_test(kind: type[Sigmoid | Exponential], train: bool, test: bool) -> None:
    noise, u = kind(train=train, test=test), torch.zeros(3)
    assert (noise.train()(u) is not None) == train
    assert (noise.eval()(u) is not None) == test


def test_refused_options() -> None:
    with pytest.raises(OptionError, match=r"^steepness=0\.0: "):
        Sigmoid(0.0)
    with pytest.raises(OptionError, match=r"^rate=0\.0: "):
        Exponential(rate=0.0)
    with pytest.raises(OptionError, match=r"^width=-1\.0: "):
        Exponential(width=-1.0)
    with pytest.raises(OptionError, match=r"^test=false: without noise in training and in test take escape=none$"):
        Sigmoid(train=False, test=False)
