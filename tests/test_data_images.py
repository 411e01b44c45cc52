from pathlib import Path

import numpy as np
import pytest
import torch

from snnexp.data import fashion_mnist, mnist
from snnexp.data.fashion_mnist import FashionMnist
from snnexp.data.idx import read_labelled
from snnexp.data.images import Images, Scale, levels
from snnexp.data.mnist import Mnist
from snnexp.data.published import File, Published
from snnexp.errors import DataError, OptionError
from tests.published_files import real, write_gzipped, write_idx

DATA = {"mnist": (Mnist, mnist, "MNIST"), "fashion_mnist": (FashionMnist, fashion_mnist, "FASHION_MNIST")}
SIZES = {"train": 120, "t10k": 30}


@pytest.fixture(params=DATA)
def build(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """A small data set in the published layout, taken for the published one."""
    kind, module, constant = DATA[request.param]
    monkeypatch.setattr(module, constant, write_idx(tmp_path, request.param, SIZES))

    def make(**options: object) -> Mnist | FashionMnist:
        chosen = {"root": tmp_path, "validation_samples": 20, "batch_size": 10, "seed": 0, "order_seed": 0, **options}
        return kind(**chosen)  # type: ignore[no-any-return]

    return make


def test_splits_and_their_seed(build) -> None:  # type: ignore[no-untyped-def]
    data, other = build(), build(seed=1)
    assert [len(part) for part in data.splits] == [100, 20, 30]
    assert data.splits.val.targets.tolist() != other.splits.val.targets.tolist()
    rows = [
        sorted(part.pixels[sample].tobytes() for part in chosen.splits[:2] for sample in range(len(part)))
        for chosen in (data, other)
    ]
    assert rows[0] == rows[1]
    assert len(build(train_samples=17).splits.train) == 17


def test_standard_images_have_mean_0_and_variance_1_over_the_official_training_set(build) -> None:  # type: ignore[no-untyped-def]
    data = build(steps=2)
    x_TBI = torch.cat([part.frames(range(len(part))) for part in data.splits[:2]], 1).double()
    assert x_TBI.shape == (2, 120, 784)
    assert torch.equal(x_TBI[0], x_TBI[1])
    assert x_TBI.mean().item() == pytest.approx(0, abs=1e-6)
    assert x_TBI.var(correction=0).item() == pytest.approx(1, rel=1e-6)


@pytest.mark.parametrize(("scale", "low", "high"), [("unit", 0.0, 1.0), ("half", -1.0, 1.0)])
def test_scales_and_labels(build, scale: str, low: float, high: float) -> None:  # type: ignore[no-untyped-def]
    data = build(scale=scale)
    pixels, targets = data.read(train=False)
    x_TBI = data.splits.test.frames(range(30))
    expected = low + (high - low) * torch.from_numpy(pixels.copy()).flatten(1) / 255
    assert torch.allclose(x_TBI, expected.expand(3, -1, -1), atol=1e-7)
    assert data.splits.test.targets.tolist() == targets.tolist() == (pixels[:, 0, 0] % 10).tolist()


@pytest.mark.parametrize("scale", Scale)
def test_channels_come_first_and_moments_are_counted(scale: Scale) -> None:
    rng = np.random.default_rng(0)
    pixels = (rng.integers(0, 256, (9, 3, 16)) // np.array([1, 2, 5])[:, None]).astype(np.uint8)
    samples = Images(pixels, torch.zeros(9, dtype=torch.int64), levels(scale, pixels), 4)
    x_BCL = samples.frames(range(9))[0].unflatten(1, (3, 16)).double()
    if scale is Scale.STANDARD:
        assert torch.allclose(x_BCL.mean((0, 2)), torch.zeros(3, dtype=torch.float64), atol=1e-6)
        assert torch.allclose(x_BCL.std((0, 2), correction=0), torch.ones(3, dtype=torch.float64), atol=1e-6)
    expected = (x_BCL.mean().item(), x_BCL.square().mean().item())
    assert samples.moments() == pytest.approx(expected, abs=1e-6)
    part = samples.first(4)
    assert torch.equal(part.frames(range(4)), samples.frames(range(4)))
    assert len(part) == 4


def test_values_out_of_range_are_named(build) -> None:  # type: ignore[no-untyped-def]
    for option, value in {"scale": "zscore", "steps": 0, "validation_samples": 60000}.items():
        with pytest.raises(OptionError, match=f"^{option}={value}: "):
            build(**{option: value})


def test_labels_that_do_not_fit(tmp_path: Path) -> None:
    (tmp_path / "toy").mkdir()
    names = ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")
    for labels, said in ((np.zeros(4), "has 5 images, but 4 labels"), (np.full(5, 10), r"has label 10, .*\(0 to 9\)")):
        arrays = (np.zeros((5, 28, 28), np.uint8), labels.astype(np.uint8))
        sums = {
            name: File(write_gzipped(tmp_path / "toy" / name, array)) for name, array in zip(names, arrays, strict=True)
        }
        with pytest.raises(DataError, match=said):
            read_labelled(Published("toy", (), sums), tmp_path, "train")


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "mean", "sd", "train", "test", "first"),
    [
        (
            "mnist",
            0.1307,
            0.3081,
            [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949],
            [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009],
            [5, 0, 4, 1, 9, 2, 1, 3, 1, 4],
        ),
        ("fashion_mnist", 0.2860, 0.3530, [6000] * 10, [1000] * 10, [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]),
    ],
)
def test_real_files(name: str, mean: float, sd: float, train: list[int], test: list[int], first: list[int]) -> None:
    data = DATA[name][0](root=real(name), batch_size=10, seed=0, order_seed=0)
    pixels, targets = data.read(train=True)
    assert targets.bincount().tolist() == train
    assert targets[:10].tolist() == first
    assert data.read(train=False)[1].bincount().tolist() == test
    black, white = levels(Scale.STANDARD, pixels)[0, [0, 255]].tolist()
    assert -black / (white - black) == pytest.approx(mean, abs=5e-5)
    assert 1 / (white - black) == pytest.approx(sd, abs=5e-5)
    assert [len(part) for part in data.splits] == [55000, 5000, 10000]
    assert data.input_moments() == pytest.approx((0, 1), abs=2e-3)
