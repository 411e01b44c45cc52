"""Rules that choose the moments of the voltage: simulated with Bernoulli inputs, and against published numbers."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import torch
from scipy.stats import norm
from torch import Tensor, nn

from snnexp.conv import Conv
from snnexp.errors import OptionError, UserError
from snnexp.init import NoInputs, Promise, fluctuation, mean_driven, propagation
from snnexp.layers import Layer, LinearOutput
from snnexp.network import Dense
from snnexp.neurons.constants import Decay
from snnexp.neurons.cuba_lif import CubaLIF
from snnexp.neurons.lif import LIF
from snnexp.neurons.lstm import LSTM
from snnexp.neurons.neuron import Neuron
from snnexp.surrogates import Surrogate, fast_sigmoid

SURROGATE = Surrogate(fast_sigmoid)
THETA, ALPHA = 1.5, 0.8
lif = partial(LIF, membrane_decay=ALPHA, threshold=THETA)


class Given:
    """A training set of given batches [T, B, I]."""

    def __init__(self, *batches: Tensor) -> None:
        self.batches = batches

    def input_moments(self) -> tuple[float, float]:
        whole = torch.cat([batch.flatten() for batch in self.batches])
        return whole.mean().item(), whole.square().mean().item()

    def train_inputs(self) -> Iterator[Tensor]:
        return iter(self.batches)


def bernoulli(rate: float, *shape: int) -> Tensor:
    return (torch.rand(*shape) < rate).float()


def dense(inputs: int, *widths: int, neuron: Any = lif, recurrent: bool = False, seed: int = 0) -> Dense:
    torch.manual_seed(seed)
    return Dense(inputs, 4, neuron, SURROGATE, widths, LinearOutput, recurrent)


def voltages(neuron: Neuron, currents_TBN: Tensor) -> Tensor:
    """v [T, B, N] of neurons in float64, if they never fired; 200 steps later than the first current."""
    state = neuron.initial_state(currents_TBN.shape[1], currents_TBN.double())
    kept = []
    for current in currents_TBN.double():
        state = neuron.step(current, state, torch.zeros_like, neuron.constants())
        kept.append(state.v)
    return torch.stack(kept[200:])


NEURONS = {"lif": lif, "cuba_lif": partial(CubaLIF, synaptic_decay=0.6, membrane_decay=ALPHA, threshold=THETA)}


@pytest.mark.parametrize("neuron", NEURONS)
@pytest.mark.parametrize("mu_U", [0.0, 0.3])
def test_voltage_over_time(neuron: str, mu_U: float) -> None:
    n, size, rate, xi = 200, 256, 0.1, 2.0
    net = dense(n, size, neuron=NEURONS[neuron])
    (promise,) = fluctuation(net, NoInputs(), nu=rate, xi=xi, mu_U=mu_U)
    (layer,) = net.hidden
    v_TBN = voltages(layer.neuron, nn.functional.linear(bernoulli(rate, 5200, 4, n), layer.projection.detach()))
    sd = (THETA - mu_U) / xi
    # Relative errors: of 256 sums of 200 squares .6 %, of the time averages of 256 neurons less.
    assert v_TBN.var(0).mean().item() == pytest.approx((1 - rate) * sd**2, rel=0.03)
    # The mean over time differs from neuron to neuron, with a standard deviation below sd.
    assert v_TBN.mean().item() == pytest.approx(mu_U, abs=4.5 * sd / 16)
    assert promise.input_rate == rate
    if neuron == "lif" and mu_U == 0:
        rest = (1 - rate) + rate * (1 + ALPHA) / (1 - ALPHA)  # the means of the neurons vary too
        assert v_TBN.var().item() == pytest.approx(rest * sd**2, rel=4.5 * (2 / size) ** 0.5)


@pytest.mark.parametrize("share", [0.9, 0.5])
def test_shares_of_inputs_and_recurrence(share: float) -> None:
    """The recurrence is driven by spikes of the same rate as the inputs, as the rule takes it to be."""
    n, size, rate = 150, 250, 0.1
    net = dense(n, size, recurrent=True)
    (promise,) = fluctuation(net, NoInputs(), nu=rate, share=share, mu_U=0.2, xi=1.5)
    (layer,) = net.hidden
    assert promise.projection is not None
    assert promise.recurrence is not None
    assert promise.projection.mean == pytest.approx(0.2 * (1 - ALPHA) / ((n + size) * rate))
    assert promise.recurrence.mean == promise.projection.mean
    assert layer.recurrence is not None
    parts = [
        voltages(layer.neuron, nn.functional.linear(bernoulli(rate, 2200, 4, weight.shape[1]), weight.detach()))
        for weight in (layer.projection, layer.recurrence)
    ]
    wanted = (1 - rate) * (1.3 / 1.5) ** 2
    assert parts[0].var(0).mean().item() == pytest.approx(share * wanted, rel=0.04)
    assert parts[1].var(0).mean().item() == pytest.approx((1 - share) * wanted, rel=0.04)
    assert (parts[0] + parts[1]).mean().item() == pytest.approx(0.2, abs=4.5 * 0.9 / 15)


def test_mean_driven_voltage() -> None:
    n, size, rate = 200, 256, 0.2
    net = dense(n, size)
    (promise,) = mean_driven(net, NoInputs(), nu=rate, xi=2.0)
    (layer,) = net.hidden
    v_TBN = voltages(layer.neuron, nn.functional.linear(bernoulli(rate, 2200, 4, n), layer.projection.detach()))
    assert v_TBN.mean().item() == pytest.approx(THETA, abs=4.5 * THETA / 2 / 16)
    assert promise.projection is not None
    mean, variance = promise.projection
    assert (mean, variance) == pytest.approx((THETA * 0.2 / (n * rate), (THETA / 2) ** 2 * (1 - ALPHA**2) / (n * rate)))
    # The variance that the mean weight makes comes on top.
    wanted = (1 - rate) * ((THETA / 2) ** 2 + n * rate * mean**2 / (1 - ALPHA**2))
    assert v_TBN.var(0).mean().item() == pytest.approx(wanted, rel=0.03)


def test_mean_driven_recurrence() -> None:
    (promise,) = mean_driven(dense(30, 20, recurrent=True), NoInputs(), nu=0.2)
    mean, scale = THETA * 0.2 / (50 * 0.2), THETA**2 * (1 - ALPHA**2) / 0.2
    assert promise.projection == pytest.approx((mean, 0.9 * scale / 30))
    assert promise.recurrence == pytest.approx((mean, 0.1 * scale / 20))


def test_mean_driven_as_in_the_deep_cifar_networks() -> None:
    (promise,) = mean_driven(
        dense(30, 20, neuron=partial(LIF, membrane_decay=0.9, threshold=1.0)), NoInputs(), 1.0, kernel="one"
    )
    assert promise.projection == pytest.approx((1 / 30, 1 / 30))


# Gygax & Zenke 2025, Fig. 7: inputs and recurrent inputs of a neuron, standard deviations of the weights.
SHD = [((21, 80), (1.154, 0.197)), ((112, 160), (0.500, 0.139)), ((224, 320), (0.353, 0.0986))]


@pytest.mark.parametrize(("fans", "published"), SHD)
def test_weights_of_a_published_network(fans: tuple[int, int], published: tuple[float, float]) -> None:
    """tau 20 and 10 ms, steps of 2 ms, 15.8 Hz; and of 1.3 sd in the stochastic network."""
    neuron = partial(CubaLIF, synaptic_decay=Decay(5.0), membrane_decay=Decay(10.0), threshold=1.0)
    for sd in (1.0, 1.3):
        net = dense(fans[0], fans[1], neuron=neuron, recurrent=True)
        (promise,) = fluctuation(net, NoInputs(), nu=15.8 * 2e-3, xi=1 / sd, steps=100)
        assert promise.projection is not None
        assert promise.recurrence is not None
        assert promise.projection.variance**0.5 == pytest.approx(sd * published[0], rel=2e-3)
        assert promise.recurrence.variance**0.5 == pytest.approx(sd * published[1], rel=4e-3)


def test_weights_of_a_published_network_with_analytic_kernels() -> None:
    """Gygax & Zenke 2025, Fig. 6: tau 10 and 5 ms, steps of 1 ms, 200 inputs of 50 Hz."""
    neuron = partial(CubaLIF, synaptic_decay=Decay(5.0), membrane_decay=Decay(10.0), threshold=1.0)
    (promise,) = fluctuation(dense(200, 200, neuron=neuron), NoInputs(), nu=0.05, kernel="analytic")
    assert promise.projection is not None
    assert promise.projection.variance**0.5 == pytest.approx(0.34641, abs=1e-5)


def test_one_step_is_the_propagation_rule() -> None:
    """With nu the firing probability of a normal voltage, at threshold 1 and xi = 1."""
    net = dense(40, 30, neuron=partial(LIF, membrane_decay=0.5, threshold=1.0))
    fluctuating = fluctuation(net, NoInputs(), nu=float(norm.sf(1)), xi=1.0, steps=1)
    assert fluctuating[0].projection == pytest.approx(propagation(net, NoInputs())[0].projection)


def test_layerwise_rates() -> None:
    net = dense(20, 30, 25, recurrent=True)
    x_TBI = bernoulli(0.3, 15, 8, 20)
    first, second = fluctuation(net, Given(x_TBI))
    assert first.input_rate == pytest.approx(x_TBI.mean().item(), rel=1e-6)
    # Of the first layer as it is now, without dropout.
    net.eval()
    assert second.input_rate == pytest.approx(net(x_TBI).layers[0].spikes.mean().item(), rel=1e-6)
    assert second.projection is not None
    scale = 0.9 * THETA**2 * (1 - ALPHA**2) / (30 * second.input_rate)
    assert second.projection.variance == pytest.approx(scale)


def test_measuring_leaves_the_network_as_it_was() -> None:
    net = Dense(20, 4, lif, SURROGATE, [30, 25], LinearOutput, dropout=0.5)
    batches = [bernoulli(0.3, 15, 8, 20) for _ in range(3)]
    one, two = (fluctuation(net, Given(*batches), samples=samples)[0].input_rate for samples in (16, 9))
    whole = torch.cat(batches[:2]).mean().item()
    assert (one, two) == pytest.approx((whole, whole), rel=1e-6)
    assert net.training
    assert not any(layer._forward_pre_hooks for layer in net.hidden)


def test_convolutions() -> None:
    """Gygax & Zenke's recurrent layer: the voltage has its variance, nine tenths of it from the input."""
    rate, sd = 0.1, THETA / 2
    torch.manual_seed(0)
    net = Conv(40 * 8, 4, lif, SURROGATE, [8, 40], [32], 7, LinearOutput, strides=1, recurrent=True)
    (promise,) = fluctuation(net, NoInputs(), nu=rate, xi=2.0)
    (layer,) = net.hidden
    assert layer.recurrent_weight is not None
    scale = sd**2 * (1 - ALPHA**2) / rate
    assert promise.projection == pytest.approx((0, 0.9 * scale / (8 * 7)))
    assert promise.recurrence == pytest.approx((0, 0.1 * scale / (32 * 5)))
    parts = []
    for weight in (layer.projection.detach(), layer.recurrent_weight.detach()):
        currents = nn.functional.conv1d(bernoulli(rate, 4200, weight.shape[1], 20), weight).flatten(1)
        parts.append(voltages(lif(currents.shape[1]), currents.unsqueeze(1)).var(0).mean().item())
    # 32 sums of 56 and of 160 squares: 3.3 % and 2 %.
    assert parts == pytest.approx([0.9 * 0.9 * sd**2, 0.1 * 0.9 * sd**2], rel=0.12)


