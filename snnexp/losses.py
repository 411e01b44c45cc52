"""What training minimises: the classification loss, and penalties on firing rates."""

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional

from snnexp.errors import UserError, require

# Shapes: K decisions a sample (T for a readout at every step, else 1), B batch, C classes, T time, N neurons.


def at_decisions(targets: Tensor, decisions: int) -> Tensor:
    """What is right at each of K decisions, [K, B], of targets for the samples, [B], or for their steps, [T, B].

    For those of a step all K / T decisions that are made in it count. Raises `UserError` where that is no whole number.
    """
    if targets.dim() == 1:
        return targets.expand(decisions, -1)
    if decisions % len(targets):
        raise UserError(f"the data set has {len(targets)} targets a sample, not {decisions}: take readout=every_step")
    return targets.repeat_interleave(decisions // len(targets), 0)


class Loss(Protocol):
    """A classification loss of logits [K, B, C] against targets, [B], or [T, B] where there is one at every step."""

    def __call__(self, logits_KBC: Tensor, targets: Tensor) -> Tensor: ...

    def unsmoothed(self, loss: Tensor, logits_KBC: Tensor, targets: Tensor) -> Tensor:
        """The cross-entropy in nats without smoothing, which perplexity is made of; `loss`: what was computed."""
        ...


@dataclass(frozen=True)
class CrossEntropy:
    """Cross-entropy in nats of every decision against what is right there, averaged over decisions and batch.

    label_smoothing: share of the target that is spread evenly over all classes.
    """

    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        require(0 <= self.label_smoothing < 1, "label_smoothing", self.label_smoothing, "must lie in [0, 1)")

    def __call__(self, logits_KBC: Tensor, targets: Tensor) -> Tensor:
        """The loss; targets: [B], or [T, B] where there is one at every step."""
        targets_KB = at_decisions(targets, len(logits_KBC))
        return functional.cross_entropy(
            logits_KBC.flatten(0, 1), targets_KB.flatten(), label_smoothing=self.label_smoothing
        )

    def descend(self, logits_RC: Tensor, right_R: Tensor) -> Tensor:
        """The loss, summed over decisions, and the same without smoothing, [2]; the logits become its gradient.

            L = (1 - e) l_right + e mean_c l_c,   l_c = log(sum_k exp x_k) - x_c
            dL/dx_c = softmax(x)_c - (1 - e) [c is right] - e / C

        with the label smoothing e. In place, for logits of which there are too many to hold copies.
        """
        smoothing, right_R1 = self.label_smoothing, right_R.unsqueeze(1)
        logits_RC.sub_(logits_RC.amax(1, keepdim=True))
        of_right_R1 = logits_RC.gather(1, right_R1)
        mean_R1 = logits_RC.mean(1, keepdim=True) if smoothing else of_right_R1
        total_R1 = logits_RC.exp_().sum(1, keepdim=True)
        unsmoothed_R1 = total_R1.log() - of_right_R1
        loss_R1 = unsmoothed_R1 + smoothing * (of_right_R1 - mean_R1)
        logits_RC.div_(total_R1).scatter_add_(1, right_R1, torch.full_like(of_right_R1, smoothing - 1))
        if smoothing:
            logits_RC.sub_(smoothing / logits_RC.shape[1])
        return torch.stack((loss_R1.sum(), unsmoothed_R1.sum()))

    def unsmoothed(self, loss: Tensor, logits_KBC: Tensor, targets: Tensor) -> Tensor:
        """The cross-entropy without smoothing, of what `loss` is from; that itself, where nothing is smoothed."""
        return loss if self.label_smoothing == 0 else CrossEntropy()(logits_KBC, targets)


@dataclass(frozen=True)
class SmoothL1:
    """How far outputs are from 1 for the right class and 0 for the others: d^2 / 2 where |d| < 1, beyond |d| - 1/2.

    Averaged over decisions, batch and classes. Source: Kaiser et al. 2020, DECOLLE's local losses.
    """

    def __call__(self, logits_KBC: Tensor, targets: Tensor) -> Tensor:
        """The loss; targets: [B], or [T, B] where there is one at every step."""
        right_KBC = functional.one_hot(at_decisions(targets, len(logits_KBC)), logits_KBC.shape[-1])
        return functional.smooth_l1_loss(logits_KBC, right_KBC.to(logits_KBC))

    def unsmoothed(self, loss: Tensor, logits_KBC: Tensor, targets: Tensor) -> Tensor:
        """The cross-entropy of the same outputs, taken as logits."""
        return CrossEntropy()(logits_KBC, targets)


def _size(spikes_TBN: Tensor) -> Tensor:
    """|z|; but with derivative 1, not 0, where z = 0, so that a silent neuron can be made to fire."""
    if spikes_TBN.detach().amin() >= 0:
        return spikes_TBN  # the same, without four more passes over all steps
    return torch.where(spikes_TBN < 0, -spikes_TBN, spikes_TBN)


def mean_squared(spikes_TBN: Tensor, target: float) -> Tensor:
    """Squared distance of the layer's mean firing rate from the target, (mean_{t,b,n} z - target)^2.

    The rate counts outputs of either sign, |z|. Source: Herranz-Celotti & Rouat, the SELT loss of the text.
    """
    return (_size(spikes_TBN).mean() - target).square()


def mean_absolute(spikes_TBN: Tensor, target: float) -> Tensor:
    """Distance of each neuron's rate from the target, mean_{b,n} |mean_t z - target|.

    Source: the SELT loss of the authors' code of 2022 (`well_loss`).
    """
    return (_size(spikes_TBN).mean(0) - target).abs().mean()


def layer_absolute(spikes_TBN: Tensor, target: float) -> Tensor:
    """Distance of the layer's rate at each step from the target, mean_t |mean_{b,n} z_t - target|.

    Source: the DECOLLE runs of Herranz-Celotti & Rouat (LuCeHe/lif_stability, `frDECOLLELoss`), which take a step at a
    time.
    """
    return (_size(spikes_TBN).mean((1, 2)) - target).abs().mean()


def spike_counts(spikes_TBN: Tensor) -> Tensor:
    """How often each neuron fires in each sample, [B, N]; outputs of either sign count."""
    return _size(spikes_TBN).sum(0)


def too_few(counts_BN: Tensor, fewest: float) -> Tensor:
    """How far single neurons are below a number of spikes a sample, mean_{b,n} max(0, fewest - count)^2.

    Source: Zenke & Vogels 2021, Methods, the lower bound (L2, per neuron).
    """
    return (fewest - counts_BN).clamp_min(0).square().mean()


def too_many(counts_BN: Tensor, most: float, power: int) -> Tensor:
    """How far a layer's mean number of spikes is above one, mean_b max(0, mean_n count - most)^power.

    Source: Zenke & Vogels 2021, Methods, the upper bound (power 1 or 2, of the population).
    """
    return (counts_BN.mean(1) - most).clamp_min(0).pow(power).mean()
