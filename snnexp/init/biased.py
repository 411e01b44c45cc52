"""Biases that are not 0."""

import torch

from snnexp.errors import require
from snnexp.init.classic import glorot
from snnexp.init.promise import Initialisation, Inputs, Promise
from snnexp.init.weights import fan_in
from snnexp.network import Network


@torch.no_grad()
def biased(network: Network, inputs: Inputs, weights: Initialisation = glorot) -> list[Promise]:
    """Weights by another rule; biases uniform between -1/sqrt(n) and 1/sqrt(n), n inputs, as torch's layers have them.

    Where an initialisation touches weights only, this is what its code does, as that of Micheli et al. 2024
    (AuroraMicheli/Weight-Initialization-SNN): in layers that do not fire, only biases have a gradient.
    Raises `OptionError` for a network without biases.
    """
    promises = weights(network, inputs)
    layers = [layer for layer in (*network.hidden, network.output) if getattr(layer, "bias", None) is not None]
    require(len(layers) > 0, "bias", False, "init=biased writes biases, and no layer has one")
    for layer in layers:
        bound = fan_in(layer.get_parameter("projection")) ** -0.5
        layer.get_parameter("bias").uniform_(-bound, bound)
    return [promise or Promise() for promise in promises]