def test_layerwise_rates_of_pooled_convolutions() -> None:
    """A layer's inputs are what the pooling below lets through, more than the spikes' own frequency."""
    torch.manual_seed(0)
    net = Conv(64, 4, lif, SURROGATE, [1, 8, 8], [6, 5], 3, LinearOutput, paddings=1, pooling=2)
    x_TBI = bernoulli(0.3, 15, 8, 64)
    _, second = fluctuation(net, Given(x_TBI))
    net.eval()
    spikes = net(x_TBI).layers[0].spikes
    assert second.input_rate == pytest.approx(net.hidden[0].send(spikes).mean().item(), rel=1e-6)
    assert second.input_rate is not None
    assert second.input_rate > 1.5 * spikes.mean().item()


def test_global_rate() -> None:
    x_TBI = 2 * bernoulli(0.1, 15, 8, 20)
    promises = fluctuation(dense(20, 30, 25), Given(x_TBI), nu="global")
    assert [promise.input_rate for promise in promises] == pytest.approx([x_TBI.square().mean().item()] * 2)


def test_output_layers() -> None:
    for init in (fluctuation, mean_driven):
        net = dense(20, 400)
        init(net, NoInputs(), nu=0.1)
        assert isinstance(net.output, LinearOutput)
        assert net.output.projection.detach().var().item() == pytest.approx(1 / 400, rel=4.5 * (2 / 1600) ** 0.5)
    spiking = partial(Layer, neuron=lif, surrogate=SURROGATE)
    net = Dense(20, 40, lif, SURROGATE, [400], spiking)
    (hidden,) = fluctuation(net, Given(bernoulli(0.3, 15, 8, 20)))
    assert hidden.input_rate is not None
    net.eval()
    rate = net(next(Given(bernoulli(0.3, 15, 8, 20)).train_inputs())).layers[0].spikes.mean().item()
    variance = THETA**2 * (1 - ALPHA**2) / (400 * rate)
    assert net.output.get_parameter("projection").detach().var().item() == pytest.approx(variance, rel=0.15)


