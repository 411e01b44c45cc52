"""The initialisation that starts every layer at a given firing rate, for neurons that a spike resets to their input."""

from enum import StrEnum
from statistics import NormalDist
from typing import Any, NamedTuple

from torch import Tensor

from snnexp.errors import OptionError, choice, require
from snnexp.init.promise import Inputs, Moments, Promise
from snnexp.init.weights import fan_in, glorot_uniform, normal, threshold, write
from snnexp.network import Network
from snnexp.neurons.lif import LIF
from snnexp.neurons.reset import Reset

NORMAL = NormalDist()


class FirstLayer(StrEnum):
    """What the first layer is taken to receive: spikes of the same rate, or real inputs of variance 1 held constant."""

    SPIKES = "spikes"
    STATIC = "static"


class Steady(NamedTuple):
    """Stationary mean and standard deviation of the voltage, and the sd of the input of one step that keeps it so."""

    mean: float
    sd: float
    input_sd: float


def spikeinit(network: Network, inputs: Inputs, rate: float = 0.1, first_layer: str = "spikes") -> list[Promise]:
    """Normal weights of variance s^2 / n with which neurons fire at `rate`, if their inputs do.

    s^2 = input_sd^2 / rate, see `steady_state`; for a `static` first layer s is `static_sd` (see `FirstLayer`).
    Threshold and decay drawn per neuron enter with their means. Recurrences, of which the paper has none, and an output
    layer that never fires are written by Glorot.

    Raises `OptionError` for neurons other than lif; a reset other than `pre` (the paper's hard reset) is noted.
    Source: Shi & Yu 2026; the authors' code xyshi2000/SpikeInit (there with an input gain, which is 1 in lif).
    """
    require(0 < rate < 0.5, "rate", rate, "a firing rate per step, must lie between 0 and 1/2")
    first = choice(FirstLayer, "first_layer", first_layer)

    def writer(weight: Tensor, layer: Any) -> Moments:
        decay, theta = _decay(layer), threshold(layer)
        if first is FirstLayer.STATIC and layer is network.hidden[0]:
            return normal(weight, static_sd(decay, theta, rate) ** 2 / fan_in(weight))
        return normal(weight, steady_state(decay, theta, rate).input_sd ** 2 / (rate * fan_in(weight)))

    promises = write(network, writer, glorot_uniform, glorot_uniform)
    real = network.hidden[0] if first is FirstLayer.STATIC else None  # a layer whose inputs are no spikes
    return [
        promise._replace(input_rate=None if layer is real else rate, notes=_other_reset(layer.neuron))
        for promise, layer in zip(promises, network.hidden, strict=True)
    ]


def steady_state(decay: float, theta: float, rate: float) -> Steady:
    """The stationary voltage of a neuron with hard reset, in Gaussian white input, that fires with probability `rate`.

    With v_t = decay v_{t-1} 1[v_{t-1} <= theta] + i_t, and v taken to be normal with mean m and sd s, the first two
    moments stay the same if m = k (m F - s f) and s^2 + m^2 = k^2 ((s^2 + m^2) F - s (theta + m) f) + input_sd^2, where
    a = (theta - m) / s, F = Phi(a), f = phi(a). Since the rate fixes a, both are solved in closed form (derived; the
    authors search for it). Raises `OptionError` where no such voltage exists:
    resets take away what is above threshold, and a long memory keeps what is far below.
    """
    a = NORMAL.inv_cdf(1 - rate)
    below, density = 1 - rate, NORMAL.pdf(a)
    shift = decay * density / (1 - decay * below)  # m = -shift s
    right = f"no normal voltage fires so often with decay {decay:.4g} and a hard reset; lower the rate or the decay"
    require(a > shift, "rate", rate, right)
    sd = theta / (a - shift)
    mean = -shift * sd
    second = sd**2 + mean**2
    kept = second * below - sd * (theta + mean) * density
    return Steady(mean, sd, (second - decay**2 * kept) ** 0.5)


def static_sd(decay: float, theta: float, rate: float) -> float:
    """The sd of a normal input, held constant over time, with which neurons with hard reset fire at `rate` on average.

    A neuron whose voltage first exceeds theta at step k fires every k steps, so
    rate = sum_k (P(fires by step k) - P(fires by step k - 1)) / k.
    """
    low, high = 1e-6 * theta, 1e6 * theta
    for _ in range(200):
        middle = (low * high) ** 0.5
        low, high = (middle, high) if _static_rate(middle, decay, theta) < rate else (low, middle)
    return high


def _static_rate(sd: float, decay: float, theta: float) -> float:
    total, reached, gain, k = 0.0, 0.0, 1.0, 1
    while k <= 1000:
        chance = 1 - NORMAL.cdf(theta / (sd * gain))
        total += (chance - reached) / k
        reached, gain, k = chance, 1 + decay * gain, k + 1
    return total


def _decay(layer: Any) -> float:
    if not isinstance(layer.neuron, LIF):
        raise OptionError("neuron", type(layer.neuron).__name__, "init=spikeinit needs neuron=lif")
    return layer.neuron.constants().alpha.mean().item()


def _other_reset(neuron: Any) -> tuple[str, ...]:
    if neuron.reset is Reset.PRE:
        return ()
    return (f"init=spikeinit is derived for neuron.reset=pre; with {neuron.reset} the firing rate will be another",)
