"""Poisson spike trains as a data set."""

from typing import Any

import pytest
import torch

from snnexp.data.poisson import Poisson
from snnexp.errors import OptionError


def poisson(**options: Any) -> Poisson:
    sizes = {"inputs": 100, "classes": 7, "steps": 200, "rate": 0.05, "samples": 10, "batch_size": 10}
    return Poisson(**{**sizes, "seed": 0, "order_seed": 0, **options})


def test_spikes_are_as_frequent_as_asked_and_independent() -> None:
    x_TBI = next(iter(poisson().train_inputs()))
    assert x_TBI.shape == (200, 10, 100)
    assert set(x_TBI.unique().tolist()) == {0.0, 1.0}
    assert x_TBI.mean().item() == pytest.approx(0.05, abs=4.5 * (0.05 * 0.95 / x_TBI.numel()) ** 0.5)
    counts = x_TBI.sum(0)
    assert (counts.var() / counts.mean()).item() == pytest.approx(0.95, abs=0.2)
    assert (x_TBI[1:] * x_TBI[:-1]).mean().item() == pytest.approx(0.05**2, rel=0.15)


def test_each_seed_has_its_own() -> None:
    x_TBI, again, other = (next(iter(poisson(seed=seed).train_inputs())) for seed in (1, 1, 2))
    assert torch.equal(x_TBI, again)
    assert not torch.equal(x_TBI, other)
    data = poisson()
    assert not torch.equal(data.splits.train.frames([0]), data.splits.test.frames([0]))
    assert int(data.splits.train.targets.max()) < 7


@pytest.mark.parametrize(("option", "value"), [("rate", 1.5), ("rate", -0.1), ("steps", 0), ("inputs", 0)])
def test_values_out_of_range(option: str, value: float) -> None:
    with pytest.raises(OptionError, match=rf"^{option}={value}"):
        poisson(**{option: value})
