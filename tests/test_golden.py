"""Losses of a few training steps of every neuron, to the last digits: a change that moves them is to be meant.

After one that is meant: python tests/test_golden.py, which writes tests/golden/losses.json anew.
"""

import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from snnexp.init import NoInputs, glorot
from snnexp.layers import LinearOutput
from snnexp.losses import CrossEntropy
from snnexp.network import Dense
from snnexp.neurons.alif import ALIF
from snnexp.neurons.constants import Decay, PerNeuron
from snnexp.neurons.cuba_lif import CubaLIF
from snnexp.neurons.lif import LIF
from snnexp.neurons.lstm import LSTM
from snnexp.neurons.perceptron import Perceptron
from snnexp.neurons.slstm import SLSTM
from snnexp.optim import adabelief
from snnexp.surrogates import Surrogate, fast_sigmoid

GOLDEN = Path(__file__).parent / "golden" / "losses.json"

T, B, I, C, STEPS = 20, 8, 12, 3, 5  # noqa: E741

DECAY, THRESHOLD = Decay(5.0, sd=1.0, learnable=True), PerNeuron(0.5, sd=0.1, learnable=True)
LIF_LIKE: dict[str, Any] = {"membrane_decay": DECAY, "threshold": THRESHOLD}
NEURONS: dict[str, Any] = {
    "lif pre": partial(LIF, **LIF_LIKE, reset="pre"),
    "lif post": partial(LIF, **LIF_LIKE, reset="post"),
    "lif minus": partial(LIF, **LIF_LIKE, reset="minus"),
    "lif minus, gradient through the reset": partial(LIF, **LIF_LIKE, reset="minus", detach_reset=False),
    "cuba_lif": partial(CubaLIF, **LIF_LIKE, synaptic_decay=0.75),
    "alif": partial(ALIF, **LIF_LIKE, adaptation_decay=0.875, adaptation_strength=1.0),
    "perceptron": partial(Perceptron, threshold=THRESHOLD),
    "lstm": LSTM,
    "slstm": SLSTM,
}


def losses(neuron: Any) -> list[float]:
    torch.manual_seed(0)
    network = Dense(I, C, neuron, Surrogate(fast_sigmoid), [10, 8], LinearOutput)
    glorot(network, NoInputs())
    network = network.double()
    x_TBI, targets_B = (torch.rand(T, B, I) < 0.3).double(), torch.randint(C, (B,))
    optimizer = adabelief(list(network.parameters()), lr=3e-3)
    measured = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = CrossEntropy()(network(x_TBI).outputs, targets_B)
        torch.autograd.backward(loss)
        optimizer.step()
        measured.append(loss.item())
    return measured


@pytest.mark.parametrize("name", NEURONS)
def test_losses_are_what_they_were(name: str) -> None:
    stored = json.loads(GOLDEN.read_text())[name]
    assert len(set(stored)) == STEPS
    assert losses(NEURONS[name]) == pytest.approx(stored, rel=1e-9)


def test_every_stored_loss_is_tested() -> None:
    assert list(json.loads(GOLDEN.read_text())) == list(NEURONS)


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps({name: losses(neuron) for name, neuron in NEURONS.items()}, indent=2) + "\n")
