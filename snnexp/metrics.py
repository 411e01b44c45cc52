"""What is measured over an epoch."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torchmetrics import MeanMetric, Metric
from torchmetrics.classification import MulticlassAccuracy

# Shapes: T time, B batch, N neurons.


class EpochMetrics(nn.Module):
    """Averages over the samples seen since the last reset; they travel in checkpoints, so that an epoch can be resumed.

    Where there is a target at every step, every step counts as a sample.

    loss: the classification loss as trained on.  perplexity: exp of the mean cross-entropy without smoothing, in nats.
    accuracy: share of samples whose decided class is right.  sparsity_loss: the SELT term.
    firing_rate/l: share of steps at which a neuron of hidden layer l fires (outputs of either sign count); with an
    encoder, 0 is the encoder.
    accuracy/l: that of the readout of hidden layer l, where layers below the last have their own; accuracy/best is then
    the greatest of these and the accuracy.
    """

    def __init__(self, classes: int, spiking: list[int], local: int = 0) -> None:
        super().__init__()
        self.loss, self.cross_entropy, self.sparsity_loss = _mean(), _mean(), _mean()
        self.accuracy = MulticlassAccuracy(classes, average="micro")
        self.local = nn.ModuleList(MulticlassAccuracy(classes, average="micro") for _ in range(local))
        self.firing_rates = nn.ModuleDict({str(layer): _mean() for layer in spiking})
        for metric in self._all():
            metric.persistent(True)

    def _all(self) -> list[Metric]:
        return [metric for metric in self.modules() if isinstance(metric, Metric)]

    def _rates(self) -> dict[str, MeanMetric]:
        return {layer: metric for layer, metric in self.firing_rates.items() if isinstance(metric, MeanMetric)}

    def _local(self) -> list[MulticlassAccuracy]:
        return [metric for metric in self.local if isinstance(metric, MulticlassAccuracy)]

    def reset(self) -> None:
        for metric in self._all():
            metric.reset()

    @torch.no_grad()
    def update(
        self,
        cross_entropy: Tensor,
        predictions: Tensor,
        targets: Tensor,
        loss: Tensor,
        sparsity_loss: Tensor,
        spikes: list[Tensor],
        local_predictions: Sequence[Tensor] = (),
    ) -> None:
        """Count one batch; predictions, targets: [B] or [T, B]; spikes, -1, 0 or 1: [T, B, N] of every spiking layer.

        cross_entropy: without smoothing.  local_predictions: those of the readouts of layers below the last.
        """
        samples = targets.numel()
        self.loss.update(loss, samples)
        self.cross_entropy.update(cross_entropy, samples)
        self.sparsity_loss.update(sparsity_loss, samples)
        for accuracy, decided in zip([*self._local(), self.accuracy], [*local_predictions, predictions], strict=True):
            accuracy.update(decided.flatten(), targets.flatten())
        for metric, spikes_TBN in zip(self._rates().values(), spikes, strict=True):
            flat = spikes_TBN.flatten()
            metric.update(flat.dot(flat) / flat.numel(), samples)  # a spike squared is 1; in one pass, without a copy

    def values(self) -> dict[str, float]:
        """All measures by name; perplexity is infinite where its exponent overflows."""
        cross_entropy, accuracy = float(self.cross_entropy.compute()), float(self.accuracy.compute())
        local = {f"accuracy/{layer}": float(metric.compute()) for layer, metric in enumerate(self._local())}
        return {
            "loss": float(self.loss.compute()),
            "perplexity": math.inf if cross_entropy >= 700 else math.exp(cross_entropy),
            "accuracy": accuracy,
            **(local and {**local, "accuracy/best": max(accuracy, *local.values())}),
            "sparsity_loss": float(self.sparsity_loss.compute()),
            **{f"firing_rate/{layer}": float(metric.compute()) for layer, metric in self._rates().items()},
        }


def _mean() -> MeanMetric:
    """A mean that is NaN where one of its values is; by default torchmetrics leaves these out."""
    return MeanMetric(nan_strategy=math.nan)  # not "disable", with which torchmetrics 1.9 forgets the weights
