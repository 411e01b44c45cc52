from pathlib import Path

import numpy as np
import pytest
import torch

from snnexp.data import cifar10
from snnexp.data.cifar10 import Cifar10
from snnexp.data.images import Scale, levels
from snnexp.errors import DataError
from tests.published_files import real

NAMES = [*cifar10.TRAIN, *cifar10.TEST]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Batches of eight images, each labelled by its first red pixel."""
    monkeypatch.setattr(cifar10, "ROWS", 8)
    folder = tmp_path / "cifar10" / "cifar-10-batches-bin"
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in NAMES:
        rows = rng.integers(0, 256, (8, 3073)).astype(np.uint8)
        rows[:, 0] = rows[:, 1] % 10
        rows.tofile(folder / name)
    return folder


def build(root: Path, scale: str = "standard") -> Cifar10:
    chosen = Scale(scale)
    return Cifar10(root=root, scale=chosen, validation_samples=10, batch_size=4, seed=0, order_seed=0)


def test_channels_rows_columns(folder: Path) -> None:
    data = build(folder.parents[1], "unit")
    assert [len(part) for part in data.splits] == [30, 10, 8]
    content = np.fromfile(folder / "test_batch.bin", np.uint8).reshape(8, 3073)
    images = data.splits.test.frames(range(8))[0].unflatten(1, (3, 32, 32))
    # Red, green and blue planes of 1024 bytes, each row by row.
    for place in ((0, 0, 0, 0), (3, 1, 5, 7), (7, 2, 31, 31)):
        sample, channel, row, column = place
        assert images[place].item() * 255 == pytest.approx(content[sample, 1 + 1024 * channel + 32 * row + column])
    assert data.splits.test.targets.tolist() == (content[:, 1] % 10).tolist()


def test_damaged_and_missing_files_are_named(folder: Path) -> None:
    path, root = folder / "data_batch_3.bin", folder.parents[1]
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(DataError, match=rf"^{path} has 24583 bytes, not the 24584 of 8 labelled images"):
        build(root).setup()
    path.write_bytes(b"\x0a" + whole[1:])
    with pytest.raises(DataError, match=rf"^{path} has label 10, there are 10 classes \(0 to 9\)"):
        build(root).setup()
    path.unlink()
    with pytest.raises(DataError, match=rf"^{path} cannot be read \(No such.*fetch_data\.py cifar10 --root {root}"):
        build(root).setup()


@pytest.mark.data
def test_real_files() -> None:
    data = Cifar10(root=real("cifar10"), batch_size=10, seed=0, order_seed=0)
    pixels, targets = data.read(train=True)
    assert targets.bincount().tolist() == [5000] * 10
    assert targets[:10].tolist() == [6, 9, 9, 4, 1, 1, 2, 7, 8, 3]
    tests, labels = data.read(train=False)
    assert labels.bincount().tolist() == [1000] * 10
    assert labels[:10].tolist() == [3, 8, 8, 0, 6, 6, 1, 6, 3, 1]
    assert tests.shape == (10000, 3, 1024)
    assert pixels[0, :, 0].tolist() == [59, 62, 63]  # the upper left corner of the frog
    black_C, white_C = levels(Scale.STANDARD, pixels)[:, [0, 255]].unbind(1)
    mean_C = torch.tensor([0.4914, 0.4822, 0.4465], dtype=torch.float64)
    sd_C = torch.tensor([0.2470, 0.2435, 0.2616], dtype=torch.float64)
    assert torch.allclose(-black_C / (white_C - black_C), mean_C, atol=6e-5)
    assert torch.allclose(1 / (white_C - black_C), sd_C, atol=6e-5)
