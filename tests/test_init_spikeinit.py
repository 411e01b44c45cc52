"""The rule for hard resets: the moments it solves for by quadrature, and the rates it promises by simulation."""

from functools import partial

import pytest
import torch
from scipy.integrate import quad
from scipy.stats import norm

from snnexp.errors import OptionError
from snnexp.init import NoInputs, spikeinit
from snnexp.init.spikeinit import static_sd, steady_state
from snnexp.layers import LinearOutput
from snnexp.network import Dense
from snnexp.neurons.alif import ALIF
from snnexp.neurons.lif import LIF
from snnexp.surrogates import Surrogate, fast_sigmoid

CASES = [(0.0, 1.0, 0.3), (0.5, 0.7, 0.1), (0.8, 1.0, 0.05), (0.9, 2.0, 0.1)]  # decay, threshold, rate


def dense(*widths: int, decay: float = 0.5, inputs: int = 40, reset: str = "pre", recurrent: bool = False) -> Dense:
    neuron = partial(LIF, membrane_decay=decay, threshold=1.0, reset=reset)
    return Dense(inputs, 4, neuron, Surrogate(fast_sigmoid), widths, LinearOutput, recurrent)


@pytest.mark.parametrize(("decay", "theta", "rate"), CASES)
def test_steady_state_stays(decay: float, theta: float, rate: float) -> None:
    """One step of the neuron leaves mean and mean square of a normal voltage as they are."""
    mean, sd, input_sd = steady_state(decay, theta, rate)
    voltage = norm(mean, sd)
    assert voltage.sf(theta) == pytest.approx(rate)
    low = mean - 12 * sd
    kept = [quad(lambda v, k=k: v**k * voltage.pdf(v), low, theta, epsabs=1e-12)[0] for k in (1, 2)]
    assert decay * kept[0] == pytest.approx(mean, abs=1e-8)
    assert decay**2 * kept[1] + input_sd**2 == pytest.approx(mean**2 + sd**2)


@pytest.mark.parametrize(("decay", "theta", "rate"), CASES)
def test_rate_in_noise(decay: float, theta: float, rate: float) -> None:
    """The stationary voltage is not quite normal: the rate is met within a tenth."""
    torch.manual_seed(0)
    v, spikes = torch.zeros(20_000), 0.0
    for step in range(200):
        v = decay * v * (v <= theta) + steady_state(decay, theta, rate).input_sd * torch.randn_like(v)
        spikes += (v > theta).double().mean().item() if step >= 100 else 0
    assert spikes / 100 == pytest.approx(rate, rel=0.1)


@pytest.mark.parametrize(("decay", "theta", "rate"), CASES)
def test_rate_of_constant_inputs(decay: float, theta: float, rate: float) -> None:
    i = static_sd(decay, theta, rate) * norm.ppf((torch.arange(100_000) + 0.5) / 100_000)
    i, spikes = torch.as_tensor(i), 0.0
    v = torch.zeros_like(i)
    for _ in range(400):
        v = decay * v * (v <= theta) + i
        spikes += (v > theta).double().mean().item() / 400
    assert spikes == pytest.approx(rate, rel=0.01)  # the first of 400 steps start from rest


def test_rate_of_layers() -> None:
    """Weights, not noise: the inputs of a neuron have a mean that stays, which makes rates a little uneven."""
    torch.manual_seed(0)
    net = dense(600, 600, inputs=600)
    promises = spikeinit(net, NoInputs())
    rates = [layer.spikes[20:].mean().item() for layer in net((torch.rand(120, 2, 600) < 0.1).float()).layers]
    assert rates == pytest.approx([0.1, 0.1], rel=0.15)
    variance = steady_state(0.5, 1.0, 0.1).input_sd ** 2 / (0.1 * 600)
    for layer, promise in zip(net.hidden, promises, strict=True):
        assert promise.projection == pytest.approx((0, variance))
        assert promise.input_rate == 0.1
        assert layer.projection.detach().var().item() == pytest.approx(variance, rel=0.02)
    assert net.output.get_parameter("projection").detach().var().item() == pytest.approx(2 / 604, rel=0.15)


def test_static_first_layer_and_recurrence() -> None:
    first, second = spikeinit(dense(40, 30, recurrent=True), NoInputs(), first_layer="static")
    assert first.projection == pytest.approx((0, static_sd(0.5, 1.0, 0.1) ** 2 / 40))
    assert (first.input_rate, second.input_rate) == (None, 0.1)
    assert second.projection == pytest.approx((0, steady_state(0.5, 1.0, 0.1).input_sd ** 2 / 4))
    assert second.recurrence == pytest.approx((0, 1 / 30))


def test_other_resets_are_noted() -> None:
    assert spikeinit(dense(8), NoInputs())[0].notes == ()
    (note,) = spikeinit(dense(8, reset="minus"), NoInputs())[0].notes
    assert note == "init=spikeinit is derived for neuron.reset=pre; with minus the firing rate will be another"


def test_what_it_does_not_cover() -> None:
    alif = partial(ALIF, membrane_decay=0.5, threshold=1.0, adaptation_decay=0.5, adaptation_strength=1.0)
    with pytest.raises(OptionError, match=r"^neuron=ALIF: init=spikeinit needs neuron=lif$"):
        spikeinit(Dense(9, 2, alif, Surrogate(fast_sigmoid), [8], LinearOutput), NoInputs())
    with pytest.raises(OptionError, match=r"^rate=0\.3: no normal voltage fires so often with decay 0\.8 and a hard"):
        spikeinit(dense(8, decay=0.8), NoInputs(), rate=0.3)
    with pytest.raises(OptionError, match=r"^rate=0\.6: a firing rate per step, must lie between 0 and 1/2$"):
        spikeinit(dense(8), NoInputs(), rate=0.6)
    with pytest.raises(OptionError, match=r"^first_layer=x: must be one of spikes, static$"):
        spikeinit(dense(8), NoInputs(), first_layer="x")
