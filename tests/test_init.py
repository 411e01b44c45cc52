"""Weights before training: the moments that are promised, drawn many times, and what the report says."""

from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

import pytest
import torch
from torch import Tensor

from snnexp import dampening, sharpness
from snnexp.errors import OptionError
from snnexp.init import NoInputs, Promise, condition_I, condition_II, glorot, initialise, off_diagonal, stability
from snnexp.layers import Layer, LinearOutput
from snnexp.network import Dense, Network
from snnexp.neurons.alif import ALIF
from snnexp.neurons.constants import Decay, PerNeuron
from snnexp.neurons.lif import LIF
from snnexp.neurons.slstm import SLSTM
from snnexp.surrogates import Surrogate, fast_sigmoid

INPUTS, WIDTHS, SECOND_MOMENT, SEEDS = 90, (64, 48), 0.2, 12
ALPHA, THETA = 0.75, 0.125
RESETS = ["pre", "post", "minus"]
DRIVE = {"pre": 2 - ALPHA, "post": 2 * (2 - ALPHA), "minus": 3 - 2 * ALPHA}  # condition I, in units of theta / (n - 1)


class Inputs:
    """Inputs of a given mean square; their mean enters no condition on weights of mean 0."""

    def __init__(self, second: float = SECOND_MOMENT) -> None:
        self.second = second

    def input_moments(self) -> tuple[float, float]:
        return 0.0, self.second

    def train_inputs(self) -> NoReturn:
        raise AssertionError("conditions ask for moments only")


def network(
    seed: int = 0, neuron: Callable[..., Any] | None = None, recurrent: bool = True, reset: str = "pre"
) -> Dense:
    torch.manual_seed(seed)
    neuron = neuron or partial(LIF, membrane_decay=ALPHA, threshold=THETA, reset=reset)
    return Dense(INPUTS, 10, neuron, Surrogate(fast_sigmoid), WIDTHS, LinearOutput, recurrent)


def acting(layer: Layer) -> Tensor:
    weights = off_diagonal(layer)
    assert weights is not None
    return weights.double()


def holds_moments(samples: Tensor, mean: float, variance: float) -> None:
    """Mean and variance of uniform samples, within 4.5 standard errors; the kurtosis of a uniform is 1.8."""
    n = samples.numel()
    assert samples.mean().item() == pytest.approx(mean, abs=4.5 * (variance / n) ** 0.5)
    assert samples.var().item() == pytest.approx(variance, rel=4.5 * (0.8 / n) ** 0.5)


def test_glorot() -> None:
    nets = [network(seed) for seed in range(SEEDS)]
    promised, *_ = [glorot(net, Inputs()) for net in nets]
    for index, (fan_in, width) in enumerate(((INPUTS, 64), (64, 48))):
        layers = [net.hidden[index] for net in nets]
        holds_moments(torch.cat([layer.projection.detach().flatten() for layer in layers]), 0, 2 / (fan_in + width))
        holds_moments(torch.cat([acting(layer) for layer in layers]), 0, 1 / width)
        assert promised[index][:2] == ((0, 2 / (fan_in + width)), (0, 1 / width))
    outputs = torch.stack([net.output.get_parameter("projection").detach() for net in nets])
    holds_moments(outputs, 0, 2 / (48 + 10))
    assert not nets[0].output.get_parameter("bias").any()


def test_glorot_gives_every_gate_a_weight_of_its_own() -> None:
    net = network(neuron=SLSTM)
    promised = glorot(net, Inputs())[0]
    weights = off_diagonal(net.hidden[0])
    assert weights is not None
    assert promised[:2] == ((0, 2 / (INPUTS + 64)), (0, 1 / 64))
    for gate in weights.chunk(4):
        holds_moments(gate, 0, 1 / 64)
    for gate in net.hidden[0].projection.detach().chunk(4):
        holds_moments(gate.flatten(), 0, 2 / (INPUTS + 64))


@pytest.mark.parametrize("reset", RESETS)
@pytest.mark.parametrize("init", [condition_I, condition_II, stability])
def test_promised_moments_are_drawn(init: Callable[..., Any], reset: str) -> None:
    nets = [network(seed, reset=reset) for seed in range(SEEDS)]
    promised, *_ = [init(net, Inputs()) for net in nets]
    for index, (fan_in, width, second) in enumerate(((INPUTS, 64, SECOND_MOMENT), (64, 48, 0.5))):
        mean = 0.0 if init is condition_II else DRIVE[reset] * THETA / (width - 1)
        variance = 2 * fan_in / (width - 1) * second * 2 / (fan_in + width) - mean**2 / 2
        if init is condition_I:
            variance = 1 / width
        assert promised[index].recurrence == pytest.approx((mean, variance))
        holds_moments(torch.cat([acting(net.hidden[index]) for net in nets]), mean, variance)
        recurrence = nets[0].hidden[index].recurrence
        assert recurrence is not None
        assert not recurrence.diagonal().any()


