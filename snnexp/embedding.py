"""Networks that read and write words."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from snnexp.errors import require
from snnexp.escape import Escape
from snnexp.kernels.projection import Projection
from snnexp.layers import LinearRead
from snnexp.network import Dense
from snnexp.neurons.neuron import Neuron
from snnexp.surrogates import Surrogate

# Shapes: T time, B batch, N neurons of the last layer, V words.


class TiedOutput(nn.Module):
    """The last layer's spikes against the vector of every word, x E^T; no bias, no memory and so no state."""

    spiking = False
    bias = None

    def __init__(self, vectors: nn.Parameter) -> None:
        super().__init__()
        self.projection = vectors

    def forward(self, x_TBN: Tensor, state: None = None) -> LinearRead:
        return LinearRead(Projection(x_TBN, self.projection, self.bias))


class Embedding(Dense):
    """Fully connected layers between the vectors of words and, by the same vectors, words.

    The first layer is given the vector of each word; the logit of a word is the product of its vector with the last
    layer's spikes, so a vector has as many components as the last layer has neurons. The vectors E [V, N] are drawn
    here, uniformly with variance 2 / (V + N), and learned; an initialisation writes them as the weights of the output.

    The arguments are those of `Dense`. Raises `OptionError` unless the data set has words for inputs and classes.
    Source: Herranz-Celotti & Rouat 2022, and the authors' code.
    """

    tied = True
    reads_words = True

    def __init__(
        self,
        inputs: int,
        classes: int,
        neuron: Callable[[int], Neuron],
        surrogate: Surrogate,
        widths: Sequence[int],
        recurrent: bool = True,
        zero_diagonal: bool = True,
        detach_recurrent: bool = False,
        dropout: float = 0.0,
        time_repeat: int = 1,
        escape: Escape | None = None,
        backend: str = "auto",
        bias: bool = False,
    ) -> None:
        right = f"needs a data set of words, such as dataset=ptb; this one has {inputs} inputs and {classes} classes"
        require(inputs == classes, "network", "embedding", right)
        require(len(widths) > 0 and min(widths) > 0, "widths", list(widths), "must be a list of positive integers")
        vectors = nn.Parameter(nn.init.xavier_uniform_(torch.empty(classes, widths[-1])))
        super().__init__(
            widths[-1],
            classes,
            neuron,
            surrogate,
            widths,
            lambda inputs, classes: TiedOutput(vectors),
            recurrent,
            zero_diagonal,
            detach_recurrent,
            dropout,
            time_repeat,
            escape=escape,
            backend=backend,
            bias=bias,
        )
        self.vectors = vectors

    def shown(self, x: Tensor) -> Tensor:
        """The vectors [T, B, N] of words [T, B]; or what is vectors already, as an initialisation has them."""
        return x if x.dim() == 3 else functional.embedding(x, self.vectors)

    def shown_moments(self, moments: tuple[float, float]) -> tuple[float, float]:
        """Mean and mean square of a component of a vector, over all words alike. (As in the authors' code.)"""
        return self.vectors.mean().item(), self.vectors.square().mean().item()
