"""What every neuron model is: constants, a state, and one pure step in time."""

from collections.abc import Callable
from typing import Any, Protocol

from torch import Tensor

# Shapes: B batch, N neurons, G pre-activations (gates x N).

Fire = Callable[[Tensor], Tensor]
"""Turns a centred voltage u into spikes; `unroll` binds the surrogate and the escape noise of the step."""


class State(Protocol):
    """A NamedTuple of tensors [B, N]; any of its fields can be recorded."""

    @property
    def z(self) -> Tensor:
        """The output of the step: what the next layer and the recurrence see."""
        ...


class Neuron(Protocol):
    """A neuron model of a given size; `step` is its specification, a fused kernel has to repeat it.

    `step` is given `fire` rather than spikes, because a spiking LSTM spikes inside its step.

    gates: pre-activations per neuron, 1 for the LIF family, 4 for LSTMs.
    spiking: whether the output is made by `fire`, so that surrogate and firing rate mean something.
    noisy: whether escape noise is defined, that is, whether `step` fires exactly once.
    """

    size: int
    gates: int
    spiking: bool
    noisy: bool

    def constants(self) -> Any:
        """The constants as a NamedTuple, evaluated once a sequence."""
        ...

    def initial_state(self, batch: int, like: Tensor) -> Any:
        """The state before the first step, of the kind (device, precision) of `like`."""
        ...

    def step(self, current_BG: Tensor, state: Any, fire: Fire, constants: Any) -> Any:
        """The state after one more step, without side effects."""
        ...
