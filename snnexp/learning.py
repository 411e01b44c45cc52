"""When in the course of a sequence weights are learned."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from snnexp.errors import require
from snnexp.kernels.native.raster import Raster, frames
from snnexp.layers import Layer
from snnexp.network import Network
from snnexp.neurons.latency import latency

# Shapes: T time, B batch, I inputs.


class Piece(NamedTuple):
    """Some steps of a batch: inputs [T, B, I], or words [T, B]; targets [B], or those of these steps, [T, B]."""

    inputs: Tensor | Raster
    targets: Tensor


@dataclass(frozen=True)
class Learning:
    """Once a batch from its whole sequences, or piece by piece while these go on.

    every: steps after which the weights change, with no gradient back into the steps before; None: all at once. With
    1 a network learns online; what was before the step it can then know by traces of its inputs only (`Decolle`), and
    behind a synaptic current, also that of a leaky integrator, it would know nothing: see `check`.
    burn_in: steps at the start that are run, but neither learned from nor decided on.
    """

    every: int | None = None
    burn_in: int = 0

    def __post_init__(self) -> None:
        require(self.every is None or self.every > 0, "every", self.every, "must be at least 1, or null")
        require(self.burn_in >= 0, "burn_in", self.burn_in, "must not be negative")

    def check(self, network: Network) -> int:
        """The fewest steps of a piece from which all layers learn.

        Raises `OptionError` where some layer would learn nothing: where its inputs change no decision of a piece.
        """
        if self.every is None:
            return 1
        steps = self.every * network.time_repeat
        delay = longest_delay(network, steps)
        fewest = delay // network.time_repeat + 1
        right = (
            f"a layer's inputs are in no decision before step {delay + 1} of a piece, so it would learn nothing; take "
            f"{fewest} or more, network=decolle, or what answers at once (neuron=lif network/output=linear)"
        )
        require(delay < steps, "every", self.every, right)
        return fewest

    def begin(self, whole: Piece) -> tuple[Tensor | None, Piece]:
        """The inputs of the burn-in, None where there is none, and what comes after it.

        Raises `OptionError` where nothing does.
        """
        if self.burn_in == 0:
            return None, whole
        x, targets = frames(whole.inputs), whole.targets
        require(self.burn_in < len(x), "burn_in", self.burn_in, f"leaves none of {len(x)} steps")
        return x[: self.burn_in], Piece(x[self.burn_in :], targets if targets.dim() == 1 else targets[self.burn_in :])

    def pieces(self, whole: Piece, fewest: int = 1) -> list[Piece]:
        """What is learned from at once, in order. Raises `OptionError` where the last has less than so many steps."""
        if self.every is None:
            return [whole]
        xs, targets = torch.split(frames(whole.inputs), self.every), whole.targets
        steps, last = sum(map(len, xs)), len(xs[-1])
        right = f"the last piece of {steps} steps would have {last}, where {fewest} are the fewest to learn from"
        require(last >= fewest, "every", self.every, right)
        parts = [targets] * len(xs) if targets.dim() == 1 else torch.split(targets, self.every)
        return [Piece(x, part) for x, part in zip(xs, parts, strict=True)]


def longest_delay(network: Network, most: int) -> int:
    """Steps until the inputs of a layer change what it learns from, in the layer where it is longest.

    That is the output, behind all layers above, or a readout of its own. A neuron counts for `most` steps at most.
    """
    output = network.output
    delays = [latency(output.neuron, most) if isinstance(output, Layer) else 0]
    for index, layer in reversed(list(enumerate(network.hidden))):
        above = 0 if index < network.local_readouts else delays[-1]
        delays.append(above + latency(layer.neuron, most))
    return max(delays)
