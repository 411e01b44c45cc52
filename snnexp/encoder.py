"""The encoder: spikes from real-valued input, without weights."""

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor, nn

from snnexp.errors import OptionError
from snnexp.escape import Escape
from snnexp.neurons.neuron import Neuron
from snnexp.surrogates import Surrogate
from snnexp.unroll import Backend, LayerOutput, choose, unroll

# Shapes: T time, B batch, N neurons.


class Encoder(nn.Module):
    """One neuron per input channel, which takes the input as its current: its spikes are the input's code.

    There are no weights to initialise or to train, so its surrogate keeps the scale 1; a gradient through it reaches
    learnable constants of its neurons only. escape: see `Layer`. Raises `OptionError` for neurons with gates.
    Source: Micheli et al. 2024.
    """

    def __init__(
        self,
        size: int,
        neuron: Callable[[int], Neuron],
        surrogate: Surrogate,
        escape: Escape | None = None,
        backend: Backend = Backend.AUTO,
    ) -> None:
        super().__init__()
        self.size = size
        self.neuron = neuron(size)
        self.surrogate, self.escape, self.backend = surrogate, escape, backend
        choose(self.neuron, backend)
        if self.neuron.gates > 1:
            name = type(self.neuron).__name__
            raise OptionError("encoder", True, f"a channel drives one neuron; {name} has gates, which take weights")

    @property
    def spiking(self) -> bool:
        return self.neuron.spiking

    def psi(self, u: Tensor) -> Tensor:
        """The surrogate psi(u), of peak and sharpness 1."""
        return self.surrogate(u, u.new_ones(()), u.new_ones(()))

    def send(self, spikes_TBN: Tensor) -> Tensor:
        """What the layer above is given: all spikes."""
        return spikes_TBN

    def forward(self, x_TBN: Tensor, state: Any = None, record: Sequence[str] = ()) -> LayerOutput:
        noise_TBN = None if self.escape is None else self.escape(x_TBN)
        return unroll(
            self.neuron, x_TBN, None, self.psi, state, noise_TBN=noise_TBN, record=record, backend=self.backend
        )
