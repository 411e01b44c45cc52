"""Rules that compute weights from the number of inputs and the threshold: their moments, and where they coincide."""

from collections.abc import Callable
from functools import partial

import pytest
import torch
from scipy.optimize import brentq
from scipy.stats import norm
from torch import Tensor

from snnexp.chains import stable_threshold
from snnexp.conv import Conv
from snnexp.errors import OptionError
from snnexp.init import (
    Moments,
    NoInputs,
    Promise,
    bellec,
    biased,
    ding,
    glorot,
    kaiming,
    lee,
    off_diagonal,
    orthogonal,
    propagation,
    uniform,
)
from snnexp.layers import Layer, LinearOutput
from snnexp.network import Dense
from snnexp.neurons.leaky_integrator import LeakyIntegrator
from snnexp.neurons.lif import LIF
from snnexp.neurons.lstm import LSTM
from snnexp.neurons.slstm import SLSTM
from snnexp.surrogates import Surrogate, fast_sigmoid

INPUTS, WIDTHS, CLASSES, SEEDS = 90, (64, 48), 10, 12
FANS = ((INPUTS, 64), (64, 48))
SURROGATE = Surrogate(fast_sigmoid)
QUIET = partial(LeakyIntegrator, synaptic_decay=0.5, membrane_decay=0.5)

Rule = Callable[..., list[Promise]]
Law = Callable[[int, int, float], float]
"""Variance of a weight, given the number of inputs and of outputs, and the threshold."""


def p(theta: float) -> float:
    return float(norm.sf(theta))


def by(factor: float) -> Law:
    """This much, over the number of inputs."""
    return lambda n, m, theta: factor / n


def glorots(n: int, m: int, theta: float) -> float:
    return 2 / (n + m)


# Rule, variance of an input weight, of a recurrent one, of one to an output that never fires.
RULES: dict[str, tuple[Rule, Law, Law, Law]] = {
    "glorot": (glorot, glorots, glorots, glorots),
    "kaiming": (kaiming, by(2), glorots, by(2)),
    "orthogonal": (orthogonal, lambda n, m, theta: 1 / max(n, m), by(1), by(1)),
    "orthogonal 2": (partial(orthogonal, gain=2.0), lambda n, m, theta: 4 / max(n, m), by(4), by(4)),
    "uniform": (uniform, by(1 / 3), by(1 / 3), by(1 / 3)),
    "uniform normal": (partial(uniform, reading="normal"), by(1), by(1), by(1)),
    "uniform tutorial": (partial(uniform, reading="tutorial", recurrent_gain=3.0), by(0.04), by(0.36), by(0.04)),
    "lee": (lee, by(1), glorots, by(1)),
    "lee folded": (partial(lee, scale_threshold=3.0), lambda n, m, theta: theta**2 / 27, glorots, by(1)),
    "bellec": (bellec, by(1), by(1), by(1)),
    "bellec 2": (partial(bellec, scale=2.0), by(4), by(4), by(4)),
    "ding": (ding, lambda n, m, theta: 2 * theta**2 / n, glorots, glorots),
    "ding .5": (partial(ding, gain=0.5), lambda n, m, theta: 8 * theta**2 / n, glorots, glorots),
    "propagation": (propagation, lambda n, m, theta: 1 / (n * p(theta)), glorots, by(1 / p(0.75))),
}


def network(seed: int, theta: float = 0.75, recurrent: bool = True, spiking_output: bool = False) -> Dense:
    torch.manual_seed(seed)
    lif = partial(LIF, membrane_decay=0.5, threshold=theta)
    output = (
        partial(Layer, neuron=lif, surrogate=SURROGATE)
        if spiking_output
        else partial(Layer, neuron=QUIET, surrogate=None)
    )
    return Dense(INPUTS, CLASSES, lif, SURROGATE, WIDTHS, output, recurrent)


