from pathlib import Path

import numpy as np
import pytest
import torch

from snnexp.data.nmnist import Nmnist, read_bin
from snnexp.errors import DataError, OptionError
from tests.published_files import real, tonic_frames


def encoded(x: np.ndarray, y: np.ndarray, p: np.ndarray, t: np.ndarray) -> bytes:
    columns = [x, y, p << 7 | t >> 16, t >> 8 & 255, t & 255]
    return np.stack(columns, 1).astype(np.uint8).tobytes()


def random_events(rng: np.random.Generator, count: int = 300) -> tuple[np.ndarray, ...]:
    x, y, p = (rng.integers(0, most, count) for most in (34, 34, 2))
    return x, y, p, np.sort(rng.integers(0, 330_000, count))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for part, samples in {"Train": 3, "Test": 1}.items():
        for digit in range(10):
            folder = tmp_path / "NMNIST" / part / str(digit)
            folder.mkdir(parents=True)
            for number in range(samples):
                (folder / f"{number:05d}.bin").write_bytes(encoded(*random_events(rng)))
    return tmp_path


def build(root: Path, **options: object) -> Nmnist:
    return Nmnist(**{"root": root, "batch_size": 4, "seed": 0, "order_seed": 0, **options})  # type: ignore[arg-type]


def test_read_as_tonic_reads_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tonic.datasets import NMNIST  # type: ignore[import-untyped]

    monkeypatch.setattr(NMNIST, "_check_exists", lambda self: True)  # it wants all 70,000 files
    theirs = NMNIST(save_to=str(root), train=False)
    ours = build(root, crop=False, merge_polarity=False).splits.test
    assert len(theirs) == len(ours) == 10
    for sample in range(10):
        events, target = theirs[sample]
        expected = tonic_frames(events, NMNIST.sensor_size, 1000, 300)
        assert torch.equal(ours.frames([sample])[:, 0], expected)
        assert target == ours.targets[sample]


def test_crop_and_merge_are_what_they_say(root: Path) -> None:
    whole = build(root, crop=False, merge_polarity=False).splits.test
    x_TBCHW = whole.frames(range(10)).unflatten(2, (2, 34, 34))
    for crop, merge in ((True, True), (True, False), (False, True)):
        data = build(root, crop=crop, merge_polarity=merge)
        expected = x_TBCHW[..., 3:31, 3:31] if crop else x_TBCHW
        expected = expected.amax(2) if merge else expected
        assert torch.equal(data.splits.test.frames(range(10)), expected.flatten(2))
        assert data.inputs == (28 if crop else 34) ** 2 * (1 if merge else 2)


def test_steps_are_the_first_ones(root: Path) -> None:
    whole, few = build(root), build(root, steps=3)
    assert torch.equal(few.splits.test.frames(range(10)), whole.splits.test.frames(range(10))[:3])
    wide = build(root, steps=30, step_ms=10.0).splits.test.frames(range(10))
    assert torch.equal(wide, whole.splits.test.frames(range(10)).unflatten(0, (30, 10)).amax(1))


def test_standard_is_the_same_frames_with_mean_0_and_variance_1(root: Path) -> None:
    plain, standard = build(root), build(root, scale="standard")
    x, y = (
        np.concatenate([split.frames(range(len(split))).numpy().ravel() for split in data.splits[:2]])
        for data in (plain, standard)
    )
    assert (y.mean(), y.var()) == pytest.approx((0, 1), abs=1e-5)
    assert np.allclose(y, (x - x.mean()) / x.std(), atol=1e-5)
    assert standard.splits.test.frames([0]).max() == pytest.approx(y.max())


def test_the_clock_runs_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from tonic.io import read_mnist_file  # type: ignore[import-untyped]

    x, y, p, t = random_events(np.random.default_rng(1), 9)
    y[[2, 5, 6]] = 240
    (tmp_path / "a.bin").write_bytes(encoded(x, y, p, t % 8000))
    ours = read_bin(tmp_path / "a.bin")
    dtype = np.dtype([("x", int), ("y", int), ("t", int), ("p", int)])
    theirs = read_mnist_file(str(tmp_path / "a.bin"), dtype)
    assert ours.times.max() > 2**14
    assert len(ours.times) == 6
    for name, values in (("t", ours.times), ("x", ours.x), ("y", ours.y), ("p", ours.polarity)):
        assert theirs[name].tolist() == values.tolist()


def test_splits_and_their_seed(root: Path) -> None:
    data, other = build(root, validation=0.2), build(root, validation=0.2, seed=1)
    assert [len(part) for part in data.splits] == [24, 6, 10]
    assert data.splits.val.targets.tolist() != other.splits.val.targets.tolist()
    both = torch.cat([data.splits.train.targets, data.splits.val.targets])
    assert both.bincount().tolist() == [3] * 10


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty; no published recording is"),
        (b"1234567", "is cut off: 7 bytes are no whole events of 5 bytes"),
        (bytes([34, 0, 0, 0, 9]), "has an event at x=34, outside 0 to 33"),
        (bytes([0, 99, 0, 0, 9]), "has an event at y=99, outside 0 to 33"),
    ],
)
def test_a_damaged_recording_is_named(root: Path, content: bytes, said: str) -> None:
    path = root / "NMNIST" / "Train" / "4" / "00001.bin"
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"^{path} {said}"):
        build(root).setup()


def test_missing_files_name_where_they_are_to_be_had(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"^paths\.data=.*no folder .*NMNIST/Train; set paths\.data, or .*fetch_data\.py nmnist"
    ):
        build(tmp_path).setup()
    (tmp_path / "nmnist" / "Train").mkdir(parents=True)
    with pytest.raises(DataError, match=r"nmnist/Train has no recordings"):
        build(tmp_path).setup()


def test_values_out_of_range_are_named(tmp_path: Path) -> None:
    for option, value in {"steps": 0, "step_ms": 0.0, "validation": 0.0}.items():
        with pytest.raises(OptionError, match=f"^{option}={value}: "):
            build(tmp_path, **{option: value})


@pytest.mark.data
def test_real_files() -> None:
    data = build(real("nmnist"), merge_polarity=False, crop=False, steps=340)
    train, val, test = data.splits
    assert (train.targets.bincount(minlength=10) + val.targets.bincount(minlength=10)).min() > 50
    assert test.targets.bincount(minlength=10).min() > 0
    path = min((data.root / "nmnist" / "Test").glob("*/*.bin"))
    events = read_bin(path)
    assert (np.diff(events.times) >= 0).all()
    assert len(events.times) == path.stat().st_size / 5
    # Three saccades of 105 ms, each of which brightens and darkens pixels.
    assert 290_000 < events.times[-1] < 340_000
    assert 0.4 < events.polarity.mean() < 0.6
    assert 1000 < train.frames(range(50)).sum() / 50 < 8000
