"""Initialisations that choose mean and variance of the voltage over time, given how often the inputs fire."""

from collections.abc import Callable
from typing import Any, NamedTuple

from torch import Tensor

from snnexp.errors import OptionError, choice, require
from snnexp.init.promise import Inputs, Moments, Promise
from snnexp.init.rates import with_rates
from snnexp.init.weights import Writer, fan_in, normal, threshold, write_layer
from snnexp.moments import Kernel, integrals
from snnexp.network import Network


def fluctuation(
    network: Network,
    inputs: Inputs,
    nu: float | str = "layerwise",
    xi: float = 1.0,
    mu_U: float = 0.0,
    share: float = 0.9,
    kernel: str = "numeric",
    steps: int | None = None,
    samples: int = 256,
) -> list[Promise]:
    """Normal weights with which the voltage fluctuates around mu_U, its threshold xi standard deviations away.

        mu_W = mu_U / (n nu e),    sigma_W^2 = ((theta - mu_U) / xi)^2 / (n nu h) - mu_W^2

    with e, h the integrals of the response and of its square (`moments.integrals`). In a recurrent layer n of mu_W
    counts both kinds of inputs, and the variance of the voltage is divided: `share` of it comes from the inputs, the
    rest from the recurrence, each with its own n, both taken to fire with rate nu.

    nu, samples: see `with_rates`.  kernel: see `moments.Kernel`.  steps: how many steps of the response count, for
    sequences that are shorter than it; None: all.  Thresholds and decays drawn per neuron enter with their means.
    An output layer of spiking neurons is a layer like the others; any other output is N(0, 1/n), bias 0.

    The variance is that over time; over neurons as well, that of their means is added to it (nu e^2 / h times as much).
    Raises `OptionError` where nothing fires, and where mu_W alone would make more variance than is wanted.
    Source: Rossbroich et al. 2022; the authors' code fmi-basel/stork. The default for nu is the reading with which
    activity propagates as in Micheli et al. 2024, who compare with it.
    """
    require(xi > 0, "xi", xi, "must be greater than 0")
    wanted = _Wanted(lambda theta: mu_U, lambda theta: ((theta - mu_U) / xi) ** 2, share, whole=True)
    return _voltage(network, inputs, wanted, nu, kernel, steps, samples)


def mean_driven(
    network: Network,
    inputs: Inputs,
    nu: float | str = "layerwise",
    xi: float = 1.0,
    share: float = 0.9,
    kernel: str = "numeric",
    steps: int | None = None,
    samples: int = 256,
) -> list[Promise]:
    """Normal weights with which the mean voltage is at threshold, mu_W = theta / (n nu e).

    The variance is the one of `fluctuation` around 0, sigma_W^2 = (theta / xi)^2 / (n nu h): what the mean adds to it
    is not taken off. The authors' code has it for theta = 1 and xi = 1. Everything else, the options, the recurrence
    and the output layer too, is as in `fluctuation`.
    Source: Herranz-Celotti & Rouat 2024, Sec. on mean-driven initialisation; their code LuCeHe/lif_stability.
    """
    require(xi > 0, "xi", xi, "must be greater than 0")
    wanted = _Wanted(lambda theta: theta, lambda theta: (theta / xi) ** 2, share, whole=False)
    return _voltage(network, inputs, wanted, nu, kernel, steps, samples)


class _Wanted(NamedTuple):
    """mean, variance: of the voltage over time, given the threshold.

    share: of the variance that comes from the inputs, where there is a recurrence.
    whole: the variance wanted is all there is, so what the mean weight makes of it is taken off.
    """

    mean: Callable[[float], float]
    variance: Callable[[float], float]
    share: float
    whole: bool


def _voltage(
    network: Network, inputs: Inputs, wanted: _Wanted, nu: float | str, kernel: str, steps: int | None, samples: int
) -> list[Promise]:
    """Write all layers so that the voltage has the moments wanted."""
    require(0 < wanted.share < 1, "share", wanted.share, "of the variance, must lie between 0 and 1")
    kind = choice(Kernel, "kernel", kernel)
    require(steps is None or steps > 0, "steps", steps, "must be at least 1, or null")
    require(steps is None or kind is Kernel.NUMERIC, "steps", steps, "cuts a numeric kernel only; must be null")

    def ruler(layer: Any, rate: float) -> Promise:
        eps = integrals(layer.neuron, kind, steps)
        require(eps.square > 0, "steps", steps, "the voltage has not begun to respond after so few steps")
        theta = threshold(layer)
        mean = wanted.mean(theta) / (inputs_of(layer) * rate * eps.first)
        taken = mean**2 if wanted.whole else 0.0

        def writer(share: float) -> Writer:
            def write_one(weight: Tensor, layer: Any) -> Moments:
                variance = share * wanted.variance(theta) / (fan_in(weight) * rate * eps.square) - taken
                if variance < 0:
                    right = f"mean weights of {mean:.3g} alone make more variance than xi asks for; lower mu_U or xi"
                    raise OptionError("mu_U", wanted.mean(theta), right)
                return normal(weight, variance, mean)

            return write_one

        share = wanted.share if layer.recurrent_weight is not None else 1.0
        return write_layer(layer, writer(share), writer(1 - share))._replace(input_rate=rate)

    if network.tied:  # what the first layer is given can be measured only then
        write_layer(network.output, _unit)
    promises = with_rates(network, inputs, nu, samples, ruler)
    if not (network.tied or getattr(network.output, "spiking", False)):
        write_layer(network.output, _unit)
    return promises


def inputs_of(layer: Any) -> int:
    """All inputs of a neuron, from below and from its own layer."""
    return fan_in(layer.projection) + (0 if layer.recurrent_weight is None else fan_in(layer.recurrent_weight))


def _unit(weight: Tensor, layer: Any) -> Moments:
    return normal(weight, 1 / fan_in(weight))