def holds(samples: Tensor, promised: Moments | None, variance: float) -> None:
    """A promise is the variance worked out by hand, and is kept within 4.5 standard errors of normal samples."""
    assert promised == pytest.approx((0, variance))
    samples, n = samples.detach().double().flatten(), samples.numel()
    assert samples.mean().item() == pytest.approx(0, abs=4.5 * (variance / n) ** 0.5)
    assert samples.var().item() == pytest.approx(variance, rel=4.5 * (2 / n) ** 0.5)


def off(layer: Layer) -> Tensor:
    weights = off_diagonal(layer)
    assert weights is not None
    return weights


@pytest.mark.parametrize("name", RULES)
def test_moments(name: str) -> None:
    function, input_, recurrent, output = RULES[name]
    nets = [network(seed) for seed in range(SEEDS)]
    promised, *_ = [function(net, NoInputs()) for net in nets]
    for index, (n, m) in enumerate(FANS):
        layers = [net.hidden[index] for net in nets]
        holds(torch.cat([one.projection for one in layers]), promised[index].projection, input_(n, m, 0.75))
        holds(torch.cat([off(one) for one in layers]), promised[index].recurrence, recurrent(m, m, 0.75))
    outputs = torch.cat([net.output.get_parameter("projection") for net in nets])
    holds(outputs, Moments(0, output(48, CLASSES, 0.75)), output(48, CLASSES, 0.75))


@pytest.mark.parametrize("name", RULES)
def test_a_spiking_output_is_a_layer_like_the_others(name: str) -> None:
    function, input_, _, _ = RULES[name]
    nets = [network(seed, recurrent=False, spiking_output=True) for seed in range(SEEDS)]
    promised, *_ = [function(net, NoInputs()) for net in nets]
    assert promised[0].recurrence is None
    outputs = torch.cat([net.output.get_parameter("projection") for net in nets])
    holds(outputs, Moments(0, input_(48, CLASSES, 0.75)), input_(48, CLASSES, 0.75))


def conv(seed: int) -> Conv:
    """72 positions: fans of 5 x 3 inputs and 5 x 32 outputs, of 5 x 32 both ways in the recurrence."""
    torch.manual_seed(seed)
    lif = partial(LIF, membrane_decay=0.5, threshold=0.75)
    return Conv(3 * 76, CLASSES, lif, SURROGATE, [3, 76], [32], 5, LinearOutput, recurrent=True)


def plane(seed: int) -> Conv:
    torch.manual_seed(seed)
    lif = partial(LIF, membrane_decay=0.5, threshold=0.75)
    return Conv(4 * 64, CLASSES, lif, SURROGATE, [4, 8, 8], [40, 20], 3, LinearOutput, paddings=1)


@pytest.mark.parametrize("name", RULES)
def test_moments_of_convolutions(name: str) -> None:
    """A convolution is a matrix [out, in x kernel] of its own fans; Glorot counts the kernel in fan_out as well."""
    function, input_, recurrent, _ = RULES[name]
    orthogonally = name.startswith("orthogonal")
    nets = [conv(seed) for seed in range(SEEDS)]
    promised, *_ = [function(net, NoInputs()) for net in nets]
    layers = [net.hidden[0] for net in nets]
    m = 32 if orthogonally else 32 * 5
    holds(torch.cat([one.projection for one in layers]), promised[0].projection, input_(15, m, 0.75))
    holds(torch.cat([off(one) for one in layers]), promised[0].recurrence, recurrent(32 * 5, m, 0.75))
    nets = [plane(seed) for seed in range(SEEDS)]
    promised, *_ = [function(net, NoInputs()) for net in nets]
    for index, (n, out) in enumerate(((4 * 9, 40), (40 * 9, 20))):
        variance = input_(n, out if orthogonally else 9 * out, 0.75)
        holds(torch.cat([net.hidden[index].projection for net in nets]), promised[index].projection, variance)


@pytest.mark.parametrize("name", RULES)
def test_biases_are_0(name: str) -> None:
    net = Dense(8, 3, partial(LIF, membrane_decay=0.5, threshold=1.0), SURROGATE, [8], LinearOutput, bias=True)
    biases = [net.hidden[0].get_parameter("bias"), net.output.get_parameter("bias")]
    for bias in biases:
        bias.data.fill_(1)
    RULES[name][0](net, NoInputs())
    assert net.output.get_parameter("projection").any()
    assert not any(bias.any() for bias in biases)


