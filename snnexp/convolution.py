"""Convolutional layers: neurons on a grid that share their weights."""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional

from snnexp.errors import require
from snnexp.escape import Escape
from snnexp.kernels.native.raster import Raster, frames
from snnexp.layers import Layer
from snnexp.neurons.neuron import Neuron
from snnexp.surrogates import Surrogate
from snnexp.unroll import Backend, Feedback

# Shapes: T time, B batch, I inputs, N neurons, G pre-activations (gates x N), M values sent on.
# I, N, G and M are flat: features before positions, as torch's convolutions have them; of G the gates come first.

CONVOLVE = {1: functional.conv1d, 2: functional.conv2d}
POOL = {1: functional.max_pool1d, 2: functional.max_pool2d}


class ConvLayer(Layer):
    """Neurons driven by a convolution of the inputs and, where recurrent, by one of their own spikes.

        current_t = W * x_t + R * z_{t-1} + bias,    z = neuron(current)

    Along one axis or two. W [filters, channels, kernel...] has a stride and a padding of zeros; R connects every
    feature with every feature, and keeps the positions. The bias is one number a feature. Outside the convolutions
    the neurons stand in a row, [T, B, N], so that all that is done with a layer's spikes can be done with these.

    inputs_shape: channels, and length or height and width.  kernel, stride, padding: the same along both axes.
    pooling: the layer above is given the maximum of so many neighbouring spikes along each axis, 1 for all of them.
    recurrent_kernel: an odd width; None for a feed-forward layer.
    Raises `OptionError` where the kernel or the pooling is larger than what it is to cover.
    Source: Gygax & Zenke 2025, Sec. 8.4.2; the pooling of spikes as in stork (fmi-basel/stork).
    """

    def __init__(
        self,
        inputs_shape: Sequence[int],
        filters: int,
        neuron: Callable[[int], Neuron],
        surrogate: Surrogate,
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        pooling: int = 1,
        recurrent_kernel: int | None = None,
        detach_recurrent: bool = False,
        escape: Escape | None = None,
        backend: Backend = Backend.AUTO,
        bias: bool = False,
    ) -> None:
        odd = recurrent_kernel is None or (recurrent_kernel > 0 and recurrent_kernel % 2 == 1)
        require(odd, "recurrent_kernel", recurrent_kernel, "must be odd, so that it has a middle")
        positions = [(length + 2 * padding - kernel) // stride + 1 for length in inputs_shape[1:]]
        fits = min(positions) > 0
        require(fits, "kernels", kernel, f"is wider than its input {list(inputs_shape)} with a padding of {padding}")
        sent = [length // pooling for length in positions]
        require(min(sent) > 0, "pooling", pooling, f"is wider than its layer {[filters, *positions]}")
        # Numbers, not modules: so they may be set before what `Layer` makes, which asks for them.
        self.inputs_shape, self.shape, self.sent_shape = tuple(inputs_shape), (filters, *positions), (filters, *sent)
        self.kernel, self.stride, self.padding, self.pooling = kernel, stride, padding, pooling
        self.recurrent_kernel, self.axes = recurrent_kernel, len(positions)
        super().__init__(
            math.prod(self.inputs_shape),
            math.prod(self.shape),
            neuron,
            surrogate,
            recurrent=recurrent_kernel is not None,
            zero_diagonal=False,
            detach_recurrent=detach_recurrent,
            escape=escape,
            backend=backend,
            bias=bias,
        )

    def shapes(self, gates: int) -> tuple[Sequence[int], Sequence[int]]:
        features = gates * self.shape[0]
        projection = (features, self.inputs_shape[0], *[self.kernel] * self.axes)
        return projection, (features, self.shape[0], *[self.recurrent_kernel or 0] * self.axes)

    def project(self, x: Tensor | Raster) -> Tensor:
        x_TBI = frames(x)
        images = torch.unflatten(x_TBI.flatten(0, 1), 1, self.inputs_shape)
        convolve = CONVOLVE[self.axes]
        currents = convolve(images, self.projection, self.bias, stride=self.stride, padding=self.padding)
        return torch.unflatten(currents.flatten(1), 0, x_TBI.shape[:2])

    def feedback(self) -> Feedback | None:
        weight, convolve = self.recurrent_weight, CONVOLVE[self.axes]
        if weight is None:
            return None
        margin = weight.shape[-1] // 2
        return lambda z_BN: convolve(torch.unflatten(z_BN, 1, self.shape), weight, padding=margin).flatten(1)

    def send(self, spikes_TBN: Tensor) -> Tensor:
        """The maximum over each window of neighbours [T, B, M]; what is left over at the borders is not sent."""
        if self.pooling == 1:
            return spikes_TBN
        images = torch.unflatten(spikes_TBN.flatten(0, 1), 1, self.shape)
        return torch.unflatten(POOL[self.axes](images, self.pooling).flatten(1), 0, spikes_TBN.shape[:2])
