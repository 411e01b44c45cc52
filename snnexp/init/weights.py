"""Writing weights: the distributions, how many inputs a neuron has, and one pass over a network.

A weight is [out, in] or, of a convolution, [out, in, *kernel]; `out` counts the pre-activations of all gates.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from snnexp.errors import OptionError
from snnexp.init.promise import Moments, Promise
from snnexp.network import Network

Writer = Callable[[Tensor, Any], Moments]
"""Writes one weight of a layer, given both, and says what moments it then has."""


def fan_in(weight: Tensor) -> int:
    """Inputs of one neuron: of a convolution, input channels times kernel. Neurons at a border have fewer."""
    return weight[0].numel()


def fan_out(weight: Tensor) -> int:
    """Neurons that one input reaches, counted by the same convention."""
    return weight.shape[0] * weight[0, 0].numel()


@torch.no_grad()
def normal(weight: Tensor, variance: float, mean: float = 0.0) -> Moments:
    weight.normal_(mean, variance**0.5)
    return Moments(mean, variance)


@torch.no_grad()
def uniform(weight: Tensor, variance: float) -> Moments:
    """Of mean 0: between -sqrt(3 variance) and sqrt(3 variance)."""
    bound = (3 * variance) ** 0.5
    weight.uniform_(-bound, bound)
    return Moments(0.0, variance)


@torch.no_grad()
def glorot_uniform(weight: Tensor, layer: Any) -> Moments:
    """The Glorot rule for one weight: for those of which a rule says nothing. The gates of an LSTM have one each."""
    blocks = weight.chunk(gates(layer))
    for block in blocks:
        nn.init.xavier_uniform_(block)
    return Moments(0.0, 2 / (fan_in(weight) + fan_out(blocks[0])))


def write(network: Network, projection: Writer, recurrence: Writer, output: Writer | None = None) -> list[Promise]:
    """Write every projection, every recurrence and the output layer, and 0 as every bias.

    output: writes the projection of an output layer that never fires; None: as every other projection. An output layer
    of spiking neurons is written like a hidden layer. Returns what is promised of the hidden layers.
    """
    promises = [write_layer(layer, projection, recurrence) for layer in network.hidden]
    fires = getattr(network.output, "spiking", False)
    write_layer(network.output, projection if fires or output is None else output, recurrence)
    return promises


def write_layer(layer: Any, projection: Writer, recurrence: Writer = glorot_uniform) -> Promise:
    """Write a layer's projection, its recurrence where it has one, and 0 as its bias.

    A layer without parameters, as an output that is never learned, is left as it was drawn.
    """
    if not any(True for _ in layer.parameters()):
        return Promise()
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    promise = Promise(projection(layer.projection, layer))
    recurrent = getattr(layer, "recurrent_weight", None)
    return promise if recurrent is None else promise._replace(recurrence=recurrence(recurrent, layer))


def gates(layer: Any) -> int:
    """How many weights of N neurons are stacked in one: 4 in an LSTM."""
    return layer.neuron.gates if hasattr(layer, "neuron") else 1


def threshold(layer: Any) -> float:
    """Mean threshold of a layer's neurons; raises `OptionError` for neurons that have none."""
    theta = getattr(layer.neuron.constants(), "theta", None)
    if theta is None:
        kind = type(layer.neuron).__name__
        raise OptionError(
            "neuron", kind, "has no threshold, from which init computes weights: take lif, alif, cuba_lif"
        )
    return float(theta.mean())