@pytest.mark.slow
def test_depth_that_micheli_and_others_compare_with() -> None:
    """Variance of the voltage behind an encoder, 20 steps of constant input, delayed soft reset.

    The numbers come from an independent simulation of ten runs, whose layers vary by less than .1 between runs.
    """
    n, runs, variances, spikes = 1000, 4, [], []
    neuron = partial(LIF, membrane_decay=0.5, threshold=1.0, reset="minus")
    for seed in range(runs):
        net = dense(n, n, n, n, neuron=neuron, seed=seed)
        encoder = Layer(n, n, neuron, SURROGATE)
        encoder.projection.data = torch.eye(n)
        x_TBI = encoder(torch.randn(1, 1, n).expand(20, 1, n)).spikes
        fluctuation(net, Given(x_TBI))
        layers = net(x_TBI, record=["v"]).layers
        variances.append([layer.trace["v"].squeeze(1).var(1).mean().item() for layer in layers])
        spikes.append([layer.spikes.sum().item() / 20 for layer in layers])
    assert torch.tensor(variances).mean(0).tolist() == pytest.approx([1.368, 1.132, 1.080], abs=0.1)
    assert torch.tensor(spikes).mean(0).tolist() == pytest.approx([131.4, 121.7, 116.7], rel=0.06)


