from pathlib import Path

import numpy as np
import pytest
import torch

from snnexp.data.dvs_gesture import DvsGesture
from snnexp.errors import DataError, OptionError
from tests.published_files import tonic_frames

PARTS = {"ibmGestureTrain": ["user01_led", "user02_fluorescent"], "ibmGestureTest": ["user24_natural"]}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for part, sessions in PARTS.items():
        for session in sessions:
            folder = tmp_path / "DVSGesture" / part / session
            folder.mkdir(parents=True)
            for gesture in range(11):
                columns = [rng.integers(0, most, 500) for most in (128, 128, 2)]
                rows = np.stack([*columns, np.sort(rng.integers(0, 700, 500))], 1)
                np.save(folder / f"{gesture}.npy", rows)
    return tmp_path


def build(root: Path, **options: object) -> DvsGesture:
    chosen = {"root": root, "batch_size": 4, "seed": 0, "order_seed": 0, **options}
    return DvsGesture(**chosen)  # type: ignore[arg-type]


def test_read_as_tonic_reads_it(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import numpy.lib.recfunctions  # noqa: F401  tonic uses it without importing it
    from tonic.datasets import DVSGesture  # type: ignore[import-untyped]

    monkeypatch.setattr(DVSGesture, "_check_exists", lambda self: True)  # it wants the archive and 100 files
    theirs = DVSGesture(save_to=str(root), train=False)
    ours = build(root, downsample=1).splits.test
    assert len(theirs) == len(ours) == 11
    by_class = {int(ours.targets[sample]): sample for sample in range(11)}
    for events, target in (theirs[sample] for sample in range(11)):
        expected = tonic_frames(events, DVSGesture.sensor_size, 1000, 500)
        assert torch.equal(ours.frames([by_class[target]])[:, 0], expected)


def test_downsampling_and_merging_are_what_they_say(root: Path) -> None:
    whole = build(root, downsample=1).splits.test.frames(range(11)).unflatten(2, (2, 128, 128))
    data = build(root)
    blocks = whole.unflatten(4, (32, 4)).unflatten(3, (32, 4)).amax((4, 6))
    assert torch.equal(data.splits.test.frames(range(11)), blocks.flatten(2))
    assert data.inputs == 2048
    merged = build(root, merge_polarity=True)
    assert torch.equal(merged.splits.test.frames(range(11)), blocks.amax(2).flatten(2))
    assert merged.inputs == 1024


def test_splits(root: Path) -> None:
    data = build(root, validation=0.25, steps=20)
    assert [len(part) for part in data.splits] == [16, 6, 11]
    both = torch.cat([data.splits.train.targets, data.splits.val.targets])
    assert both.bincount().tolist() == [2] * 11


def damage(path: Path, what: str) -> None:
    rows = np.load(path)
    if what == "cut":
        path.write_bytes(path.read_bytes()[:300])
    elif what == "empty":
        path.write_bytes(b"")
    elif what == "pickle":
        np.save(path, np.array([{"a": 1}]), allow_pickle=True)
    elif what == "columns":
        np.save(path, rows[:, :3])
    else:
        rows[7, "xyp".index(what)] = 128
        np.save(path, rows)


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("cut", "cannot be read as an array: "),
        ("empty", "is empty; "),
        ("pickle", "cannot be read as an array: Object arrays cannot be loaded"),
        ("columns", "is not an array of four columns"),
        ("x", "has an event at x=128, outside 0 to 127"),
        ("y", "has an event at y=128, outside 0 to 127"),
        ("p", "has an event at p=128, outside 0 to 1"),
    ],
)
def test_a_damaged_recording_is_named(root: Path, what: str, said: str) -> None:
    path = root / "DVSGesture" / "ibmGestureTrain" / "user02_fluorescent" / "3.npy"
    damage(path, what)
    with pytest.raises(DataError, match=rf"^{path} {said}"):
        build(root, steps=20).setup()


def test_a_name_that_is_no_class(root: Path) -> None:
    folder = root / "DVSGesture" / "ibmGestureTest" / "user24_natural"
    (folder / "3.npy").rename(folder / "13.npy")
    with pytest.raises(DataError, match=r"13\.npy has label 13, there are 11 classes \(0 to 10\)"):
        build(root, steps=20).setup()
    (folder / "13.npy").rename(folder / "wave.npy")
    with pytest.raises(DataError, match=r"wave\.npy is not named by its class"):
        build(root, steps=20).setup()


def test_missing_files_and_values_out_of_range_are_named(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"no folder .*DVSGesture/ibmGestureTrain; set paths\.data, or .*fetch_data\.py dvs_gesture"
    ):
        build(tmp_path).setup()
    for value in (0, 3, 256):
        with pytest.raises(OptionError, match=f"^downsample={value}: must divide"):
            build(tmp_path, downsample=value)
