"""The state that a batch leaves to the next one."""

from typing import Any

import torch
from torch import Tensor

from snnexp.network import Network

Kept = list[list[Tensor] | None]
"""The states of all layers as plain lists, which a checkpoint may hold; None for a layer without memory."""


class Carry:
    """The state in which a network starts a batch: that in which the batch before ended, or None, at rest.

    on: whether anything is carried. No gradient goes back into the batch before.
    """

    def __init__(self, network: Network, on: bool) -> None:
        # A list, so that the network is no part of this one's owner twice.
        self.holders, self.on = network.holders, on
        self.state: tuple[Any, ...] | None = None

    def reset(self) -> None:
        """Start at rest."""
        self.state = None

    def keep(self, state: tuple[Any, ...]) -> None:
        """Start the next batch here."""
        if self.on:
            self.state = tuple(None if of is None else type(of)(*(field.detach() for field in of)) for of in state)

    def kept(self) -> Kept | None:
        """What a checkpoint has to hold."""
        return None if self.state is None else [None if of is None else list(of) for of in self.state]

    def restore(self, kept: Kept | None) -> None:
        """Start the next batch where a checkpoint was made."""
        if kept is None:
            self.reset()
            return
        pairs = zip(self.holders, kept, strict=True)
        self.state = tuple(None if fields is None else _state(holder, fields) for holder, fields in pairs)

    def to(self, device: torch.device) -> None:
        """Bring the state to where the network is, which comes there after a checkpoint is read."""
        if self.state is not None:
            self.state = tuple(
                None if of is None else type(of)(*(field.to(device) for field in of)) for of in self.state
            )


def _state(holder: Any, fields: list[Tensor]) -> Any:
    neuron = getattr(holder, "neuron", holder)
    return type(neuron.initial_state(1, fields[0]))(*fields)
