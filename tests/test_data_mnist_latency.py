import math
from pathlib import Path

import pytest
import torch

from snnexp.data import mnist_latency
from snnexp.data.encoding import NEVER
from snnexp.data.mnist_latency import MnistLatency
from snnexp.errors import OptionError
from tests.published_files import real, write_idx


def build(root: Path, **options: float) -> MnistLatency:
    chosen = {"root": root, "validation_samples": 20, "batch_size": 10, "seed": 0, "order_seed": 0, **options}
    return MnistLatency(**chosen)  # type: ignore[arg-type]


@pytest.mark.parametrize("threshold", [0.1, 0.2])
def test_a_pixel_spikes_in_the_step_that_its_latency_falls_into(tmp_path: Path, threshold: float) -> None:
    times = build(tmp_path, threshold=threshold).time_of_pixel.tolist()
    for pixel in range(256):
        x = pixel / 255
        if x <= threshold:
            assert times[pixel] == NEVER
        else:
            latency = 50 * math.log(x / (x - threshold))
            assert times[pixel] == (math.floor(latency) if latency < 100 else NEVER)


def test_splits_and_spikes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist_latency, "MNIST", write_idx(tmp_path, "mnist", {"train": 120, "t10k": 30}))
    data = build(tmp_path)
    assert [len(part) for part in data.splits] == [100, 20, 30]
    x_TBI = data.splits.test.frames(range(30))
    assert x_TBI.shape == (100, 30, 784)
    assert x_TBI.sum(0).max() == 1
    first = x_TBI[:, :, 0].argmax(0)  # a test image's label is its first pixel modulo 10
    for sample in range(30):
        if x_TBI[:, sample, 0].any():
            brightness = (data.time_of_pixel == first[sample]).nonzero().flatten()
            assert data.splits.test.targets[sample] in brightness % 10


def test_values_out_of_range_are_named(tmp_path: Path) -> None:
    for option, value in {"tau": 0.0, "steps": 0, "validation_samples": 0}.items():
        with pytest.raises(OptionError, match=f"^{option}={value}: "):
            build(tmp_path, **{option: value})


@pytest.mark.data
def test_real_files() -> None:
    data = build(real("mnist"), validation_samples=5000)
    assert [len(part) for part in data.splits] == [55000, 5000, 10000]
    assert data.splits.test.targets[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
    images, _ = mnist_latency.read_labelled(mnist_latency.MNIST, data.root, "t10k")
    visible = torch.from_numpy(images[:100].copy()) > 0.1 * 255 / (
        1 - math.exp(-2)
    )  # those that spike within 100 steps
    assert torch.equal(data.splits.test.frames(range(100)).sum(0) > 0, visible)
