"""Escape noise fires with the probability that it promises."""

import pytest
import torch

from snnexp.errors import OptionError
from snnexp.escape import Sigmoid
from snnexp.surrogates import gaussian, spike

DRAWS = 200_000


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize("steepness", [1.0, 10.0])
def test_firing_probability_is_the_sigmoid(steepness: float, dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    for voltage in (-1.0, -0.25, 0.0, 0.125, 0.5):
        u = torch.full((DRAWS,), voltage, dtype=dtype)
        fired = spike(u, gaussian, Sigmoid(steepness)(u)).double().sum().item()
        p = torch.sigmoid(torch.tensor(steepness * voltage, dtype=torch.float64)).item()
        assert abs(fired - DRAWS * p) < 4.5 * (DRAWS * p * (1 - p)) ** 0.5 + 1


def test_a_drawn_threshold_is_a_drawn_spike() -> None:
    u = torch.linspace(-1, 1, DRAWS, dtype=torch.float64)
    torch.manual_seed(1)
    noise = Sigmoid(10.0)(u)
    torch.manual_seed(1)
    bernoulli = torch.rand_like(u) < torch.sigmoid(10 * u)
    assert torch.equal(spike(u, gaussian, noise), bernoulli.double())


def test_steeper_is_closer_to_the_step() -> None:
    u = torch.linspace(-1, 1, 1000, dtype=torch.float64)
    assert torch.equal(spike(u, gaussian, Sigmoid(1e6)(u)), spike(u, gaussian))


def test_refuses_a_flat_sigmoid() -> None:
    with pytest.raises(OptionError, match=r"^steepness=0\.0: "):
        Sigmoid(0.0)
