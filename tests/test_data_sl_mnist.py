import gzip
import os
from hashlib import md5
from pathlib import Path

import numpy as np
import pytest
import torch

from snnexp.data import sl_mnist
from snnexp.data.encoding import NEVER, latency
from snnexp.data.idx import read_idx
from snnexp.data.published import MNIST, File, Published
from snnexp.data.samples import OneSpike
from snnexp.data.sl_mnist import SlMnist, SlMnistEncoding, Unrolled
from snnexp.errors import DataError, OptionError


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with 300 and 40 images in the published layout, taken for the published ones."""
    (tmp_path / "mnist").mkdir()
    rng = np.random.default_rng(0)
    sums = {}
    for part, samples in {"train": 300, "t10k": 40}.items():
        images = rng.integers(0, 256, (samples, 28, 28), np.uint8)
        labels = (images[:, 0, 0] % 10).astype(np.uint8)
        for kind, values in {"images-idx3": images, "labels-idx1": labels}.items():
            header = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
            content = gzip.compress(header + values.tobytes(), 1)
            (tmp_path / "mnist" / f"{part}-{kind}-ubyte.gz").write_bytes(content)
            sums[f"{part}-{kind}-ubyte.gz"] = File(md5(content).hexdigest())
    monkeypatch.setattr(sl_mnist, "MNIST", Published("mnist", (), sums))
    return tmp_path


def build(
    root: Path, encoding: str = "paper", seed: int = 0, validation_samples: int = 60, train_samples: int | None = 200
) -> SlMnist:
    return SlMnist(
        root=root,
        encoding=encoding,  # type: ignore[arg-type]
        validation_samples=validation_samples,
        batch_size=16,
        seed=seed,
        order_seed=0,
        train_samples=train_samples,
    )


def spikes(data: SlMnist) -> list[OneSpike]:
    return [part for part in data.splits if isinstance(part, OneSpike)]


def test_splits(root: Path) -> None:
    assert [len(part) for part in spikes(build(root))] == [200, 60, 40]
    whole = spikes(build(root, train_samples=None))
    assert [len(part) for part in whole] == [240, 60, 40]
    other = spikes(build(root, train_samples=None, seed=1))
    assert not torch.equal(whole[1].times, other[1].times)
    assert torch.equal(whole[2].times, other[2].times)
    rows = [sorted(torch.cat([part.times for part in parts[:2]]).tolist()) for parts in (whole, other)]
    assert rows[0] == rows[1]


@pytest.mark.parametrize("encoding", list(SlMnistEncoding))
def test_images_keep_their_labels_and_become_latencies(root: Path, encoding: SlMnistEncoding) -> None:
    test = spikes(build(root, encoding))[2]
    content = gzip.decompress((root / "mnist" / "t10k-images-idx3-ubyte.gz").read_bytes())
    images = torch.tensor(list(content[16:])).reshape(40, 784)
    x = images.double() / 255
    expected = latency(x, 50, 0.2, 100) if encoding is SlMnistEncoding.PAPER else latency(50 * x, 500, 0.2, 100)
    assert torch.equal(test.times, expected)
    assert test.targets.tolist() == (images[:, 0] % 10).tolist()


def test_code_reshapes_where_it_should_transpose() -> None:
    times = torch.randint(NEVER, 100, (6, 784), generator=torch.Generator().manual_seed(0), dtype=torch.int16)
    samples = Unrolled(times, torch.zeros(6, dtype=torch.int64), 100)
    one_hot_BIT = (times[:, :, None] == torch.arange(100)).float()
    assert torch.equal(samples.frames(range(6)), one_hot_BIT.reshape(6, 100, 784).transpose(0, 1))
    assert samples.moments() == OneSpike.moments(samples) == (samples.frames(range(6)).double().mean().item(),) * 2


def test_encodings_have_frames_of_their_own(root: Path) -> None:
    paper, code = build(root).splits.train, build(root, "code").splits.train
    assert type(paper) is OneSpike
    assert type(code) is Unrolled


def test_missing_folder_names_the_option_and_the_command(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"paths.data.*python scripts/fetch_data.py mnist --root {tmp_path}$"):
        build(tmp_path).setup()


@pytest.mark.parametrize(
    ("option", "value"),
    [("encoding", "rate"), ("validation_samples", 0), ("validation_samples", 60000), ("tau", 0.0), ("steps", 0)],
)
def test_values_out_of_range_are_named(tmp_path: Path, option: str, value: object) -> None:
    with pytest.raises(OptionError, match=f"^{option}={value}: "):
        SlMnist(**{"root": tmp_path, "batch_size": 8, "seed": 0, "order_seed": 0, option: value})  # type: ignore[arg-type]


@pytest.fixture
def real_root() -> Path:
    if "SNNEXP_DATA" not in os.environ:
        pytest.skip("SNNEXP_DATA does not name a folder with mnist/")
    return Path(os.environ["SNNEXP_DATA"])


@pytest.mark.data
@pytest.mark.parametrize(("encoding", "mean", "count"), [("paper", 0.001581, 124), ("code", 0.001876, 147)])
def test_mean_input_of_the_sixty_thousand(real_root: Path, encoding: str, mean: float, count: int) -> None:
    time_of_pixel = build(real_root, encoding).time_of_pixel
    images = read_idx(MNIST, real_root, "train-images-idx3-ubyte.gz")
    spiking = np.bincount(images.ravel(), minlength=256)[(time_of_pixel != NEVER).numpy()].sum()
    assert spiking / (images.size * 100) == pytest.approx(mean, abs=5e-7)
    assert round(spiking / 60000) == count


@pytest.mark.data
def test_real_files(real_root: Path) -> None:
    data = build(real_root, validation_samples=5000, train_samples=45000)
    assert [len(part) for part in data.splits] == [45000, 5000, 10000]
    mean, square = data.input_moments()
    assert mean == square == pytest.approx(0.001581, rel=2e-3)
    assert data.splits.test.targets[:10].tolist() == [7, 2, 1, 0, 4, 1, 4, 9, 5, 9]
