from math import pi, sin

import numpy as np
import pytest
import torch

from snnexp.data.randman import Randman, Spectrum, harmonics, manifold
from snnexp.data.samples import OneSpike
from snnexp.errors import OptionError


def small(seed: int = 0, order_seed: int = 0, spectrum: Spectrum = Spectrum.PAPER, classes: int = 3) -> list[OneSpike]:
    data = Randman(
        spectrum=spectrum,
        alpha=2.0,
        inputs=5,
        classes=classes,
        class_samples=200,
        batch_size=16,
        seed=seed,
        order_seed=order_seed,
    )
    return [part for part in data.splits if isinstance(part, OneSpike)]


def test_paper_spectrum() -> None:
    k, weights = harmonics(Spectrum.PAPER, 1.0)
    assert k.tolist() == list(range(1, 1001))
    assert weights.tolist() == [1 / k for k in range(1, 1001)]


def test_code_spectrum() -> None:
    k, weights = harmonics(Spectrum.CODE, 1.0)
    assert k.tolist() == list(range(1000))
    assert weights.tolist() == [0, *(1 / (k + 2) for k in range(1, 1000))]


@pytest.mark.parametrize(("alpha", "terms"), [(0.5, 1000), (1.0, 1000), (2.0, 32), (3.0, 10)])
def test_number_of_terms(alpha: float, terms: int) -> None:
    assert len(harmonics(Spectrum.PAPER, alpha)[0]) == len(harmonics(Spectrum.CODE, alpha)[0]) == terms


@pytest.mark.parametrize("spectrum", list(Spectrum))
def test_manifold_is_the_product_of_series(spectrum: Spectrum) -> None:
    rng = np.random.default_rng(0)
    k, weights = harmonics(spectrum, 3.0)
    theta, x = rng.random((3, 4, 2, len(k))), rng.random((6, 2))
    found = manifold(torch.from_numpy(x), torch.from_numpy(theta), k, weights)
    for sample in range(6):
        for channel in range(4):
            product = 1.0
            for dim in range(2):
                a, b, c = theta[:, channel, dim]
                product *= sum(
                    weights[n].item() * a[n] * sin(2 * pi * (k[n].item() * x[sample, dim] * b[n] + c[n]))
                    for n in range(len(k))
                )
            assert found[sample, channel].item() == pytest.approx(product, abs=1e-12)


@pytest.mark.parametrize("spectrum", list(Spectrum))
def test_one_spike_a_channel_over_the_whole_window(spectrum: Spectrum) -> None:
    times = torch.cat([part.times for part in small(spectrum=spectrum)])
    targets = torch.cat([part.targets for part in small(spectrum=spectrum)])
    for label in range(3):
        of_class = times[targets == label]
        assert of_class.amin(0).tolist() == [0] * 5
        assert of_class.amax(0).tolist() == [49] * 5


def test_published_sizes_and_moments() -> None:
    data = Randman(alpha=3.0, batch_size=128, seed=0, order_seed=0)
    assert (data.inputs, data.classes, data.steps) == (20, 10, 100)
    for part, samples in zip(data.splits, (800, 100, 100), strict=True):
        assert part.targets.bincount().tolist() == [samples] * 10
    assert data.input_moments() == (0.01, 0.01)
    assert len(set(data.splits.train.targets[:50].tolist())) == 10  # mixed: the first n are a fair part


def test_seed_alone_makes_the_samples() -> None:
    one, same, other = small(), small(order_seed=7), small(seed=1)
    for part, again, another in zip(one, same, other, strict=True):
        assert torch.equal(part.times, again.times)
        assert torch.equal(part.targets, again.targets)
        assert not torch.equal(part.times, another.times)


def test_classes_are_different_manifolds() -> None:
    train, *_ = small()
    means = torch.stack([train.times[train.targets == label].double().mean(0) for label in range(3)])
    assert torch.pdist(means).min() > 5


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("spectrum", "white"),
        ("alpha", 0.0),
        ("dims", 0),
        ("inputs", 0),
        ("classes", 0),
        ("class_samples", 9),
        ("steps", 0),
        ("tau", 0),
        ("tau", 101),
    ],
)
def test_values_out_of_range_are_named(option: str, value: object) -> None:
    with pytest.raises(OptionError, match=f"^{option}={value}: "):
        Randman(**{"batch_size": 8, "seed": 0, "order_seed": 0, option: value})  # type: ignore[arg-type]
