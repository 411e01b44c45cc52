import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from snnexp.data.spoken_digits import SpokenDigits
from snnexp.data.trains import SpikeTrains, write_trains
from snnexp.errors import DataError, OptionError


def write(path: Path, samples: int) -> SpikeTrains:
    rng = np.random.default_rng(samples)
    trains = SpikeTrains(
        times=[np.sort(rng.uniform(0, 1.2, 300)).astype(np.float16) for _ in range(samples)],
        units=[rng.integers(0, 700, 300) for _ in range(samples)],
        labels=np.arange(samples) % 10,
        speakers=np.zeros(samples, np.int64),
        keys=tuple("0123456789"),
    )
    write_trains(path, trains)
    return trains


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "spoken_digits").mkdir()
    for name, samples in (("official_train", 30), ("official_test", 10), ("speaker_train", 25), ("speaker_test", 15)):
        write(tmp_path / "spoken_digits" / f"{name}.h5", samples)
    return tmp_path


def build(root: Path, **options: Any) -> SpokenDigits:
    return SpokenDigits(**{"root": root, "batch_size": 4, "seed": 0, "order_seed": 0, **options})


def test_splits(root: Path) -> None:
    assert [len(part) for part in build(root).splits] == [27, 3, 10]
    assert [len(part) for part in build(root, split="speaker", validation=0.2).splits] == [20, 5, 15]


def test_every_spike_is_in_its_bin(root: Path) -> None:
    trains = write(root / "spoken_digits" / "official_test.h5", 4)
    data = build(root, step_ms=4.0)
    (batch,) = data.splits.test.__getitems__([0, 1, 2, 3])
    expected = torch.zeros(250, 4, 700)
    for sample in range(4):
        for time, unit in zip(trains.times[sample].tolist(), trains.units[sample].tolist(), strict=True):
            if time < 1:
                expected[int(time * 1e6) // 4000, sample, unit] = 1
    assert torch.equal(batch.inputs, expected)
    assert batch.targets.tolist() == [0, 1, 2, 3]


def test_a_missing_file_says_how_it_is_made(root: Path) -> None:
    (root / "spoken_digits" / "speaker_test.h5").unlink()
    said = rf"speaker_test\.h5 cannot be read .* python scripts/encode_audio\.py WAVS {root}/spoken_digits$"
    with pytest.raises(DataError, match=said):
        build(root, split="speaker").setup()


def test_what_does_not_fit_is_named(root: Path) -> None:
    with pytest.raises(DataError, match=r"recording \d+ has label 5, there are 5 classes"):
        build(root, classes=5).setup()
    with pytest.raises(DataError, match=r"has an event in channel \d+, there are 99"):
        build(root, channels=99).setup()
    for option, value in (("split", "all"), ("channels", 0), ("step_ms", 0.0), ("validation", 0.0)):
        with pytest.raises(OptionError, match=f"^{option}={value}: "):
            build(root, **{option: value})


@pytest.mark.data
@pytest.mark.parametrize(("split", "sizes"), [("official", [2430, 270, 300]), ("speaker", [2250, 250, 500])])
def test_free_spoken_digit_dataset(split: str, sizes: list[int]) -> None:
    root = os.environ.get("SNNEXP_DATA")
    if root is None or not (Path(root) / "spoken_digits" / f"{split}_train.h5").exists():
        pytest.skip("SNNEXP_DATA does not name a folder with spoken_digits/, made by scripts/encode_audio.py")
    data = build(Path(root), split=split)
    assert [len(part) for part in data.splits] == sizes
    assert data.splits.test.targets.bincount().tolist() == [sizes[2] // 10] * 10
    assert 0.01 < data.input_moments()[0] < 0.1