Rule = Callable[..., list[Promise]]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"nu": "layers"}, "nu=layers: must be one of layerwise, global"),
        ({"nu": 0.0}, r"nu=0\.0: a rate per step is greater than 0"),
        ({"xi": 0.0}, r"xi=0\.0: must be greater than 0"),
        ({"share": 1.0}, r"share=1\.0: of the variance, must lie between 0 and 1"),
        ({"kernel": "exact"}, "kernel=exact: must be one of numeric, analytic, one"),
        ({"steps": 0}, "steps=0: must be at least 1, or null"),
        ({"steps": 3, "kernel": "one"}, "steps=3: cuts a numeric kernel only; must be null"),
        ({"samples": 0}, "samples=0: must be at least 1"),
    ],
)
@pytest.mark.parametrize("init", [fluctuation, mean_driven])
def test_options_out_of_range(init: Rule, options: dict[str, Any], said: str) -> None:
    with pytest.raises(OptionError, match=f"^{said}$"):
        init(dense(9, 8), NoInputs(), **{"nu": 0.1, **options})


def test_a_mean_that_leaves_no_variance() -> None:
    with pytest.raises(OptionError, match=r"^mu_U=1\.4: mean weights of .* alone make more variance than xi asks for"):
        fluctuation(dense(9, 8), NoInputs(), nu=0.1, mu_U=1.4)


def test_a_synapse_delays_the_response() -> None:
    with pytest.raises(OptionError, match=r"^steps=1: the voltage has not begun to respond after so few steps$"):
        fluctuation(dense(9, 8, neuron=NEURONS["cuba_lif"]), NoInputs(), nu=0.1, steps=1)


@pytest.mark.parametrize("nu", ["layerwise", "global"])
@pytest.mark.parametrize("init", [fluctuation, mean_driven])
def test_data_are_needed(init: Rule, nu: str) -> None:
    with pytest.raises(UserError, match=r"^init: this rule measures the training inputs, and here are none;"):
        init(dense(9, 8), NoInputs(), nu=nu)
    with pytest.raises(OptionError, match=r"^nu=0\.0: layer 0 receives nothing: the training inputs are all 0"):
        init(dense(9, 8), Given(torch.zeros(5, 3, 9)), nu=nu)


def test_no_samples_and_silent_layers() -> None:
    with pytest.raises(OptionError, match=r"^samples=256: there are no training samples to measure rates on$"):
        fluctuation(dense(9, 8), Given())
    with pytest.raises(OptionError, match=r"^nu=0\.0: layer 1 receives nothing: layer 0 never fires; lower"):
        fluctuation(dense(9, 8, 7), Given(torch.ones(5, 3, 9)), xi=1e9)


def test_neurons_without_a_voltage() -> None:
    with pytest.raises(OptionError, match=r"^neuron=LSTM: has no voltage: take lif, alif or cuba_lif$"):
        fluctuation(dense(9, 8, neuron=LSTM), NoInputs(), nu=0.1)
