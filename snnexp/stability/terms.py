"""What the conditions have in common: their numbers, their variants, the two terms that they may leave out."""

from enum import StrEnum

import torch
from torch import Tensor

from snnexp.errors import OptionError, require
from snnexp.neurons.reset import Reset

Value = Tensor | float


def real(value: Value) -> Tensor:
    """The value in float64: a root or a difference of large sums loses too much in float32."""
    return torch.as_tensor(value, dtype=torch.float64)


class Formula(StrEnum):
    """Which formula to take where the published code departs from what the paper's assumptions give.

    derived: follows from the assumptions; meets its own Monte-Carlo test.
    code: what the authors' program computes (github.com/LuCeHe/lif_stability); each function says how it differs.
    """

    DERIVED = "derived"
    CODE = "code"


class Lower(StrEnum):
    """How the gradient that arrives from the layer below enters conditions III and IV.

    none: left out, as in the main text; the only choice for the first layer.
    layerwise: the layer below has its own surrogate, fixed before, and takes its share of what may flow.
    shared: both layers have the same surrogate.
    """

    NONE = "none"
    LAYERWISE = "layerwise"
    SHARED = "shared"


def other_neurons(n_rec: int) -> int:
    """The number of recurrent inputs of a neuron that is not connected to itself, n_rec - 1."""
    require(n_rec > 1, "n_rec", n_rec, "the stability conditions need a recurrent layer of at least 2 neurons")
    return n_rec - 1


def reset_slope(reset: Reset, alpha: Tensor, theta: Tensor) -> Tensor:
    """How far the voltage falls per unit of spike, -dv_t / dz_{t-1}: the factor of a gradient through the reset.

    minus: theta. minus_immediate: alpha theta. pre: the same, the leaked voltage at the moment of a spike (derived
    here, with little confidence: no source has this case). Raises `OptionError` for post, which is not covered.
    """
    match reset:
        case Reset.MINUS:
            return theta
        case Reset.PRE | Reset.MINUS_IMMEDIATE:
            return alpha * theta
        case Reset.POST:
            raise OptionError(
                "reset", reset, "III and IV with gradient through the reset cover all resets but this one"
            )
