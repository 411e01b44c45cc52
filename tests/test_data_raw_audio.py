import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.io import wavfile

from snnexp.audio.mel import MelFrontEnd
from snnexp.data.raw_audio import HeldFrames, RawAudio
from snnexp.errors import DataError, OptionError


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Noise by two speakers, five recordings each of two labels for testing and five for training."""
    rng = np.random.default_rng(0)
    (tmp_path / "fsdd" / "recordings").mkdir(parents=True)
    for label in (0, 1):
        for speaker in ("ann", "bob"):
            for number in range(10):
                sound = rng.integers(-9000, 9000, 3000 + 500 * number).astype(np.int16)
                wavfile.write(tmp_path / "fsdd" / "recordings" / f"{label}_{speaker}_{number}.wav", 8000, sound)
    return tmp_path


def build(root: Path, **options: Any) -> RawAudio:
    return RawAudio(**{"root": root, "classes": 2, "batch_size": 4, "seed": 0, "order_seed": 0, **options})


def test_frames_are_held() -> None:
    features = torch.arange(2 * 80 * 3.0).reshape(2, 80, 3)
    x_TBI = HeldFrames(features, torch.zeros(2).long(), 400).frames([1, 0])
    assert x_TBI.shape == (400, 2, 3)
    for step in range(400):
        shown = int(np.linspace(0, 79, 400)[step])
        assert torch.equal(x_TBI[step], features[[1, 0], shown])


def test_splits_and_values(root: Path) -> None:
    data = build(root)
    assert (data.inputs, data.classes, data.steps) == (40, 2, 400)
    assert [len(part) for part in data.splits] == [18, 2, 20]
    test = data.splits.test
    assert isinstance(test, HeldFrames)
    assert test.targets.tolist() == [0] * 10 + [1] * 10
    _, sound = wavfile.read(root / "fsdd" / "recordings" / "0_bob_2.wav")
    expected = 0.2 * MelFrontEnd().features(sound / 2.0**15, 8000, 80)
    assert test.features[7].numpy() == pytest.approx(expected, abs=1e-6)
    mean, square = data.input_moments()
    assert mean == pytest.approx(0, abs=0.01)
    assert square == pytest.approx(0.04, rel=0.05)
    other = build(root, seed=1).splits
    assert isinstance(other.val, HeldFrames)
    assert not torch.equal(other.val.features, data.splits.val.features)  # type: ignore[attr-defined]


def test_speakers_are_held_out(root: Path) -> None:
    assert [len(part) for part in build(root, split="speaker").splits] == [18, 2, 20]
    last, ann = (build(root, split="speaker", held_out=names).splits.test for names in (None, ["ann"]))
    assert not torch.equal(last.features, ann.features)  # type: ignore[attr-defined]


def test_what_does_not_fit_is_named(root: Path) -> None:
    with pytest.raises(DataError, match=r"recordings has 2 labels, but dataset\.classes=10$"):
        build(root, classes=10).setup()
    with pytest.raises(DataError, match=r"^no folder .*/elsewhere; set paths\.data and dataset\.folder, or get"):
        build(root, folder="elsewhere").setup()
    for option, value in (("split", "nobody"), ("frames", 0), ("filters", 0), ("steps", 0), ("validation", 1.0)):
        with pytest.raises(OptionError, match=f"^{option}={value}: "):
            build(root, **{option: value})


@pytest.mark.data
def test_free_spoken_digit_dataset() -> None:
    folder = os.environ.get("SNNEXP_DATA")
    if folder is None or not (Path(folder) / "fsdd" / "recordings").is_dir():
        pytest.skip("SNNEXP_DATA does not name a folder with fsdd/recordings/")
    data = build(Path(folder), classes=10)
    assert [len(part) for part in data.splits] == [2430, 270, 300]
    assert data.splits.test.targets.bincount().tolist() == [30] * 10
    assert data.input_moments() == pytest.approx((0, 0.04), abs=0.002)
