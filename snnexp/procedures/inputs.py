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


def first(data: TrainInputs, samples: int, time_repeat: int) -> Tensor:
    """x_TBI of the first training samples, each step repeated as the network does; all, where there are not so many."""
    require(samples > 0, "samples", samples, "must be at least 1")
    batches, there = [], 0
    for batch_TBI in data.train_inputs():
        batches.append(batch_TBI)
        there += batch_TBI.shape[1]
        if there >= samples:
            break
    return torch.cat(batches, 1)[:, :samples].repeat_interleave(time_repeat, 0)
