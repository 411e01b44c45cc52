"""Logistic regression on counts: it sees how much, and not when."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch import Tensor

from snnexp.data.samples import Batch
from snnexp.errors import OptionError, UserError
from snnexp.procedures.counts import counts, sums

PENALTY = 0.1


class Data:
    """Two classes of spikes in 6 channels: `rates` of the first three for each class, and the half of the steps."""

    def __init__(self, rates: tuple[float, float], halves: tuple[int, int]) -> None:
        self.rates, self.halves = rates, halves

    def loader(self, split: str) -> list[Batch]:
        generator = torch.Generator().manual_seed(["train", "val", "test"].index(split))
        targets = torch.arange(200) % 2
        x_TBI = torch.zeros(40, 200, 6)
        for sample, target in enumerate(targets.tolist()):
            start = 20 * self.halves[target]
            chance = torch.tensor([self.rates[target]] * 3 + [0.3] * 3)
            x_TBI[start : start + 20, sample] = (torch.rand(20, 6, generator=generator) < chance).float()
        return [Batch(x_TBI[:, part], targets[part]) for part in (slice(0, 150), slice(150, 200))]


class Parts(NamedTuple):
    data: Any


def metrics(data: Any, penalties: tuple[float, ...] = (0.01, PENALTY)) -> dict[str, float]:
    found: dict[str, float] = counts(Parts(data), None, None, penalties)["metrics"]
    return found


def test_rates_are_told_apart_and_times_are_not() -> None:
    assert metrics(Data((0.2, 0.6), (0, 0)))["test/accuracy"] > 0.95
    assert metrics(Data((0.4, 0.4), (0, 1)))["test/accuracy"] < 0.6  # of 200: three deviations above chance


def test_loss_is_the_minimum_of_the_penalised_one() -> None:
    data = Data((0.3, 0.4), (0, 0))
    (x, y), (x_test, y_test) = sums(data.loader("train")), sums(data.loader("test"))
    mean, sd = x.mean(0), x.std(0)

    def margins(weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (2 * y - 1) * ((x - mean) / sd @ weights[:-1] + weights[-1])

    def loss(weights: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
        return float(np.logaddexp(0, -margins(weights, x, y)).mean())

    best = minimize(lambda w: loss(w, x, y) + PENALTY / 2 * (w[:-1] ** 2).sum(), np.zeros(7)).x
    found = metrics(data, (PENALTY,))
    assert found["train/loss"] == pytest.approx(loss(best, x, y), abs=1e-4)
    assert found["test/loss"] == pytest.approx(loss(best, x_test, y_test), abs=1e-3)
    assert found["test/accuracy"] == (margins(best, x_test, y_test) > 0).mean()


def test_validation_takes_the_penalty() -> None:
    data = Data((0.38, 0.42), (0, 0))
    single = {penalty: metrics(data, (penalty,)) for penalty in (1e-4, 1.0, 100.0)}
    best = min(single, key=lambda penalty: single[penalty]["val/loss"])
    assert metrics(data, tuple(single)) == single[best]
    assert single[best]["penalty"] == best


@pytest.mark.parametrize("x", [torch.zeros(5, 4).long(), -torch.ones(5, 4, 3)], ids=["words", "negative"])
def test_what_cannot_be_counted_is_refused(x: Tensor) -> None:
    with pytest.raises(UserError, match=r"^procedure=counts: takes inputs that are never negative"):
        sums([Batch(x, torch.zeros(4).long())])
    with pytest.raises(UserError, match=r"^procedure=counts: takes inputs"):
        sums([Batch(x.abs().float(), torch.zeros(5, 4).long())])
    for penalties in ((), (0.0, 1.0)):
        with pytest.raises(OptionError, match=r"^penalties=\["):
            metrics(Data((0.2, 0.6), (0, 0)), penalties)


def test_command(command: Any, tmp_path: Path) -> None:
    ended = command("procedure=counts", f"paths.outputs={tmp_path}")
    assert ended.code == 0, ended.err
    (result,) = tmp_path.glob("runs/*/result.json")
    assert '"test/accuracy"' in result.read_text()
