"""Averages over an epoch, also over one that is interrupted."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from snnexp.losses import CrossEntropy
from snnexp.metrics import EpochMetrics

K, C, N = 3, 4, 5
SIZES = (6, 6, 2)


def batches() -> list[tuple[Tensor, Tensor, Tensor, Tensor, Tensor, list[Tensor]]]:
    """Logits, predictions, targets, loss, sparsity loss and spikes of batches of different sizes."""
    generator = torch.Generator().manual_seed(0)
    made = []
    for index, samples in enumerate(SIZES):
        logits_KBC = torch.randn(K, samples, C, generator=generator)
        targets_B = torch.randint(C, (samples,), generator=generator)
        sign_TBN = torch.randint(-1, 2, (7, samples, N), generator=generator).float()
        losses = torch.tensor(1.0 + index), torch.tensor(0.1 * index)
        made.append((logits_KBC, logits_KBC.mean(0).argmax(-1), targets_B, *losses, [sign_TBN]))
    return made


def count(metrics: EpochMetrics, batch: tuple[Tensor, Tensor, Tensor, Tensor, Tensor, list[Tensor]]) -> None:
    """Count a batch as a task does, with the cross-entropy of its logits."""
    logits_KBC, predictions, targets, loss, *rest = batch
    smoothed = CrossEntropy(label_smoothing=0.1)
    metrics.update(smoothed.unsmoothed(loss, logits_KBC, targets), predictions, targets, loss, *rest)


def test_values_weigh_every_sample_alike() -> None:
    metrics = EpochMetrics(C, [1])
    for batch in batches():
        count(metrics, batch)
    logits_KBC = torch.cat([batch[0] for batch in batches()], 1)
    predictions_B = torch.cat([batch[1] for batch in batches()])
    targets_B = torch.cat([batch[2] for batch in batches()])
    nats = functional.cross_entropy(logits_KBC.flatten(0, 1), targets_B.repeat(K)).item()
    fired = torch.cat([batch[5][0] for batch in batches()], 1).abs().mean().item()
    assert metrics.values() == pytest.approx(
        {
            "loss": (6 * 1 + 6 * 2 + 2 * 3) / 14,
            "perplexity": math.exp(nats),
            "accuracy": (predictions_B == targets_B).float().mean().item(),
            "sparsity_loss": (6 * 0.1 + 2 * 0.2) / 14,
            "firing_rate/1": fired,
        },
        rel=1e-5,
    )


def test_what_is_no_number_is_not_left_out() -> None:
    metrics = EpochMetrics(C, [1])
    for logits_KBC, *rest in batches():
        count(metrics, (logits_KBC, *rest))
    count(metrics, (torch.full_like(logits_KBC, math.nan), *rest))
    assert math.isnan(metrics.values()["perplexity"])
    assert math.isfinite(metrics.values()["loss"])


def test_every_step_with_a_target_of_its_own_is_a_sample() -> None:
    generator = torch.Generator().manual_seed(0)
    metrics = EpochMetrics(C, [])
    right, nats, loss = [], [], 0.0
    for steps in (4, 1):  # the end of a text is shorter
        logits_KBC, targets_TB = torch.randn(steps, 3, C, generator=generator), torch.randint(C, (steps, 3))
        count(metrics, (logits_KBC, logits_KBC.argmax(-1), targets_TB, torch.tensor(float(steps)), torch.zeros(()), []))
        right.append((logits_KBC.argmax(-1) == targets_TB).flatten())
        nats.append(functional.cross_entropy(logits_KBC.flatten(0, 1), targets_TB.flatten(), reduction="none"))
        loss += steps * 3 * steps / 15
    values = metrics.values()
    assert values["accuracy"] == pytest.approx(torch.cat(right).float().mean().item())
    assert values["perplexity"] == pytest.approx(torch.cat(nats).mean().exp().item(), rel=1e-5)
    assert values["loss"] == pytest.approx(loss)


def test_state_dict_resumes_an_epoch() -> None:
    whole, early, late = (EpochMetrics(C, [0]) for _ in range(3))
    for index, batch in enumerate(batches()):
        count(whole, batch)
        if index < 2:
            count(early, batch)
    late.load_state_dict(early.state_dict())
    count(late, batches()[2])
    assert late.values() == whole.values()


def test_reset_forgets() -> None:
    used, fresh = EpochMetrics(C, [0]), EpochMetrics(C, [0])
    count(used, batches()[0])
    used.reset()
    for metrics in (used, fresh):
        count(metrics, batches()[1])
    assert used.values() == fresh.values()


def test_perplexity_of_uniform_logits_is_the_number_of_classes() -> None:
    metrics = EpochMetrics(C, [])
    count(
        metrics,
        (torch.zeros(K, 2, C), torch.tensor([0, 1]), torch.tensor([0, 0]), torch.ones(()), torch.zeros(()), []),
    )
    assert metrics.values()["perplexity"] == pytest.approx(C)
    assert metrics.values()["accuracy"] == 0.5


def test_perplexity_does_not_overflow() -> None:
    metrics = EpochMetrics(2, [])
    logits_KBC = torch.tensor([[[1000.0, 0.0]]])
    count(metrics, (logits_KBC, torch.tensor([0]), torch.tensor([1]), torch.tensor(1000.0), torch.zeros(()), []))
    assert metrics.values()["perplexity"] == math.inf


def test_the_best_of_local_readouts() -> None:
    metrics, targets_B = EpochMetrics(C, [], local=2), torch.tensor([0, 1, 2, 3])
    local = [torch.tensor([0, 1, 2, 0]), torch.tensor([3, 3, 3, 3])]
    zero = torch.zeros(())
    metrics.update(zero, torch.tensor([0, 1, 0, 0]), targets_B, zero, zero, [], local)
    values = metrics.values()
    assert {name: value for name, value in values.items() if "accuracy" in name} == {
        "accuracy": 0.5,
        "accuracy/0": 0.75,
        "accuracy/1": 0.25,
        "accuracy/best": 0.75,
    }
    alone = EpochMetrics(C, [])
    alone.update(zero, targets_B, targets_B, zero, zero, [])
    assert [name for name in alone.values() if "accuracy" in name] == ["accuracy"]
