"""Real inputs for a network that is looked at before training.

Shapes: T time, B batch, I inputs.
"""

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor

from snnexp.errors import require


class TrainInputs(Protocol):
    """What is asked of a data module."""

    def train_inputs(self) -> Iterator[Tensor]: ...


def first(data: TrainInputs, samples: int) -> Tensor:
    """The first training samples, x_TBI or words [T, B], as a network is given them; all, where there are fewer."""
    require(samples > 0, "samples", samples, "must be at least 1")
    batches, there = [], 0
    for batch in data.train_inputs():
        batches.append(batch)
        there += batch.shape[1]
        if there >= samples:
            break
    return torch.cat(batches, 1)[:, :samples]


def like(x: Tensor, weight: Tensor) -> Tensor:
    """Inputs where a weight is and, but for words, as precise as it is."""
    return x.to(weight) if x.is_floating_point() else x.to(weight.device)