def test_biases_as_torch_draws_them() -> None:
    net = Conv(
        64, 50, partial(LIF, membrane_decay=0.5, threshold=1.0), SURROGATE, [1, 8, 8], [400], 3, LinearOutput, bias=True
    )
    torch.manual_seed(0)
    promises = biased(net, NoInputs(), weights=propagation)
    torch.manual_seed(0)
    assert promises == propagation(net, NoInputs())
    biased(net, NoInputs())
    hidden, output = net.hidden[0].get_parameter("bias"), net.output.get_parameter("bias")
    assert bound(hidden) == pytest.approx(1 / 3, rel=0.02)
    assert hidden.var().item() == pytest.approx(1 / 27, rel=4.5 * (0.8 / 400) ** 0.5)
    assert bound(output) == pytest.approx((400 * 36) ** -0.5, rel=0.1)
    bare = Dense(
        8,
        3,
        partial(LIF, membrane_decay=0.5, threshold=1.0),
        SURROGATE,
        [8],
        partial(Layer, neuron=QUIET, surrogate=None),
    )
    with pytest.raises(OptionError, match=r"^bias=false: init=biased writes biases, and no layer has one$"):
        biased(bare, NoInputs())


def bound(weights: Tensor) -> float:
    return weights.abs().max().item()


def test_uniform_rules_are_bounded() -> None:
    net = network(0)
    uniform(net, NoInputs())
    assert bound(net.hidden[0].projection) == pytest.approx(INPUTS**-0.5, rel=0.01)
    lee(net, NoInputs())
    assert bound(net.hidden[0].projection) == pytest.approx((3 / INPUTS) ** 0.5, rel=0.01)
    lee(net, NoInputs(), scale_threshold=10.0)
    assert bound(net.hidden[0].projection) == pytest.approx(0.075, rel=0.01)


def test_orthogonal_gate_by_gate() -> None:
    net = Dense(INPUTS, CLASSES, LSTM, SURROGATE, [64], LinearOutput)
    (promise,) = orthogonal(net, NoInputs())
    (layer,) = net.hidden
    assert layer.recurrent_weight is not None
    for gate in layer.recurrent_weight.detach().chunk(4):
        torch.testing.assert_close(gate @ gate.T, torch.eye(64), atol=1e-5, rtol=0)
    for gate in layer.projection.detach().chunk(4):
        torch.testing.assert_close(gate @ gate.T, torch.eye(64), atol=1e-5, rtol=0)
    assert promise[:2] == (Moments(0, 1 / 90), Moments(0, 1 / 64))


@pytest.mark.parametrize("function", [kaiming, uniform, lee, bellec])
def test_gates_share_their_inputs(function: Rule) -> None:
    (gated,) = function(Dense(90, 10, SLSTM, SURROGATE, [64], LinearOutput), NoInputs())
    assert gated.projection == function(network(0), NoInputs())[0].projection


@pytest.mark.parametrize("function", [ding, propagation, partial(lee, scale_threshold=3.0)])
def test_thresholds_are_needed(function: Rule) -> None:
    with pytest.raises(OptionError, match=r"^neuron=LSTM: has no threshold.* take lif, alif, cuba_lif$"):
        function(Dense(9, 2, LSTM, SURROGATE, [8], LinearOutput), NoInputs())


def square(theta: float) -> Dense:
    return Dense(40, 40, partial(LIF, membrane_decay=0.5, threshold=theta), SURROGATE, [40], LinearOutput)


def variance(function: Rule, theta: float = 1.0) -> float:
    (promise,) = function(square(theta), NoInputs())
    assert promise.projection is not None
    return promise.projection.variance


def test_rules_that_coincide() -> None:
    """In square layers at threshold 1, as in Micheli et al. 2024."""
    assert variance(glorot) == pytest.approx(variance(bellec)) == pytest.approx(variance(lee))
    assert variance(ding) == pytest.approx(variance(kaiming))
    assert variance(partial(uniform, reading="normal")) == pytest.approx(variance(bellec))
    assert variance(uniform) == pytest.approx(variance(lee) / 3)


