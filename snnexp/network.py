"""Networks: layers in a row, and an output layer."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from snnexp.encoder import Encoder
from snnexp.errors import choice, require
from snnexp.escape import Escape
from snnexp.kernels.native.raster import Raster, frames
from snnexp.kernels.projection import Projection
from snnexp.layers import Layer
from snnexp.neurons.neuron import Neuron
from snnexp.score import whole
from snnexp.surrogates import Surrogate
from snnexp.unroll import Backend, LayerOutput

# Shapes: T time, B batch, I inputs, N neurons, C classes.


class NetworkOutput(NamedTuple):
    """read: what the output layer did, [T, B, C], or where that is a product its factors, see `snnexp.score`.

    layers: one `LayerOutput` per population, the encoder's before those of the hidden layers, where there is one.

    state: the states of populations and output layer after the last step, to be passed to the next call of a longer
    sequence.
    local: what readouts of the layers below the last did, [T, B, C] each, where these have their own losses.
    """

    read: Tensor | Projection
    layers: tuple[LayerOutput, ...]
    state: tuple[Any, ...]
    local: tuple[Tensor, ...] = ()

    @property
    def outputs(self) -> Tensor:
        """What the output layer did, [T, B, C], all of it."""
        return whole(self.read)


class Inputs(Protocol):
    """The inputs of the training set, and their statistics."""

    def input_moments(self) -> tuple[float, float]: ...
    def train_inputs(self) -> Iterable[Tensor]: ...


class Network(nn.Module):
    """Layers of neurons in a row, and an output layer.

    dropout: probability that an input of a hidden layer is silenced, drawn for every step anew.
    time_repeat: every input step is shown this many times.
    encoder: a first population without weights, which the input drives and whose spikes the layers see; None for none.

    reads_words: whether it is made for words, and not for the channels that stand for them otherwise, see `shown`.
    tied: the weights of the output are also those by which inputs are shown to the first layer.
    """

    tied = False
    reads_words = False

    def __init__(
        self,
        layers: Sequence[Layer],
        output: nn.Module,
        dropout: float,
        time_repeat: int,
        encoder: Encoder | None = None,
    ) -> None:
        super().__init__()
        require(0 <= dropout < 1, "dropout", dropout, "a probability, must lie in [0, 1)")
        require(time_repeat >= 1, "time_repeat", time_repeat, "must be at least 1")
        self.time_repeat = time_repeat
        self.dropout = nn.Dropout(dropout)
        self.encoder = encoder
        self.layers = nn.ModuleList(layers)
        self.output = output

    @property
    def hidden(self) -> list[Layer]:
        """The hidden layers, from the first to the last."""
        return [layer for layer in self.layers if isinstance(layer, Layer)]

    @property
    def populations(self) -> list[Encoder | Layer]:
        """All neurons but those of the output, in the order of `NetworkOutput.layers`: the encoder is the first."""
        return [*([] if self.encoder is None else [self.encoder]), *self.hidden]

    def of_hidden(self, output: NetworkOutput) -> tuple[LayerOutput, ...]:
        """What the hidden layers did, from the first to the last; an encoder comes before them."""
        return output.layers[len(self.populations) - len(self.hidden) :]

    @property
    def holders(self) -> list[nn.Module]:
        """What has a state, or may have one, in the order of `NetworkOutput.state`: neurons, or what has neurons."""
        return [*self.populations, self.output]

    @property
    def local_readouts(self) -> int:
        """How many layers below the last have a readout of their own: the first so many."""
        return 0

    def shown(self, x: Tensor) -> Tensor:
        """What the first layer is given, [T, B, I], of the inputs of a batch.

        These are that already, or words [T, B]: at every step the index of the one input that is 1.
        """
        if x.dim() == 3:
            return x
        first = self.hidden[0]
        return first.projection.new_zeros(*x.shape, first.inputs).scatter_(2, x.unsqueeze(2), 1)

    def shown_moments(self, moments: tuple[float, float]) -> tuple[float, float]:
        """Mean and mean square of what the first layer is given, from those of the training inputs."""
        return moments

    def slowed(self, x: Tensor | Raster) -> Tensor | Raster:
        """What the first layer is given, every step as often as it is shown."""
        silenced = self.dropout.training and self.dropout.p > 0
        # Steps that are repeated share their spikes, of which each would have to be silenced on its own.
        if isinstance(x, Raster) and self.encoder is None and not (silenced and self.time_repeat > 1):
            return x.repeat(self.time_repeat) if self.time_repeat > 1 else x
        x_TBI = self.shown(frames(x))
        return x_TBI.repeat_interleave(self.time_repeat, 0) if self.time_repeat > 1 else x_TBI

    def received(self, x: Tensor) -> Tensor:
        """What the first hidden layer is given of inputs, [T, B, I], without dropout: of an encoder its spikes."""
        x_TBI = frames(self.slowed(x))
        return x_TBI if self.encoder is None else self.encoder(x_TBI).spikes

    def silence(self, x: Tensor | Raster) -> Tensor | Raster:
        """Dropout; numbers are drawn for spikes alone where it is these that are given."""
        return x.map(self.dropout) if isinstance(x, Raster) else self.dropout(x)

    def forward(
        self, x: Tensor | Raster, state: tuple[Any, ...] | None = None, record: Sequence[str] = ()
    ) -> NetworkOutput:
        before = state or (None,) * (len(self.populations) + 1)
        outputs: list[LayerOutput] = []
        sent = self.slowed(x)
        for population, its_state in zip(self.populations, before, strict=False):
            seen = sent if population is self.encoder else self.silence(sent)
            outputs.append(population(seen, its_state, record))
            sent = population.send(outputs[-1].spikes)
        last = self.output(sent, before[-1])
        return NetworkOutput(last.spikes, tuple(outputs), (*(o.state for o in outputs), last.state))


class Shown:
    """The training inputs of a network, as an initialisation asks for them.

    Moments are those of what the first hidden layer is given, behind an encoder measured on all inputs; the inputs
    themselves are what the network is given, but vectors for words.
    """

    def __init__(self, network: Network, inputs: Inputs) -> None:
        self.network, self.inputs = network, inputs

    def input_moments(self) -> tuple[float, float]:
        if self.network.encoder is None:
            return self.network.shown_moments(self.inputs.input_moments())
        total = squares = count = 0.0
        with torch.no_grad():
            for x_TBI in map(self.network.received, self.inputs.train_inputs()):
                total, squares = total + x_TBI.sum().item(), squares + x_TBI.square().sum().item()
                count += x_TBI.numel()
        return total / count, squares / count

    def train_inputs(self) -> Iterator[Tensor]:
        return map(self.network.shown, self.inputs.train_inputs())


class Dense(Network):
    """Fully connected layers of neurons, recurrent or not, and an output layer.

    inputs, classes: what the data set has.  neuron: makes the neurons of a layer, given their number.
    widths: neurons per layer.  repeat: the list of widths is taken so many times over, for deep networks of equal
    layers.
    encoder: a first population of one neuron per channel, see `Encoder`.
    recurrent: every hidden layer has a recurrence.
    output: makes the output layer, given its inputs and the classes.
    dropout, time_repeat: see `Network`.
    zero_diagonal, detach_recurrent, escape, bias: of every hidden layer, see `Layer`.
    """

    def __init__(
        self,
        inputs: int,
        classes: int,
        neuron: Callable[[int], Neuron],
        surrogate: Surrogate,
        widths: Sequence[int],
        output: Callable[[int, int], nn.Module],
        recurrent: bool = True,
        zero_diagonal: bool = True,
        detach_recurrent: bool = False,
        dropout: float = 0.0,
        time_repeat: int = 1,
        repeat: int = 1,
        encoder: bool = False,
        escape: Escape | None = None,
        backend: str = "auto",
        bias: bool = False,
    ) -> None:
        require(len(widths) > 0 and min(widths) > 0, "widths", list(widths), "must be a list of positive integers")
        require(repeat >= 1, "repeat", repeat, "must be at least 1")
        widths, walker = [*widths] * repeat, choice(Backend, "backend", backend)
        layers = [
            Layer(
                fan_in,
                width,
                neuron,
                surrogate,
                recurrent,
                zero_diagonal,
                detach_recurrent,
                escape,
                walker,
                bias,
            )
            for fan_in, width in zip([inputs, *widths], widths, strict=False)
        ]
        encoding = Encoder(inputs, neuron, surrogate, escape, walker) if encoder else None
        super().__init__(layers, output(widths[-1], classes), dropout, time_repeat, encoding)
