"""Conditions I and II of Herranz-Celotti & Rouat: mean and variance of the recurrent weights.

Projections and the output layer are Glorot's.
"""

import torch
from torch import Tensor

from snnexp.conditions import covered
from snnexp.errors import OptionError, choice
from snnexp.init.classic import glorot
from snnexp.init.promise import Inputs, Moments, Promise
from snnexp.layers import Layer
from snnexp.network import Network
from snnexp.stability import Formula, recurrent_mean, recurrent_variance

# Shapes: N neurons, G pre-activations (gates x N).


def condition_I(network: Network, inputs: Inputs, formula: str = "derived") -> list[Promise]:  # noqa: N802
    """Glorot weights, shifted so that the mean voltage of every layer is at threshold: condition I.

    The shift is each postsynaptic neuron's own, from its decay and threshold. formula: see `stability.recurrent_mean`.
    Raises `OptionError` for neurons other than lif and for layers without recurrence.
    """
    promises = glorot(network, inputs)
    for index, layer in enumerate(network.hidden):
        mean_N = _mean(layer, choice(Formula, "formula", formula))
        weights_GN = recurrent(layer)
        weights_GN += mean_N.unsqueeze(1).to(weights_GN)
        promises[index] = promises[index]._replace(recurrence=Moments(mean_N.mean().item(), 2 / sum(weights_GN.shape)))
    return promises


def condition_II(network: Network, inputs: Inputs, formula: str = "derived") -> list[Promise]:  # noqa: N802
    """Glorot weights, the recurrent ones rescaled so that recurrence and input vary the voltage equally: condition II.

    Input statistics come from the training set; layers above the first see spikes of probability 1/2.
    formula: see `stability.recurrent_variance`. Raises `OptionError` for neurons other than lif and for layers without
    recurrence.
    """
    promises = glorot(network, inputs)
    for index, layer in enumerate(network.hidden):
        variance = _variance(layer, index, inputs, torch.zeros(()), choice(Formula, "formula", formula))
        weights_GN = recurrent(layer)
        weights_GN *= (variance.item() / (2 / sum(weights_GN.shape))) ** 0.5
        promises[index] = promises[index]._replace(recurrence=Moments(0.0, variance.item()))
    return promises


def stability(network: Network, inputs: Inputs, formula: str = "derived") -> list[Promise]:
    """Weights by conditions I and II: the mean voltage at threshold, recurrence and input of equal variance.

    The recurrent weights are uniform around condition I's mean, with the variance that condition II gives for it.
    Raises `OptionError` for neurons other than lif, for layers without recurrence, and where condition II asks for a
    negative variance. Source: Herranz-Celotti & Rouat, Lemmas 1 and 2, App. E.
    """
    promises = glorot(network, inputs)
    kind = choice(Formula, "formula", formula)
    for index, layer in enumerate(network.hidden):
        mean_N = _mean(layer, kind)
        variance_N = _variance(layer, index, inputs, mean_N, kind)
        weights_GN = recurrent(layer)
        weights_GN *= (variance_N.to(weights_GN) / (2 / sum(weights_GN.shape))).sqrt().unsqueeze(-1)
        weights_GN += mean_N.unsqueeze(1).to(weights_GN)
        promises[index] = promises[index]._replace(recurrence=Moments(mean_N.mean().item(), variance_N.mean().item()))
    return promises


def recurrent(layer: Layer) -> Tensor:
    """The recurrent weights of a layer that conditions I and II speak of; raises `OptionError` for any other layer."""
    covered(layer, "init")
    assert layer.recurrent_weight is not None
    return layer.recurrent_weight.data


def _mean(layer: Layer, formula: Formula) -> Tensor:
    neuron, _ = covered(layer, "init")
    alpha, theta, _ = neuron.constants()
    return recurrent_mean(alpha, theta, layer.size, neuron.reset, formula)


def _variance(layer: Layer, index: int, inputs: Inputs, mean: Tensor, formula: Formula) -> Tensor:
    covered(layer, "init")
    second = inputs.input_moments()[1] if index == 0 else 0.5
    try:
        return recurrent_variance(
            layer.inputs, layer.size, second, 2 / sum(layer.projection.shape), mean, formula=formula
        )
    except OptionError as error:
        right = f"{error.right}; lower neuron.threshold, or widen layer {index}"
        raise OptionError(f"init=stability: mean recurrent weight of layer {index}", error.value, right) from None
