"""When in the course of a sequence weights are learned."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from snnexp.errors import require
from snnexp.kernels.native.raster import Raster, frames

# Shapes: T time, B batch, I inputs.


class Piece(NamedTuple):
    """Some steps of a batch: inputs [T, B, I], or words [T, B]; targets [B], or those of these steps, [T, B]."""

    inputs: Tensor | Raster
    targets: Tensor


@dataclass(frozen=True)
class Learning:
    """Once a batch from its whole sequences, or piece by piece while these go on.

    every: steps after which the weights change, with no gradient back into the steps before; None: all at once. With
    1 a network learns online; what was before the step it can then know by traces of its inputs only (`Decolle`).
    burn_in: steps at the start that are run, but neither learned from nor decided on.
    """

    every: int | None = None
    burn_in: int = 0

    def __post_init__(self) -> None:
        require(self.every is None or self.every > 0, "every", self.every, "must be at least 1, or null")
        require(self.burn_in >= 0, "burn_in", self.burn_in, "must not be negative")

    def begin(self, whole: Piece) -> tuple[Tensor | None, Piece]:
        """The inputs of the burn-in, None where there is none, and what comes after it.

        Raises `OptionError` where nothing does.
        """
        if self.burn_in == 0:
            return None, whole
        x, targets = frames(whole.inputs), whole.targets
        require(self.burn_in < len(x), "burn_in", self.burn_in, f"leaves none of {len(x)} steps")
        return x[: self.burn_in], Piece(x[self.burn_in :], targets if targets.dim() == 1 else targets[self.burn_in :])

    def pieces(self, whole: Piece) -> list[Piece]:
        """What is learned from at once, in order."""
        if self.every is None:
            return [whole]
        xs, targets = torch.split(frames(whole.inputs), self.every), whole.targets
        parts = [targets] * len(xs) if targets.dim() == 1 else torch.split(targets, self.every)
        return [Piece(x, part) for x, part in zip(xs, parts, strict=True)]
