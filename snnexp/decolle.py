"""DECOLLE: layers that learn by themselves, each from a readout of its own."""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from snnexp.conv import Conv
from snnexp.convolution import POOL, ConvLayer
from snnexp.errors import require
from snnexp.escape import Escape
from snnexp.kernels.native.raster import Raster, frames
from snnexp.network import NetworkOutput
from snnexp.neurons.leaky_integrator import LeakyIntegrator
from snnexp.neurons.neuron import Neuron
from snnexp.surrogates import Surrogate
from snnexp.unroll import LayerOutput, unroll

# Shapes: T time, B batch, I inputs, N neurons, M values sent on, C classes, L layers.


class FixedOutput(nn.Module):
    """A weighted sum of spikes at every step that is drawn once and never learned: y_t = G x_t + g, without memory.

    Both uniform between -amplitude / sqrt(inputs) and amplitude / sqrt(inputs). They are no parameters, so that neither
    an initialisation nor an optimiser changes them; checkpoints hold them. Source: Kaiser et al. 2020.
    """

    spiking = False
    weight: Tensor
    offset: Tensor

    def __init__(self, inputs: int, classes: int, amplitude: float) -> None:
        super().__init__()
        require(amplitude > 0, "amplitude", amplitude, "must be greater than 0")
        bound = amplitude * inputs**-0.5
        self.register_buffer("weight", torch.empty(classes, inputs).uniform_(-bound, bound))
        self.register_buffer("offset", torch.empty(classes).uniform_(-bound, bound))

    def forward(self, x_TBI: Tensor, state: None = None) -> LayerOutput:
        return LayerOutput(functional.linear(x_TBI, self.weight, self.offset), None, {})


class Decolle(Conv):
    """Deep continuous local learning: convolutional layers between which no gradient flows.

        p_t = alpha p_{t-1} + (1 - alpha) q_{t-1},   q_t = beta q_{t-1} + (1 - beta) x_t        traces of the inputs
        u_t = W * p_t + b + r_t,   z_t = 1[u_t > 0]                                             see `Refractory`
        y_t = G (z_t after pooling and dropout) + g                                             a readout a layer

    A layer's loss, of y against the target, reaches W through psi(u_t) p_t alone: neither through r nor through earlier
    spikes nor through the layer below. So with `learning=online` what has to be kept does not grow with time.
    The output of the network is the readout of the last layer, `NetworkOutput.local` has the others. A layer's spikes
    are what it sends, to its readout and upwards: of each window of `pooling` the spike of the neuron with the greatest
    voltage. Its state has the traces of all layers, then their neurons.

    synapse: makes the leaky integrators that low-pass the inputs, given their number: `synaptic_decay` beta,
    `membrane_decay` alpha.  amplitude: of the readouts, see `FixedOutput`.  dropout: probability that a readout does
    not see a spike.  The other arguments are those of `Conv`.
    Source: Kaiser, Mostafa & Neftci 2020; nmi-lab/decolle-public.
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
        synapse: Callable[[int], LeakyIntegrator],
        amplitude: float,
        strides: int | Sequence[int] = 1,
        paddings: int | Sequence[int] = 0,
        pooling: int | Sequence[int] = 1,
        bias: bool = True,
        dropout: float = 0.0,
        time_repeat: int = 1,
        escape: Escape | None = None,
        backend: str = "auto",
    ) -> None:
        super().__init__(
            inputs,
            classes,
            neuron,
            surrogate,
            shape,
            filters,
            kernels,
            partial(FixedOutput, amplitude=amplitude),
            strides,
            paddings,
            pooling,
            bias=bias,
            dropout=dropout,
            time_repeat=time_repeat,
            escape=escape,
            backend=backend,
        )
        layers = [layer for layer in self.layers if isinstance(layer, ConvLayer)]
        self.synapses = nn.ModuleList(synapse(layer.inputs) for layer in layers)
        self.local = nn.ModuleList(
            FixedOutput(math.prod(layer.sent_shape), classes, amplitude) for layer in layers[:-1]
        )

    @property
    def holders(self) -> list[nn.Module]:
        return [*self.synapses, *super().holders]

    @property
    def local_readouts(self) -> int:
        return len(self.local)

    def forward(
        self, x: Tensor | Raster, state: tuple[Any, ...] | None = None, record: Sequence[str] = ()
    ) -> NetworkOutput:
        depth = len(self.layers)
        before = state or (None,) * (2 * depth + 1)
        traces: list[LayerOutput] = []
        layers: list[LayerOutput] = []
        read: list[Tensor] = []
        sent_TBI = frames(self.slowed(x))
        for index, (synapse, layer) in enumerate(zip(self.synapses, self.layers, strict=True)):
            assert isinstance(synapse, LeakyIntegrator)
            assert isinstance(layer, ConvLayer)
            traces.append(low_passed(synapse, sent_TBI, before[index]))
            done = layer(traces[-1].spikes, before[depth + index], [*{*record, "u"}])
            sent_TBI = of_greatest(layer, done.spikes, done.trace["u"])
            layers.append(done._replace(spikes=sent_TBI))
            readout = self.local[index] if index < len(self.local) else self.output
            read.append(readout(self.dropout(sent_TBI)).spikes)
        after = (*(of.state for of in traces), *(of.state for of in layers), None)
        return NetworkOutput(read[-1], tuple(layers), after, tuple(read[:-1]))


@torch.no_grad()
def low_passed(synapse: LeakyIntegrator, x_TBI: Tensor, state: Any) -> LayerOutput:
    """The traces p of a layer's inputs, `spikes` of what is returned; the inputs are constants for whoever learns."""
    scaled_TBI = (1 - synapse.constants().synaptic) * x_TBI
    return unroll(synapse, scaled_TBI, None, torch.zeros_like, state)


def of_greatest(layer: ConvLayer, spikes_TBN: Tensor, u_TBN: Tensor) -> Tensor:
    """Of each pooling window the spike of the neuron with the greatest voltage, [T, B, M].

    The same values as `layer.send` has; but the gradient, psi(u), goes to that neuron, not to the first of equals.
    """
    if layer.pooling == 1:
        return spikes_TBN
    spikes, u = (torch.unflatten(of.flatten(0, 1), 1, layer.shape) for of in (spikes_TBN, u_TBN.detach()))
    _, places = POOL[layer.axes](u, layer.pooling, return_indices=True)
    sent = spikes.flatten(2).gather(2, places.flatten(2))
    return torch.unflatten(sent.flatten(1), 0, spikes_TBN.shape[:2])
