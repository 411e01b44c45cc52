"""Initialisations of the spiking literature that need no data: weights from the number of inputs and the threshold.

In every one a linear output's bias is 0, and an output layer of spiking neurons is written like a hidden one.
"""

from enum import StrEnum

from torch import Tensor

from snnexp.errors import choice, require
from snnexp.init.promise import Inputs, Moments, Promise
from snnexp.init.weights import Writer, fan_in, glorot_uniform, normal, threshold, write
from snnexp.init.weights import uniform as fill_uniform
from snnexp.layers import Layer
from snnexp.network import Network


class Reading(StrEnum):
    """What "scaled by 1 / sqrt(number of inputs)" means.

    uniform: U(-1/sqrt(n), 1/sqrt(n)), torch's own default, variance 1 / (3 n).  normal: N(0, 1/n).
    tutorial: N(0, 0.2^2 / n), the authors' notebooks fzenke/spytorch.
    """

    UNIFORM = "uniform"
    NORMAL = "normal"
    TUTORIAL = "tutorial"


def uniform(network: Network, inputs: Inputs, reading: str = "uniform", recurrent_gain: float = 1.0) -> list[Promise]:
    """Weights between -1/sqrt(n) and 1/sqrt(n), n inputs: projections, recurrences and output layer alike.

    reading: see `Reading`.  recurrent_gain: factor on the recurrent weights.
    Source: Zenke & Vogels 2021, Sec. 4.2.3.
    """
    kind = choice(Reading, "reading", reading)
    require(recurrent_gain > 0, "recurrent_gain", recurrent_gain, "must be greater than 0")

    def writer(gain: float) -> Writer:
        def write_one(weight: Tensor, layer: Layer) -> Moments:
            match kind:
                case Reading.UNIFORM:
                    return fill_uniform(weight, gain**2 / (3 * fan_in(weight)))
                case Reading.NORMAL:
                    return normal(weight, gain**2 / fan_in(weight))
                case Reading.TUTORIAL:
                    return normal(weight, (0.2 * gain) ** 2 / fan_in(weight))

        return write_one

    return write(network, writer(1.0), writer(recurrent_gain))


def lee(network: Network, inputs: Inputs, scale_threshold: float | None = None) -> list[Promise]:
    """Uniform weights of variance 1 / n, between -sqrt(3/n) and sqrt(3/n); recurrences by Glorot.

    The paper scales the threshold with them, V = a sqrt(3/n). Thresholds belong to the neuron here, so that part is
    left out (as Micheli et al. 2024 do, who keep theta = 1); scale_threshold: its a, 3 to 10 there, folds it into the
    weights of spiking layers instead, which then are uniform between -theta/a and theta/a whatever n.
    An output layer that never fires keeps the unscaled weights.
    Source: Lee, Delbruck & Pfeiffer 2016, Eq. 11, which knows no recurrence.
    """
    right = "must be greater than 0, or null for the weights alone"
    require(scale_threshold is None or scale_threshold > 0, "scale_threshold", scale_threshold, right)

    def plain(weight: Tensor, layer: Layer) -> Moments:
        return fill_uniform(weight, 1 / fan_in(weight))

    def folded(weight: Tensor, layer: Layer) -> Moments:
        assert scale_threshold is not None
        return fill_uniform(weight, (threshold(layer) / scale_threshold) ** 2 / 3)

    return write(network, plain if scale_threshold is None else folded, glorot_uniform, plain)


def bellec(network: Network, inputs: Inputs, scale: float = 1.0) -> list[Promise]:
    """Normal weights of variance scale^2 / n, in projections, recurrences (n neurons of the layer) and output alike.

    The diagonal is the layer's affair (`network.zero_diagonal`, as in the paper). Source: Bellec et al. 2018; the
    authors' code IGITUGraz/LSNN-official, where thresholds are .01 to .03.
    """
    require(scale > 0, "scale", scale, "must be greater than 0")

    def writer(weight: Tensor, layer: Layer) -> Moments:
        return normal(weight, scale**2 / fan_in(weight))

    return write(network, writer, writer)


def ding(network: Network, inputs: Inputs, gain: float = 1.0) -> list[Promise]:
    """Normal weights of variance 2 (theta / gain)^2 / n: Kaiming's, for a rate that rises with slope gain / theta.

    gain: lambda, the factor before the input in the neuron's equation: 1 for lif and alif, 1 - decay where the input is
    scaled so. Recurrences and an output layer that never fires are written by Glorot: the paper has neither.
    Source: Ding et al. 2022, as in xyshi2000/SpikeInit.
    """
    require(gain > 0, "gain", gain, "must be greater than 0")

    def writer(weight: Tensor, layer: Layer) -> Moments:
        return normal(weight, 2 * (threshold(layer) / gain) ** 2 / fan_in(weight))

    return write(network, writer, glorot_uniform, glorot_uniform)
