"""From what the output layer did over time to logits, and from logits to a class."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

# Shapes: T time, B batch, C classes, K decisions a sample (T for a readout at every step, else 1).


def every_step(outputs_TBC: Tensor) -> Tensor:
    """A decision at every step, K = T. Source: Herranz-Celotti & Rouat."""
    return outputs_TBC


def max_over_time(outputs_TBC: Tensor) -> Tensor:
    """One decision, from the greatest output of each class, K = 1. Source: Zenke & Vogels 2021, Sec. 4."""
    return outputs_TBC.amax(0, keepdim=True)


def sum_over_time(outputs_TBC: Tensor) -> Tensor:
    """One decision, from the sum over all steps, K = 1; for a spiking output layer this is the spike count."""
    return outputs_TBC.sum(0, keepdim=True)


def last(outputs_TBC: Tensor) -> Tensor:
    """One decision, from the last step, K = 1."""
    return outputs_TBC[-1:]


def mode(logits_KBC: Tensor) -> Tensor:
    """The class [B] that is decided for most often; among equals the one with the greater mean logit.

    Source: mode accuracy of Herranz-Celotti & Rouat ("fired the most for the longest").
    """
    if len(logits_KBC) == 1:
        return _greatest(logits_KBC[0])
    classes = logits_KBC.shape[-1]
    votes_BC = functional.one_hot(_greatest(logits_KBC), classes).sum(0)
    outvoted_BC = votes_BC < votes_BC.amax(-1, keepdim=True)
    return logits_KBC.mean(0).masked_fill(outvoted_BC, -torch.inf).argmax(-1)


def _greatest(logits: Tensor) -> Tensor:
    # On a CPU in half the time of argmax.
    return logits.max(-1).indices


def greatest_mean(logits_KBC: Tensor) -> Tensor:
    """The class [B] with the greatest mean logit. Source: what the code of Herranz-Celotti & Rouat computes."""
    return logits_KBC.mean(0).argmax(-1)


@dataclass(frozen=True)
class Readout:
    """How outputs become logits [K, B, C] and these become one class a sample, or a step where targets are per step.

    spiking_output: the readout counts spikes, so the network must have a spiking output layer.
    """

    logits: Callable[[Tensor], Tensor]
    decision: Callable[[Tensor], Tensor] = mode
    spiking_output: bool = False

    @property
    def at_every_step(self) -> bool:
        """Whether every output is a logit itself, so that the decisions of a step need no other step."""
        output_TBC = torch.empty(1, 1, 1)
        return self.logits(output_TBC) is output_TBC

    def predictions(self, logits_KBC: Tensor, targets: Tensor) -> Tensor:
        """The classes decided for, shaped like the targets: one a sample, [B], or one a step, [T, B].

        For a step, by the K / T decisions that are made in it.
        """
        if targets.dim() == 1:
            return self.decision(logits_KBC)
        logits_TRBC = logits_KBC.reshape(len(targets), -1, *logits_KBC.shape[1:])
        return self.decision(logits_TRBC.transpose(0, 1).flatten(1, 2)).reshape(targets.shape)
