"""How long a neuron takes to answer."""

import pytest

from snnexp.neurons.adlif import AdLIF
from snnexp.neurons.constants import Decay, Uniform
from snnexp.neurons.cuba_lif import CubaLIF
from snnexp.neurons.latency import latency
from snnexp.neurons.leaky_integrator import LeakyIntegrator
from snnexp.neurons.lif import LIF
from snnexp.neurons.lstm import LSTM
from snnexp.neurons.neuron import Neuron
from snnexp.neurons.slstm import SLSTM

LEARNED = Decay(20.0, learnable=True)  # z has a gradient then, but none to the current


@pytest.mark.parametrize(
    ("neuron", "steps"),
    [
        (LIF(2, 0.9, 1.0), 0),
        (LIF(2, 0.9, 1.0, reset="post"), 0),
        (AdLIF(2, LEARNED, 0.9, Uniform(0.0, 1.0, True), 1.0, 1.0), 0),
        (LSTM(2), 0),
        (SLSTM(2), 0),
        (CubaLIF(2, 0.9, 0.9, 1.0), 1),
        (CubaLIF(2, LEARNED, LEARNED, 1.0), 1),
        (LeakyIntegrator(2, 0.9, LEARNED), 1),
    ],
    ids=lambda value: type(value).__name__,
)
def test_latency(neuron: Neuron, steps: int) -> None:
    assert latency(neuron, 5) == steps
    assert latency(neuron, 1) == min(steps, 1)
