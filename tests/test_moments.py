"""Responses of the neurons before they fire: against closed forms, published code's numbers, and simulations."""

import math
from functools import partial

import pytest
import torch

from snnexp.errors import OptionError
from snnexp.moments import Integrals, Kernel, firing_probability, integrals, response
from snnexp.neurons.adlif import AdLIF
from snnexp.neurons.alif import ALIF
from snnexp.neurons.constants import Decay, PerNeuron
from snnexp.neurons.cuba_lif import CubaLIF
from snnexp.neurons.lif import LIF
from snnexp.neurons.lstm import LSTM
from snnexp.neurons.plif import PLIF


def cuba(membrane: float, synapse: float, step: float) -> CubaLIF:
    """Time constants and step in ms."""
    return CubaLIF(3, Decay(synapse / step), Decay(membrane / step), threshold=1.0)


@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.9])
@pytest.mark.parametrize("neuron", [LIF, partial(ALIF, adaptation_decay=0.5, adaptation_strength=1.0)])
def test_membrane_alone(neuron: type[LIF], alpha: float) -> None:
    # A constant current drives the voltage, but is no part of the response.
    one = neuron(2, membrane_decay=alpha, threshold=0.5, current=PerNeuron(0.3))
    torch.testing.assert_close(response(one, 4)[:, 1], torch.tensor([alpha**k for k in range(4)]).double())
    assert integrals(one) == pytest.approx((1 / (1 - alpha), 1 / (1 - alpha**2)), rel=1e-6)
    assert integrals(one, steps=1) == (1, 1)


# Sums times the step, in s, of github:fmi-basel/stork's kernel, which is cut at ten of the longer time constants.
STORK = [
    ((20, 10, 2), (1.10323e-2, 2.03561e-3)),
    ((10, 5, 1), (5.51613e-3, 1.01781e-3)),
    ((20, 10, 1), (1.05074e-2, 1.84195e-3)),
    ((20, 5, 2), (6.06610e-3, 7.40840e-4)),
]


@pytest.mark.parametrize(("times", "published"), STORK)
def test_synapse_and_membrane(times: tuple[int, int, int], published: tuple[float, float]) -> None:
    membrane, synapse, step = times
    numeric = integrals(cuba(*times), steps=10 * max(membrane, synapse) // step)
    assert [value * step / 1000 for value in numeric] == pytest.approx(published, rel=2e-5)
    whole = integrals(cuba(*times))
    assert whole.first == pytest.approx(1 / (1 - math.exp(-step / synapse)), rel=1e-6)
    assert whole.square > numeric.square


def test_analytic_is_the_limit_of_small_steps() -> None:
    """Continuous time: tau_s and tau_s^2 / (2 (tau_s + tau_m)); tau and tau / 2."""
    step = 0.05
    analytic = integrals(cuba(20, 10, step), Kernel.ANALYTIC)
    assert [value * step for value in analytic] == pytest.approx([10, 100 / 60], rel=1e-5)
    assert integrals(cuba(20, 10, step)) == pytest.approx(tuple(analytic), rel=6e-3)
    lif = LIF(2, Decay(400.0), 1.0)
    assert integrals(lif, Kernel.ANALYTIC) == pytest.approx((400, 200), rel=1e-4)
    assert integrals(lif) == pytest.approx((400, 200), rel=3e-3)


def test_adaptation_shortens_the_response() -> None:
    # A constant current i ends at v = i - w, w = a v / (1 - rho): the sum of the response is (1 - rho) / (1 - rho + a).
    rho, a = 0.9375, 0.25
    whole = integrals(AdLIF(2, 0.875, rho, a, 0.0, 1.0))
    assert whole.first == pytest.approx((1 - rho) / (1 - rho + a), rel=1e-6)
    assert integrals(PLIF(2, 0.875, 1.0)) == pytest.approx((1, 0.125 / 1.875), rel=1e-6)


def test_one() -> None:
    assert integrals(cuba(20, 10, 2), Kernel.ONE) == Integrals(1, 1)


def test_means_over_different_neurons() -> None:
    lif = LIF(2, 0.5, 1.0)
    lif.membrane_decay.raw[1] = 0.75
    assert integrals(lif) == pytest.approx(((2 + 4) / 2, (4 / 3 + 16 / 7) / 2))


def test_what_has_no_response() -> None:
    with pytest.raises(OptionError, match="neuron=LSTM: has no voltage"):
        integrals(LSTM(2))
    with pytest.raises(OptionError, match="response goes on after 20000 steps"):
        integrals(LIF(1, 1.0, 1.0))
    with pytest.raises(OptionError, match=r"^steps=null: the neuron's response goes on after \d{4} steps"):
        integrals(AdLIF(1, 0.875, 0.96875, -0.5, 0.0, 1.0))  # grows, and is no number in the end
    with pytest.raises(OptionError, match=r"has no formula for its response: take kernel=numeric"):
        integrals(AdLIF(1, 0.875, 0.96875, 0.5, 0.0, 1.0), Kernel.ANALYTIC)
    with pytest.raises(OptionError, match=r"membrane_decay=0\.0: an analytic kernel needs a decay between 0 and 1"):
        integrals(LIF(1, 0.0, 1.0), Kernel.ANALYTIC)


@pytest.mark.parametrize(
    ("theta", "probability"), [(0.0, 0.5), (0.5, 0.3085375387), (1.0, 0.1586552539), (2.0, 0.0227501319)]
)
def test_firing_probability(theta: float, probability: float) -> None:
    assert firing_probability(theta) == pytest.approx(probability, rel=1e-8)
    assert firing_probability(3 * theta - 1, mean=-1, variance=9) == pytest.approx(probability, rel=1e-8)
