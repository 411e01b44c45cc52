"""Gaussian noise as a data set."""

from typing import Any

import pytest
import torch

from snnexp.data.noise import Noise
from snnexp.errors import OptionError


def noise(**options: Any) -> Noise:
    return Noise(**{"batch_size": 50, "seed": 0, "order_seed": 0, **options})


@pytest.mark.parametrize("drawn", ["once", "every_step"])
def test_values_are_standard_normal(drawn: str) -> None:
    data = noise(inputs=200, steps=4, drawn=drawn)
    x_TBI = next(iter(data.train_inputs()))
    assert x_TBI.shape == (4, 50, 200)
    assert x_TBI.dtype == torch.float32
    size = x_TBI.numel() // (4 if drawn == "once" else 1)
    values = x_TBI[0] if drawn == "once" else x_TBI
    assert values.mean().item() == pytest.approx(0, abs=4.5 / size**0.5)
    assert values.var().item() == pytest.approx(1, abs=4.5 * (2 / size) ** 0.5)
    assert values.double().pow(4).mean().item() == pytest.approx(3, abs=4.5 * (96 / size) ** 0.5)
    mean, square = data.input_moments()
    assert (abs(mean), abs(square - 1)) < (0.02, 0.03)


def test_one_vector_is_shown_at_every_step_or_a_fresh_one() -> None:
    once, fresh = (next(iter(noise(steps=3, drawn=drawn).train_inputs())) for drawn in ("once", "every_step"))
    assert torch.equal(once[0], once[1])
    assert torch.equal(once[0], once[2])
    assert not (fresh[0] == fresh[1]).any()


def test_each_seed_split_and_sample_has_its_own() -> None:
    x_TBI, again, other = (next(iter(noise(seed=seed).train_inputs())) for seed in (1, 1, 2))
    assert torch.equal(x_TBI, again)
    assert not (x_TBI == other).any()
    assert not (x_TBI[0, 0] == x_TBI[0, 1]).any()
    splits = noise().splits
    assert not (splits.train.frames([0]) == splits.test.frames([0])).any()


def test_input_is_not_what_the_weights_are_drawn_from() -> None:
    torch.manual_seed(3)
    weights = torch.randn(100)
    x_TBI = next(iter(noise(seed=3).train_inputs()))
    assert abs(torch.corrcoef(torch.stack([weights, x_TBI[0, 0]]))[0, 1]) < 0.45


def test_targets_are_drawn_from_all_classes() -> None:
    data = noise(classes=3, samples=300)
    counts = torch.bincount(data.splits.train.targets, minlength=3)
    assert len(counts) == 3
    assert ((counts - 100).abs() < 40).all()


def test_refused() -> None:
    with pytest.raises(OptionError, match=r"^drawn=never: must be one of once, every_step$"):
        noise(drawn="never")
    with pytest.raises(OptionError, match=r"^steps=0: "):
        noise(steps=0)
