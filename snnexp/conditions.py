"""What conditions III and IV have in common when they are applied to layers."""

from enum import StrEnum
from typing import NamedTuple

from torch import Tensor

from snnexp.convolution import ConvLayer
from snnexp.errors import OptionError, require
from snnexp.layers import Layer
from snnexp.neurons.lif import LIF


class Infeasible(StrEnum):
    """What to do where a condition cannot be met.

    keep: `otherwise`, a value given for this case.  nearest: the end of the bracket that comes nearest.
    code: what the authors' code does in effect, the mean of as many draws from U(0.3, 1.6) as the layer has neurons.
    error: stop.
    """

    KEEP = "keep"
    NEAREST = "nearest"
    CODE = "code"
    ERROR = "error"


class Outcome(NamedTuple):
    """How a condition fared in one layer.

    feasible: whether it could be met.  note: a line to be said about it, or nothing.
    residual: left minus right side of condition IV at the sharpness used.
    q: the tail fatness with which a q-PseudoSpike of unit peak and sharpness would meet condition IV, if there is one.
    """

    feasible: bool
    note: str = ""
    residual: float | None = None
    q: float | None = None


def covered(layer: Layer, group: str) -> tuple[LIF, Tensor]:
    """Neurons and recurrence of a layer that conditions I-IV cover; raises `OptionError` for any other layer."""
    right = f"{group} by conditions I-IV needs network=dense; they are about weights that no two neurons share"
    require(not isinstance(layer, ConvLayer), "network", "conv", right)
    recurrence = layer.recurrence
    if not isinstance(layer.neuron, LIF) or recurrence is None:
        kind = type(layer.neuron).__name__ + ("" if recurrence is not None else " without recurrence")
        raise OptionError("neuron", kind, f"{group} by conditions I-IV needs neuron=lif and network.recurrent=true")
    return layer.neuron, recurrence


def passes(neuron: LIF, through_reset: bool | None) -> bool:
    """Whether a condition counts the gradient through the reset: as told, or else as the neuron does."""
    return through_reset if through_reset is not None else not neuron.detach_reset
