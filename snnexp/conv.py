"""Convolutional networks."""

import math
from collections.abc import Callable, Sequence

from torch import nn

from snnexp.convolution import ConvLayer
from snnexp.errors import choice, require
from snnexp.escape import Escape
from snnexp.network import Network
from snnexp.neurons.neuron import Neuron
from snnexp.surrogates import Surrogate
from snnexp.unroll import Backend


class Conv(Network):
    """Convolutional layers of neurons, recurrent or not, and an output layer that sees all that the last one sends.

    inputs, classes: what the data set has.  neuron: makes the neurons of a layer, given their number.
    shape: what the inputs of a step are, [channels, length] or [channels, height, width].
    filters: features per layer.
    kernels, strides, paddings, pooling: see `ConvLayer`; a list with one per layer, or one number for all.
    output: makes the output layer, given its inputs and the classes.
    recurrent: every layer has a recurrence, of width recurrent_kernel.
    dropout, time_repeat: see `Network`.  detach_recurrent, escape: see `Layer`.  bias: of every feature.
    """

    def __init__(
        self,
        inputs: int,
        classes: int,
        neuron: Callable[[int], Neuron],
        surrogate: Surrogate,
        shape: Sequence[int],
        filters: Sequence[int],
        kernels: int | Sequence[int],
        output: Callable[[int, int], nn.Module],
        strides: int | Sequence[int] = 1,
        paddings: int | Sequence[int] = 0,
        pooling: int | Sequence[int] = 1,
        recurrent: bool = False,
        recurrent_kernel: int = 5,
        detach_recurrent: bool = False,
        bias: bool = False,
        dropout: float = 0.0,
        time_repeat: int = 1,
        escape: Escape | None = None,
        backend: str = "auto",
    ) -> None:
        right = "must be [channels, length] or [channels, height, width]"
        require(len(shape) in (2, 3) and min(shape) > 0, "shape", list(shape), right)
        right = f"these are {math.prod(shape)} inputs, the data set has {inputs}"
        require(math.prod(shape) == inputs, "shape", list(shape), right)
        require(len(filters) > 0 and min(filters) > 0, "filters", list(filters), "must be a list of positive integers")
        layers: list[ConvLayer] = []
        for features, kernel, stride, padding, window in zip(
            filters,
            _per_layer("kernels", kernels, len(filters), 1),
            _per_layer("strides", strides, len(filters), 1),
            _per_layer("paddings", paddings, len(filters), 0),
            _per_layer("pooling", pooling, len(filters), 1),
            strict=True,
        ):
            layers.append(
                ConvLayer(
                    layers[-1].sent_shape if layers else shape,
                    features,
                    neuron,
                    surrogate,
                    kernel,
                    stride,
                    padding,
                    window,
                    recurrent_kernel if recurrent else None,
                    detach_recurrent,
                    escape,
                    choice(Backend, "backend", backend),
                    bias,
                )
            )
        super().__init__(layers, output(math.prod(layers[-1].sent_shape), classes), dropout, time_repeat)


def _per_layer(option: str, value: int | Sequence[int], layers: int, least: int) -> list[int]:
    """The values of all layers, where one number may stand for all of them."""
    values = [value] * layers if isinstance(value, int) else list(value)
    right = f"must be an integer of at least {least}, or a list of one for each of the {layers} layers"
    require(len(values) == layers and min(values) >= least, option, value, right)
    return values
