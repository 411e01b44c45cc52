"""Loss terms on firing: the sparsity-encouraging one (SELT), and bounds on spike counts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from snnexp.errors import require
from snnexp.losses import spike_counts, too_few, too_many
from snnexp.schedules import Schedule

# Shapes: T time, B batch, N neurons.


def none(spikes: Sequence[Tensor], progress: float) -> Tensor:
    """No term: nothing is asked of the firing rates."""
    return torch.zeros(())


@dataclass(frozen=True)
class SELT:
    """Pull every layer's firing rate to a target: factor s(progress) sum_l penalty(z_l, target).

    target: firing rate, spikes per neuron and step.
    factor: lambda, the lowest training loss that is reached without the term.
    schedule: s, training progress in [0, 1] -> [0, 1].  penalty: spikes [T, B, N] and target -> a number.
    Source: Herranz-Celotti & Rouat, Sec. on SELT.
    """

    target: float
    factor: float
    schedule: Schedule
    penalty: Callable[[Tensor, float], Tensor]

    def __post_init__(self) -> None:
        require(0 <= self.target <= 1, "target", self.target, "a firing rate lies in [0, 1]")
        require(self.factor >= 0, "factor", self.factor, "must not be negative")
        self.schedule(0.0)  # a schedule says here what is wrong with its own options

    def __call__(self, spikes: Sequence[Tensor], progress: float) -> Tensor:
        """The term, given the spikes [T, B, N] of every layer and how far training is, in [0, 1]."""
        weight = self.factor * self.schedule(progress)
        if weight == 0 or not spikes:
            return torch.zeros(())
        return weight * torch.stack([self.penalty(spikes_TBN, self.target) for spikes_TBN in spikes]).sum()


@dataclass(frozen=True)
class Bounds:
    """Keep the spikes of every hidden layer between two bounds:

        sum_l  lower mean_{b,n} max(0, fewest - count)^2  +  upper mean_b max(0, mean_n count - most)^power

    with the count of spikes in a sample. A neuron is too silent by itself, a layer is too busy as a whole.

    lower, upper: factors, 0 for no bound.  fewest, most: spikes per neuron and sample.  power: 1 or 2.
    Source: Zenke & Vogels 2021, Methods. Their penalty is added to the loss.
    """

    lower: float
    fewest: float
    upper: float
    most: float
    power: int

    def __post_init__(self) -> None:
        for option in ("lower", "fewest", "upper", "most"):
            require(getattr(self, option) >= 0, option, getattr(self, option), "must not be negative")
        require(self.power in (1, 2), "power", self.power, "must be 1 or 2")

    def __call__(self, spikes: Sequence[Tensor], progress: float) -> Tensor:
        """The term, given the spikes [T, B, N] of every layer; it is the same at all times of training."""
        term = torch.zeros(())
        for counts_BN in map(spike_counts, spikes):
            term = term + self.lower * too_few(counts_BN, self.fewest)
            term = term + self.upper * too_many(counts_BN, self.most, self.power)
        return term
