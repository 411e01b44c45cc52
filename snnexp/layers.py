"""Layers: a projection of the inputs, a recurrence, and neurons with a surrogate of their own scale."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from snnexp.errors import OptionError, choice
from snnexp.escape import Escape
from snnexp.kernels.kernel import coded
from snnexp.kernels.native.raster import Raster, frames
from snnexp.kernels.projection import Projection, dense
from snnexp.neurons.neuron import Neuron
from snnexp.surrogates import Surrogate
from snnexp.unroll import Backend, Feedback, LayerOutput, choose, unroll

COMPILED = (Backend.FUSED, Backend.RECOMPUTE)  # where there is a compiler

# Shapes: T time, B batch, I inputs, N neurons, G pre-activations (gates x N), C classes.


class Layer(nn.Module):
    """Neurons driven by weighted inputs and, where recurrent, by their own spikes of the step before.

        current_t = W x_t + R z_{t-1} + bias,    z = neuron(current)

    The weights and the bias are 0 until an initialisation has written them.

    neuron: makes the neurons, given their number.
    surrogate: the shape and units of psi; None for a neuron that never spikes.
    zero_diagonal: no neuron of the LIF family is connected to itself. (LSTM gates read their own output.)
    detach_recurrent: no gradient flows through R to earlier spikes.
    escape: draws escape noise; None for a deterministic threshold. Raises `OptionError` for a neuron without one.
    bias: every pre-activation has a constant current, which is learned.

    The surrogate's scale stands in two buffers [N], `dampening` (gamma) and `sharpness` (beta), 1 until written.
    """

    dampening: Tensor
    sharpness: Tensor
    mask: Tensor | None

    def __init__(
        self,
        inputs: int,
        size: int,
        neuron: Callable[[int], Neuron],
        surrogate: Surrogate | None,
        recurrent: bool = False,
        zero_diagonal: bool = True,
        detach_recurrent: bool = False,
        escape: Escape | None = None,
        backend: Backend = Backend.AUTO,
        bias: bool = False,
    ) -> None:
        super().__init__()
        self.inputs, self.size = inputs, size
        self.neuron = neuron(size)
        self.surrogate = surrogate
        self.detach_recurrent, self.escape, self.backend = detach_recurrent, escape, choice(Backend, "backend", backend)
        if escape is not None and not self.neuron.noisy:
            name = type(self.neuron).__name__
            right = f"escape noise is not defined for {name}, which does not fire once"
            raise OptionError("escape", type(escape).__name__.lower(), right)
        projection, recurrence = self.shapes(self.neuron.gates)
        self.projection = nn.Parameter(torch.zeros(projection))
        self.bias = nn.Parameter(torch.zeros(projection[0])) if bias else None
        self.recurrent_weight = nn.Parameter(torch.zeros(recurrence)) if recurrent else None
        masked = recurrent and zero_diagonal and self.neuron.gates == 1
        self.register_buffer("mask", 1 - torch.eye(size) if masked else None, persistent=False)
        self.register_buffer("dampening", torch.ones(size))
        self.register_buffer("sharpness", torch.ones(size))
        # Here, so that an impossible one is said before anything runs.
        self.taken = choose(self.neuron, self.backend, self.feedback())

    def shapes(self, gates: int) -> tuple[Sequence[int], Sequence[int]]:
        """Shapes of projection and recurrent weight; the first axis counts pre-activations."""
        return (gates * self.size, self.inputs), (gates * self.size, self.size)

    def project(self, x: Tensor | Raster) -> Tensor | Projection:
        """W x + bias for all steps, [T, B, G]; a kernel computes it itself, where it likes."""
        if self.taken in COMPILED:
            return Projection(x, self.projection, self.bias)
        return functional.linear(frames(x), self.projection, self.bias)

    def feedback(self) -> Tensor | Feedback | None:
        """R as `unroll` takes it."""
        return self.recurrence

    def send(self, spikes_TBN: Tensor) -> Tensor:
        """What the layer above is given of this layer's spikes: all of them."""
        return spikes_TBN

    @property
    def spiking(self) -> bool:
        return self.neuron.spiking

    @property
    def recurrence(self) -> Tensor | None:
        """R [G, N] as it acts, with the diagonal that the mask leaves."""
        if self.recurrent_weight is None or self.mask is None:
            return self.recurrent_weight
        return self.recurrent_weight * self.mask

    def psi(self, u: Tensor) -> Tensor:
        """The surrogate psi(u) of this layer's neurons, u [..., N]."""
        if self.surrogate is None:
            return torch.zeros_like(u)
        return self.surrogate(u, self.dampening, self.sharpness)

    def backend_taken(self, device: torch.device) -> str:
        """The backend, and where it is a kernel, whose code that is on a device, and why it is not compiled."""
        if self.taken in COMPILED:
            return f"{self.taken}: {coded(self.neuron, device, self.projection.dtype)}"
        return str(self.taken)

    def forward(self, x: Tensor | Raster, state: Any = None, record: Sequence[str] = ()) -> LayerOutput:
        currents, noise_TBN = self.project(x), None
        if self.escape is not None:
            currents = dense(currents)
            noise_TBN = self.escape(currents)
        return unroll(
            self.neuron,
            currents,
            self.feedback(),
            self.psi,
            state,
            noise_TBN=noise_TBN,
            detach_recurrent=self.detach_recurrent,
            record=record,
            backend=self.backend,
        )


class LinearRead(NamedTuple):
    """What a linear output layer did over a sequence, as `LayerOutput` has it for neurons.

    spikes: the factors of the outputs, which of thousands of classes need never be there as a whole.
    state: it has no memory.
    """

    spikes: Projection
    state: None = None


class LinearOutput(nn.Module):
    """A weighted sum of the last layer's spikes at every step, with a bias; it has no memory, so no state."""

    spiking = False

    def __init__(self, inputs: int, classes: int) -> None:
        super().__init__()
        self.projection = nn.Parameter(torch.zeros(classes, inputs))
        self.bias = nn.Parameter(torch.zeros(classes))

    def forward(self, x_TBI: Tensor, state: None = None) -> LinearRead:
        return LinearRead(Projection(x_TBI, self.projection, self.bias))
