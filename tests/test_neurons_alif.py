"""The adaptive LIF neuron by hand."""

import math

import pytest
import torch

from snnexp.neurons.alif import ALIF
from snnexp.neurons.lif import LIF
from snnexp.surrogates import arctan
from snnexp.unroll import unroll


@pytest.mark.parametrize(
    ("reset", "v", "z"),
    [
        ("minus", [0.75, -0.375, 0.5625, 1.03125], [1, 0, 0, 1]),
        ("minus_immediate", [0.75, 0.875, 1.1875, 0.84375], [1, 0, 1, 0]),
        ("pre", [0.75, 0.75, 1.125, 0.75], [1, 0, 1, 0]),
        ("post", [0.75, 0.0, 0.75, 1.125], [1, 0, 0, 1]),
    ],
)
def test_steps_by_hand(reset: str, v: list[float], z: list[float]) -> None:
    neuron = ALIF(1, 0.5, 0.5, 0.5, 2.0, reset=reset).double()
    output = unroll(neuron, torch.full((4, 1, 1), 0.75).double(), None, arctan, record=("v", "a", "u"))
    assert output.spikes.flatten().tolist() == z
    assert output.trace["v"].flatten().tolist() == v
    a = [0.0]
    for spike in z[:-1]:
        a.append(0.5 * a[-1] + 0.5 * spike)
    assert output.trace["a"].flatten().tolist() == a
    thresholds = [0.5 + 2.0 * value for value in a]
    assert output.trace["u"].flatten().tolist() == [x - y for x, y in zip(v, thresholds, strict=True)]


def test_adaptation_settles_at_the_firing_rate() -> None:
    # Under constant current a is the low-passed spike train, so its time average is the firing rate.
    neuron = ALIF(1, 0.9, 0.5, 0.95, 1.8).double()
    output = unroll(neuron, torch.full((4000, 1, 1), 0.4).double(), None, arctan, record=("a",))
    rate = output.spikes[2000:].mean().item()
    assert 0.01 < rate < 0.9
    assert output.trace["a"][2000:].mean().item() == pytest.approx(rate, rel=0.02)


@pytest.mark.parametrize("detach", [True, False])
def test_gradient_flows_through_the_adaptation_and_as_asked_through_the_reset(detach: bool) -> None:
    alpha, theta, rho, kappa, i0 = 0.75, 1.0, 0.5, 2.0, 1.25
    currents_T = torch.tensor([i0, 0.5], dtype=torch.float64, requires_grad=True)
    neuron = ALIF(1, alpha, theta, rho, kappa, detach_reset=detach).double()
    u = unroll(neuron, currents_T.view(2, 1, 1), None, arctan, record=("u",)).trace["u"]
    (gradient,) = torch.autograd.grad(u[1].sum(), currents_T)
    psi = 1 / (1 + (math.pi * (i0 - theta)) ** 2)  # z_0 = 1
    adapted = kappa * (1 - rho)
    reset = 0.0 if detach else (theta + adapted) * psi + adapted * psi  # of theta_1 z_0, by z_0 and by theta_1
    assert gradient.tolist() == pytest.approx([alpha - adapted * psi - reset, 1], rel=1e-12)


def test_without_strength_it_is_a_lif_neuron() -> None:
    currents_TBG = torch.rand(50, 2, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    lif = unroll(LIF(3, 0.9, 1.0, reset="minus").double(), currents_TBG, None, arctan).spikes
    alif = unroll(ALIF(3, 0.9, 1.0, 0.9, 1e-300).double(), currents_TBG, None, arctan).spikes
    assert lif.sum() > 5
    assert torch.equal(alif, lif)
