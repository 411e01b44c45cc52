"""Initialisations that know how many inputs a neuron has, and nothing of spikes.

What their papers leave out, and every rule here does: biases of a linear output layer are 0, and the output layer is
written like a hidden one.
"""

import torch
from torch import Tensor, nn

from snnexp.errors import require
from snnexp.init.promise import Inputs, Moments, Promise
from snnexp.init.weights import Writer, fan_in, gates, glorot_uniform, normal, write
from snnexp.layers import Layer
from snnexp.network import Network


def glorot(network: Network, inputs: Inputs) -> list[Promise]:
    """Uniform weights of variance 2 / (fan_in + fan_out) in projections and recurrences, biases 0.

    The gates of an LSTM have a weight each, so fan_out is its number of units, as in the code of Herranz-Celotti &
    Rouat; Keras counts all four. Source: Glorot & Bengio 2010.
    """
    return write(network, glorot_uniform, glorot_uniform)


def kaiming(network: Network, inputs: Inputs) -> list[Promise]:
    """Normal weights of variance 2 / fan_in, with which a ReLU keeps its second moment; recurrences by Glorot.

    Source: He et al. 2015, which knows no recurrence.
    """

    def writer(weight: Tensor, layer: Layer) -> Moments:
        return normal(weight, 2 / fan_in(weight))

    return write(network, writer, glorot_uniform)


def orthogonal(network: Network, inputs: Inputs, gain: float = 1.0) -> list[Promise]:
    """Random orthogonal weights times a gain: rows, or where there are more rows than columns columns, are orthonormal.

    Recurrences are orthogonal too, but for the diagonal that a mask takes away (`network.zero_diagonal`). The gates of
    an LSTM are orthogonal each for itself; a convolution is taken as the matrix [out, in x kernel].
    The variance of a weight is gain^2 / max(rows, columns). Source: Saxe et al. 2014.
    """
    require(gain > 0, "gain", gain, "must be greater than 0")
    return write(network, _orthogonal(gain), _orthogonal(gain))


def _orthogonal(gain: float) -> Writer:
    @torch.no_grad()
    def writer(weight: Tensor, layer: Layer) -> Moments:
        blocks = weight.chunk(gates(layer))
        for block in blocks:
            nn.init.orthogonal_(block, gain)
        return Moments(0.0, gain**2 / max(blocks[0].shape[0], fan_in(weight)))

    return writer
