"""A small network and data for procedures that look at a network before training."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from snnexp import dampening, sharpness
from snnexp.init import glorot, initialise
from snnexp.layers import LinearOutput
from snnexp.network import Dense
from snnexp.neurons.constants import Decay, PerNeuron
from snnexp.neurons.lif import LIF
from snnexp.surrogates import Surrogate, fast_sigmoid

LIF_LIKE: dict[str, Any] = {"membrane_decay": Decay(0.5, sd=0.1), "threshold": PerNeuron(0.05, sd=0.01)}


class Inputs:
    """Random spikes in batches of 4: [T, 4, I]."""

    def __init__(self, inputs: int, steps: int, batches: int) -> None:
        self.sizes, self.batches = (steps, 4, inputs), batches

    def train_inputs(self) -> Iterator[Tensor]:
        for seed in range(self.batches):
            yield (torch.rand(self.sizes, generator=torch.Generator().manual_seed(seed)) < 0.3).float()

    def input_moments(self) -> tuple[float, float]:
        return 0.3, 0.3


class Parts(NamedTuple):
    network: Dense
    data: Inputs


def parts(
    widths: tuple[int, ...] = (12, 10),
    inputs: int = 9,
    steps: int = 14,
    seed: int = 0,
    neuron: Callable[..., Any] | None = None,
    damping: Any = None,
    surrogate: Surrogate | None = None,
    **options: Any,
) -> Parts:
    torch.manual_seed(seed)
    surrogate = surrogate or Surrogate(fast_sigmoid)
    network = Dense(inputs, 3, neuron or partial(LIF, **LIF_LIKE), surrogate, widths, LinearOutput, **options)
    data = Inputs(inputs, steps, 3)
    initialise(network, data, glorot, damping or dampening.Fixed(), sharpness.Fixed())
    return Parts(network, data)