# theta, n times the variance of a weight. Micheli et al. 2024, Eq. 10, worked out in float64.
TABLE = [
    (0.2, 2.37676),
    (0.5, 3.24110),
    (0.75, 4.41253),
    (0.9, 5.43301),
    (1.0, 6.30297),
    (1.5, 14.96845),
    (2.0, 43.95579),
]


@pytest.mark.parametrize(("theta", "gain"), TABLE)
def test_propagation_at_every_threshold(theta: float, gain: float) -> None:
    assert 40 * variance(propagation, theta) == pytest.approx(gain, rel=1e-5)


@pytest.mark.parametrize(
    ("inputs", "sd"),
    [(1000, 0.079391), (784, 0.089663), (600, 0.102494), (576, 0.104607), (27, 0.483160), (9, 0.836858)],
)
def test_propagation_with_every_number_of_inputs(inputs: int, sd: float) -> None:
    net = Dense(inputs, 2, partial(LIF, membrane_decay=0.5, threshold=1.0), SURROGATE, [2], LinearOutput)
    (promise,) = propagation(net, NoInputs())
    assert promise.projection is not None
    assert promise.projection.variance**0.5 == pytest.approx(sd, abs=6e-7)


def test_propagation_of_real_inputs() -> None:
    first, second = propagation(network(0), NoInputs(), first_layer="analog")
    assert first.projection == (0, 1 / INPUTS)
    assert second.projection == pytest.approx((0, 1 / (64 * p(0.75))))


@pytest.mark.parametrize("theta", [0.25, 1.0])
def test_propagation_keeps_the_variance(theta: float) -> None:
    """From one layer to the next: the voltage of the second is made by the spikes of the first, T = 1."""
    n, seeds = 400, 40
    variances = []
    for seed in range(seeds):
        torch.manual_seed(seed)
        net = Dense(n, 2, partial(LIF, membrane_decay=0.5, threshold=theta), SURROGATE, [n, n], LinearOutput, False)
        propagation(net, NoInputs())
        spikes = (torch.randn(1, 1, n) > theta).float()  # of an encoder with voltages of variance 1
        variances.append([layer.trace["v"].var().item() for layer in net(spikes, record=["v"]).layers])
    means = torch.tensor(variances).mean(0)
    # The relative sd of one layer's variance is sqrt(2/n + (1-P)/(n P)); two layers deep it is at most doubled.
    error = 2 * ((2 + (1 - p(theta)) / p(theta)) / n / seeds) ** 0.5
    torch.testing.assert_close(means, torch.ones(2), atol=4.5 * error, rtol=0)


def test_propagation_names_its_bound() -> None:
    root = brentq(lambda theta: theta * norm.pdf(theta) - 2 * norm.sf(theta), 1, 2)
    assert pytest.approx(root, abs=5e-5) == stable_threshold()
    assert propagation(network(0, 1.19), NoInputs())[0].notes == ()
    (note,) = propagation(network(0, 1.2), NoInputs())[1].notes
    assert note.startswith("threshold 1.2 is beyond the stable range of init=propagation, below 1.1906")


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (partial(uniform, reading="gaussian"), "reading=gaussian: must be one of uniform, normal, tutorial"),
        (partial(uniform, recurrent_gain=0), "recurrent_gain=0: must be greater than 0"),
        (partial(orthogonal, gain=-1), "gain=-1: must be greater than 0"),
        (partial(lee, scale_threshold=0), "scale_threshold=0: must be greater than 0, or null for the weights alone"),
        (partial(bellec, scale=0), "scale=0: must be greater than 0"),
        (partial(ding, gain=0), "gain=0: must be greater than 0"),
        (partial(propagation, first_layer="x"), "first_layer=x: must be one of paper, analog"),
    ],
)
def test_options_out_of_range(function: Rule, said: str) -> None:
    with pytest.raises(OptionError, match=f"^{said}$"):
        function(network(0), NoInputs())
