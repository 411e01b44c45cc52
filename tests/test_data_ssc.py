from pathlib import Path

import pytest
import torch

from snnexp.data.ssc import Ssc
from snnexp.errors import DataError, OptionError
from tests.published_files import tonic_frames, write_heidelberg

SIZES = {"train": 12, "valid": 5, "test": 6}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for seed, (part, samples) in enumerate(SIZES.items()):
        write_heidelberg(tmp_path / "SSC" / f"ssc_{part}.h5", samples, 35, seed)
    return tmp_path


def build(root: Path, seed: int = 0, step_ms: float = 4.0) -> Ssc:
    return Ssc(root=root, step_ms=step_ms, batch_size=4, seed=seed, order_seed=0)


@pytest.mark.parametrize(("split", "part"), [("val", "valid"), ("test", "test")])
def test_read_as_tonic_reads_it(root: Path, split: str, part: str) -> None:
    from tonic.datasets import SSC  # type: ignore[import-untyped]

    (root / "SSC" / f"ssc_{part}.h5.zip").touch()  # tonic goes to the network for an archive that it does not see
    data = build(root)
    ours, theirs = getattr(data.splits, split), SSC(save_to=str(root), split=part)
    assert len(ours) == len(theirs) == SIZES[part]
    for sample in range(len(ours)):
        events, target = theirs[sample]
        assert torch.equal(ours.frames([sample])[:, 0], tonic_frames(events, SSC.sensor_size, 4000, data.steps))
        assert target == ours.targets[sample]


def test_splits_are_official_and_the_training_order_is_drawn(root: Path) -> None:
    data, other = build(root), build(root, seed=1)
    assert (data.inputs, data.classes, data.steps) == (700, 35, 250)
    assert [len(part) for part in data.splits] == list(SIZES.values())
    assert data.splits.train.targets.tolist() != other.splits.train.targets.tolist()
    assert sorted(data.splits.train.targets.tolist()) == sorted(other.splits.train.targets.tolist())
    assert torch.equal(data.splits.val.frames(range(5)), other.splits.val.frames(range(5)))


def test_a_missing_file_and_values_out_of_range_are_named(root: Path) -> None:
    (root / "SSC" / "ssc_valid.h5").unlink()
    with pytest.raises(DataError, match=r"ssc_valid\.h5 cannot be read \(No such file.*fetch_data\.py ssc --root"):
        build(root).setup()
    with pytest.raises(OptionError, match=r"^duration_ms=1000\.0: must be whole steps of 3 ms"):
        build(root, step_ms=3.0)
