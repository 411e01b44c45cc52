from pathlib import Path

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest

from snnexp.data.heidelberg import read_heidelberg
from snnexp.data.trains import SpikeTrains, read_made_of, write_trains


def trains(samples: int, seed: int = 0) -> SpikeTrains:
    rng = np.random.default_rng(seed)
    return SpikeTrains(
        times=[np.sort(rng.uniform(0, 1.3, 50 * row)) for row in range(samples)],
        units=[rng.integers(0, 700, 50 * row) for row in range(samples)],
        labels=rng.integers(0, 3, samples),
        speakers=rng.integers(0, 5, samples),
        keys=("nil", "one", "two"),
    )


def test_what_is_written_is_read(tmp_path: Path) -> None:
    written = trains(6)
    write_trains(tmp_path / "a.h5", written)
    assert [file.name for file in tmp_path.iterdir()] == ["a.h5"]
    read = list(read_heidelberg(tmp_path / "a.h5"))
    assert len(read) == 6
    for sample, one in enumerate(read):
        assert one.times.tolist() == [int(float(np.float16(time)) * 1e6) for time in written.times[sample]]
        assert one.channels.tolist() == written.units[sample].tolist()
        assert one.target == written.labels[sample]
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["extra/speaker"][:].tolist() == written.speakers.tolist()
        assert file["extra/keys"][:].tolist() == [b"nil", b"one", b"two"]


def test_tonic_reads_it_as_its_own(tmp_path: Path) -> None:
    from tonic.datasets import SHD  # type: ignore[import-untyped]

    (tmp_path / "SHD").mkdir()
    write_trains(tmp_path / "SHD" / "shd_train.h5", trains(6))
    (tmp_path / "SHD" / "shd_train.h5.zip").touch()
    ours = list(read_heidelberg(tmp_path / "SHD" / "shd_train.h5"))
    theirs = SHD(save_to=str(tmp_path), train=True)
    assert len(theirs) == 6
    for sample, one in enumerate(ours):
        events, label = theirs[sample]
        assert events["t"].tolist() == one.times.tolist()
        assert events["x"].tolist() == one.channels.tolist()
        assert label == one.target


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        write_trains(tmp_path / "a.h5", trains(3)._replace(labels=np.array(["x"] * 3)))  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_what_it_is_made_of_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    assert read_made_of(path) is None
    write_trains(path, trains(3), "these recordings")
    assert read_made_of(path) == "these recordings"
    path.write_bytes(path.read_bytes()[:3000])
    assert read_made_of(path) is None
