"""What an initialisation is given besides a network, and what it says of the layers that it has written."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, NoReturn, Protocol

from torch import Tensor

from snnexp.errors import UserError
from snnexp.network import Network

# Shapes: T time, B batch, I inputs.


class Inputs(Protocol):
    """What an initialisation may ask of the training set."""

    def input_moments(self) -> tuple[float, float]:
        """Mean and mean square of the network's input over training samples, steps and channels."""
        ...

    def train_inputs(self) -> Iterable[Tensor]:
        """x_TBI of the training set, batch by batch, always in the same order."""
        ...


class NoInputs:
    """Stands for the training set of a network that has none; an initialisation that asks for it is refused.

    Raises `UserError`.
    """

    def input_moments(self) -> NoReturn:
        raise UserError(WITHOUT_DATA)

    def train_inputs(self) -> NoReturn:
        raise UserError(WITHOUT_DATA)


WITHOUT_DATA = (
    "init: this rule measures the training inputs, and here are none; "
    "take a rule without data (init=propagation, or a number for init.nu)"
)


class Moments(NamedTuple):
    """Mean and variance of one weight, as promised."""

    mean: float
    variance: float


class Promise(NamedTuple):
    """What a rule says of a hidden layer that it has written; None where it says nothing.

    projection, recurrence: of one weight.  input_rate: firing rate, per step, of the inputs with which it reckons.
    firing_rate: of the layer's own neurons, measured.  notes: lines to be said about it.
    """

    projection: Moments | None = None
    recurrence: Moments | None = None
    input_rate: float | None = None
    firing_rate: float | None = None
    notes: tuple[str, ...] = ()


Initialisation = Callable[[Network, Inputs], Sequence[Promise | None]]
"""Writes all weights of a network; one promise per hidden layer."""
