"""Rates trained before training: what is reached, and that nothing but the constant currents has moved."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from snnexp.conv import Conv
from snnexp.errors import OptionError, UserError
from snnexp.init import NoInputs, firing_rate, glorot, kaiming
from snnexp.layers import LinearOutput
from snnexp.network import Dense
from snnexp.neurons.constants import PerNeuron
from snnexp.neurons.cuba_lif import CubaLIF
from snnexp.neurons.lif import LIF
from snnexp.surrogates import Surrogate, fast_sigmoid


class Batches:
    def __init__(self, count: int) -> None:
        generator = torch.Generator().manual_seed(1)
        self.batches = [(torch.rand(12, 16, 20, generator=generator) < 0.2).float() for _ in range(count)]

    def input_moments(self) -> tuple[float, float]:
        raise AssertionError("rates are measured")

    def train_inputs(self) -> Iterator[Tensor]:
        return iter(self.batches)


def network(current: PerNeuron | None, reset: str = "pre", dropout: float = 0.0) -> Dense:
    torch.manual_seed(0)
    neuron = partial(LIF, membrane_decay=0.5, threshold=0.3, current=current, reset=reset)
    return Dense(20, 4, neuron, Surrogate(fast_sigmoid), [24, 16], LinearOutput, dropout=dropout)


FIXED, LEARNED = PerNeuron(0.0, 0.05, cut=None), PerNeuron(0.0, 0.05, learnable=True, cut=None)


@pytest.mark.parametrize("target", [0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_targets_are_reached(target: float) -> None:
    net, data = network(LEARNED), Batches(2)
    promises = firing_rate(net, data, target, epochs=80, lr=0.1)
    for promise in promises:
        assert promise.firing_rate == pytest.approx(target, abs=0.02)
        (note,) = promise.notes
        assert note.startswith(f"firing rate {promise.firing_rate:.3g} for a target of {target:g}")
    seen = [net(x_TBI).layers for x_TBI in data.batches]
    reached = [torch.stack([layers[index].spikes.mean() for layers in seen]).mean().item() for index in range(2)]
    assert [promise.firing_rate for promise in promises] == pytest.approx(reached)


def test_a_post_reset_cannot_fire_twice_in_a_row() -> None:
    for promise in firing_rate(network(LEARNED, "post"), Batches(2), 0.9, epochs=60, lr=0.1):
        assert promise.firing_rate == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("current", [FIXED, LEARNED])
def test_only_currents_move_and_stay_as_learnable_as_they_were(current: PerNeuron) -> None:
    before, after = network(current, dropout=0.5), network(current, dropout=0.5)
    for net in (before, after):
        torch.manual_seed(2)
        (kaiming if net is before else partial(firing_rate, weights=kaiming, epochs=3))(net, Batches(2))
    changed = {name for name, value in after.state_dict().items() if not torch.equal(value, before.state_dict()[name])}
    assert changed == {f"layers.{index}.neuron.current.raw" for index in range(2)}
    learned = {name: one.requires_grad for name, one in after.named_parameters()}
    assert learned == {name: one.requires_grad for name, one in before.named_parameters()}
    assert all(one.grad is None for one in after.parameters())
    assert after.training


def test_biases_are_trained_where_neurons_have_no_current() -> None:
    torch.manual_seed(0)
    neuron = partial(CubaLIF, synaptic_decay=0.5, membrane_decay=0.5, threshold=0.3, reset="pre")
    net = Conv(20, 4, neuron, Surrogate(fast_sigmoid), [1, 20], [6, 8], 3, LinearOutput, bias=True)
    for promise in firing_rate(net, Batches(2), 0.3, epochs=80, lr=0.1):
        assert promise.firing_rate == pytest.approx(0.3, abs=0.03)
    assert all(layer.bias is not None and layer.bias.any() for layer in net.hidden)


def test_an_encoder_has_no_rate_to_be_reached() -> None:
    torch.manual_seed(0)
    neuron = partial(LIF, membrane_decay=0.5, threshold=0.3)
    net = Dense(20, 4, neuron, Surrogate(fast_sigmoid), [24, 16], LinearOutput, encoder=True, bias=True)
    promises = firing_rate(net, Batches(2), 0.3, epochs=80, lr=0.1)
    assert [promise.firing_rate for promise in promises] == pytest.approx([0.3, 0.3], abs=0.03)


def test_adam_takes_steps_of_its_learning_rate() -> None:
    """A first step moves every current by lr, up or, where a neuron inhibits the others, down."""
    before, after = network(LEARNED), network(LEARNED)
    for net, init in ((before, glorot), (after, partial(firing_rate, target=0.9, epochs=1, lr=1e-3))):
        torch.manual_seed(2)
        init(net, Batches(1))
    for old, new in zip(before.hidden, after.hidden, strict=True):
        moved = new.neuron.get_parameter("current.raw") - old.neuron.get_parameter("current.raw")
        torch.testing.assert_close(moved.abs(), torch.full_like(moved, 1e-3), atol=1e-6, rtol=0)


def test_promises_of_the_weights_are_kept() -> None:
    promises = firing_rate(network(LEARNED), Batches(1), epochs=1, weights=kaiming)
    assert promises[0].projection == (0, 2 / 20)
    assert promises[0].recurrence == pytest.approx((0, 1 / 24))
    mine = firing_rate(network(LEARNED), Batches(1), epochs=1, weights=lambda network, inputs: [None, None])
    assert mine[0].projection is None
    assert mine[0].firing_rate is not None


def test_a_current_and_data_are_needed() -> None:
    with pytest.raises(OptionError, match=r"^neuron=LIF without a current: init=firing_rate trains a constant current"):
        firing_rate(network(None), Batches(1))
    with pytest.raises(UserError, match=r"^init: this rule measures the training inputs, and here are none;"):
        firing_rate(network(LEARNED), NoInputs())
    with pytest.raises(UserError, match=r"^init=firing_rate measures the training inputs, and here are none$"):
        firing_rate(network(LEARNED), Batches(0))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"target": 1.0}, r"target=1\.0: a firing rate per step, must lie between 0 and 1"),
        ({"epochs": 0}, "epochs=0: must be at least 1"),
        ({"lr": 0.0}, r"lr=0\.0: must be greater than 0"),
    ],
)
def test_options_out_of_range(options: dict[str, Any], said: str) -> None:
    with pytest.raises(OptionError, match=f"^{said}$"):
        firing_rate(network(LEARNED), Batches(1), **options)
