"""The firing rate nu of a layer's inputs, from which data-driven rules compute weights."""

from collections.abc import Callable
from enum import StrEnum
from typing import Any

import torch
from torch import Tensor

from snnexp.errors import OptionError, choice, require
from snnexp.init.promise import Inputs, Promise
from snnexp.network import Network

# Shapes: T time, B batch, I inputs.


class Nu(StrEnum):
    """Where nu is taken from, if it is not given as a number.

    layerwise: measured for every layer, behind the layers below it, which have been written already.
    global: of the first layer's inputs (of an encoder's spikes, where there is one), for all layers.
    """

    LAYERWISE = "layerwise"
    GLOBAL = "global"


Ruler = Callable[[Any, float], Promise]
"""Writes all weights of a layer whose inputs fire with rate nu per step."""


def with_rates(network: Network, inputs: Inputs, nu: float | str, samples: int, ruler: Ruler) -> list[Promise]:
    """Let `ruler` write every hidden layer, and an output layer of spiking neurons, with the rate of its inputs.

    nu: a number per step, or see `Nu`.  samples: training samples on which rates are measured, at least (whole batches
    are taken); without dropout. A rate is the mean square of the input, which for spikes is their frequency.
    Raises `OptionError` where the rate is 0, `UserError` where there are no data.
    """
    require(samples > 0, "samples", samples, "must be at least 1")
    layers = [*network.hidden, *([network.output] if getattr(network.output, "spiking", False) else [])]
    if isinstance(nu, str):
        kind = choice(Nu, "nu", nu)
        promises = (
            _layerwise(network, layers, first(inputs, samples), ruler)
            if kind is Nu.LAYERWISE
            else [ruler(layer, _positive(0, inputs.input_moments()[1])) for layer in layers]
        )
    else:
        require(nu > 0, "nu", nu, "a rate per step is greater than 0")
        promises = [ruler(layer, float(nu)) for layer in layers]
    return promises[: len(network.hidden)]


@torch.no_grad()
def _layerwise(network: Network, layers: list[Any], x_TBI: Tensor, ruler: Ruler) -> list[Promise]:
    """Pass inputs through the network once; each layer is written just before they reach it."""
    promises: list[Promise] = []

    def arrive(layer: Any, arguments: tuple[Any, ...]) -> None:
        promises.append(ruler(layer, _positive(len(promises), arguments[0].double().square().mean().item())))

    hooks = [layer.register_forward_pre_hook(arrive) for layer in layers]
    training = network.training
    network.eval()
    try:
        network(x_TBI)
    finally:
        network.train(training)
        for hook in hooks:
            hook.remove()
    return promises


def _positive(layer: int, nu: float) -> float:
    first_layer = "the training inputs are all 0, or an encoder never fires"
    below = f"layer {layer - 1} never fires; lower neuron.threshold" if layer else first_layer
    require(nu > 0, "nu", nu, f"layer {layer} receives nothing: {below}, or give nu as a number")
    return nu


def first(inputs: Inputs, samples: int) -> Tensor:
    """The first training batches [T, B, I] together, of at least so many samples, where there are as many."""
    batches: list[Tensor] = []
    for x_TBI in inputs.train_inputs():
        batches.append(x_TBI)
        if sum(batch.shape[1] for batch in batches) >= samples:
            break
    if not batches:
        raise OptionError("samples", samples, "there are no training samples to measure rates on")
    return torch.cat(batches, 1)