@pytest.mark.parametrize("reset", RESETS)
def test_moments_are_each_neurons_own(reset: str) -> None:
    neuron = partial(LIF, membrane_decay=Decay(3.0, sd=1.0), threshold=PerNeuron(0.1, sd=0.03), reset=reset)
    plain, shifted, both = (network(3, neuron) for _ in range(3))
    weights = []
    for net, init in ((plain, glorot), (shifted, condition_I), (both, stability)):
        torch.manual_seed(4)
        init(net, Inputs())
        weights.append(net.hidden[0].recurrent_weight)
    constants = shifted.hidden[0].neuron.constants()
    alpha_N, theta_N = constants.alpha.double(), constants.theta.double()
    drive_N = {"pre": 2 - alpha_N, "post": 2 * (2 - alpha_N), "minus": 3 - 2 * alpha_N}[reset]
    mean_N1 = (drive_N * theta_N / 63).unsqueeze(1).float()
    variance_N1 = 2 * INPUTS / 63 * SECOND_MOMENT * 2 / (INPUTS + 64) - mean_N1**2 / 2
    torch.testing.assert_close(weights[1], weights[0] + mean_N1)
    torch.testing.assert_close(weights[2], weights[0] * (variance_N1 * 64).sqrt() + mean_N1)


def test_formulas_of_the_authors_code() -> None:
    post = condition_I(network(reset="post"), Inputs(), formula="code")[0].recurrence
    assert post is not None
    assert post.mean == pytest.approx(2 * (1 - ALPHA) * THETA / 63)
    nets = [network(seed) for seed in range(SEEDS)]
    promised, *_ = [condition_II(net, Inputs(), formula="code") for net in nets]
    variance = (INPUTS / 63 * SECOND_MOMENT * 2 / (INPUTS + 64)) ** 0.5 / 64
    assert promised[0].recurrence == pytest.approx((0, variance))
    holds_moments(torch.cat([acting(net.hidden[0]) for net in nets]), 0, variance)


@pytest.mark.parametrize("init", [condition_I, condition_II, stability])
@pytest.mark.parametrize(
    ("net", "kind"),
    [
        (
            network(
                neuron=partial(ALIF, membrane_decay=0.5, threshold=1.0, adaptation_decay=0.5, adaptation_strength=1.0)
            ),
            "ALIF",
        ),
        (network(recurrent=False), "LIF without recurrence"),
    ],
)
def test_conditions_cover_recurrent_lif_only(init: Callable[..., Any], net: Dense, kind: str) -> None:
    with pytest.raises(OptionError, match=rf"^neuron={kind}: init by conditions I-IV needs neuron=lif"):
        init(net, Inputs())


def test_a_negative_variance_is_an_error() -> None:
    # sl-MNIST's inputs are so sparse that weights of the mean of condition I vary too much.
    neuron = partial(LIF, membrane_decay=0.0, threshold=1.0)
    net = Dense(784, 10, neuron, Surrogate(fast_sigmoid), [64], LinearOutput)
    with pytest.raises(OptionError, match=r"mean recurrent weight of layer 0=0\.0317: condition II allows at most"):
        stability(net, Inputs(0.00158))
    condition_II(net, Inputs(0.00158))


def test_report() -> None:
    net = network()
    fixed = dampening.Fixed(0.5), sharpness.Fixed(2.0)
    reports = initialise(net, Inputs(), stability, *fixed)
    for layer, report in zip(net.hidden, reports, strict=True):
        assert layer.dampening.tolist() == [0.5] * layer.size
        assert layer.sharpness.tolist() == [2.0] * layer.size
        assert (report.dampening, report.sharpness, report.feasible, report.notes) == (0.5, 2.0, None, ())
        assert report.realised_mean == pytest.approx(acting(layer).mean().item(), rel=1e-4)
        assert report.realised_variance == pytest.approx(acting(layer).var().item(), rel=1e-4)
        assert report.realised_projection_variance == pytest.approx(
            layer.projection.detach().double().var().item(), rel=1e-4
        )
        assert report.projection_variance == pytest.approx(2 / (layer.inputs + layer.size))
        assert report.mean == pytest.approx(DRIVE["pre"] * THETA / (layer.size - 1))
    without = initialise(network(recurrent=False), Inputs(), glorot, *fixed)[0]
    assert (without.mean, without.realised_mean, without.residual) == (None, None, None)


def test_report_of_rates_and_notes() -> None:
    def init(network: Network, inputs: object) -> list[Promise | None]:
        return [None, Promise(input_rate=0.25, firing_rate=0.5, notes=("said",))]

    silent, said = initialise(network(), NoInputs(), init, dampening.Fixed(0.5), sharpness.Fixed(2.0))
    assert (silent.input_rate, silent.firing_rate, silent.notes, silent.projection_mean) == (None, None, (), None)
    assert (said.input_rate, said.firing_rate, said.notes) == (0.25, 0.5, ("said",))
    assert said.realised_projection_variance == 0


def test_a_spiking_output_has_weights_and_scale_too() -> None:
    torch.manual_seed(0)
    neuron, surrogate = partial(LIF, membrane_decay=ALPHA, threshold=THETA), Surrogate(fast_sigmoid)
    net = Dense(INPUTS, 10, neuron, surrogate, WIDTHS, partial(Layer, neuron=neuron, surrogate=surrogate))
    assert len(initialise(net, Inputs(), glorot, dampening.Fixed(0.5), sharpness.Fixed(2.0))) == 2
    assert isinstance(net.output, Layer)
    assert net.output.projection.detach().var().item() == pytest.approx(2 / 58, rel=0.2)
    assert (net.output.dampening[0].item(), net.output.sharpness[0].item()) == (0.5, 2.0)
