from pathlib import Path

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest

from snnexp.data.spikes_h5 import SpikeTrains, packed_bins, read_spikes, write_spikes
from snnexp.errors import DataError


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
    write_spikes(tmp_path / "a.h5", written)
    read = read_spikes(tmp_path / "a.h5", 700, 3)
    for before, after in zip(written.times, read.times, strict=True):
        assert after.dtype == np.float16
        assert np.array_equal(before.astype(np.float16), after)
    for before, after in zip(written.units, read.units, strict=True):
        assert np.array_equal(before, after)
    assert np.array_equal(written.labels, read.labels)
    assert np.array_equal(written.speakers, read.speakers)
    assert written.keys == read.keys
    assert [file.name for file in tmp_path.iterdir()] == ["a.h5"]


def test_tonic_reads_it_as_its_own(tmp_path: Path) -> None:
    from tonic.datasets import SHD  # type: ignore[import-untyped]

    (tmp_path / "SHD").mkdir()
    write_spikes(tmp_path / "SHD" / "shd_train.h5", trains(6))
    (tmp_path / "SHD" / "shd_train.h5.zip").touch()
    ours = read_spikes(tmp_path / "SHD" / "shd_train.h5", 700, 3)
    bits = packed_bins(ours, 4000, 250, 700)
    theirs = SHD(save_to=str(tmp_path), train=True)
    assert len(theirs) == 6
    for sample in range(6):
        events, label = theirs[sample]
        assert label == ours.labels[sample]
        expected = np.zeros((250, 700), np.uint8)
        for time, unit in zip(events["t"], events["x"], strict=True):
            if time < 1_000_000:
                expected[time // 4000, unit] = 1
        assert np.array_equal(np.unpackbits(bits[sample], axis=1, count=700), expected)


def test_a_failed_write_leaves_nothing(tmp_path: Path) -> None:
    spoilt = trains(3)._replace(labels=np.array(["x"] * 3))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="invalid literal"):
        write_spikes(tmp_path / "a.h5", spoilt)
    assert list(tmp_path.iterdir()) == []


def damaged(path: Path, name: str, value: np.ndarray) -> None:
    with h5py.File(path, "a") as file:
        del file[name]
        if len(value):
            file[name] = value


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("labels", np.array([]), "cannot be read as spike trains: "),
        ("spikes", np.array([]), "cannot be read as spike trains: "),
        ("labels", np.array([0, 1, 3, 0]), "has a label outside 0 to 2"),
        ("labels", np.array([0, 1, 2]), "has unlike numbers of times, units, labels and speakers"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, name: str, value: np.ndarray, said: str) -> None:
    write_spikes(tmp_path / "a.h5", trains(4))
    damaged(tmp_path / "a.h5", name, value)
    with pytest.raises(DataError, match=f"^{tmp_path / 'a.h5'} ?{said}"):
        read_spikes(tmp_path / "a.h5", 700, 3)


def test_bad_spikes_are_named(tmp_path: Path) -> None:
    path, good = tmp_path / "a.h5", trains(4)
    for change, said in (
        ({"units": [*good.units[:3], good.units[3] * 0 + 700]}, "recording 3 has a unit outside 0 to 699"),
        ({"units": [*good.units[:3], good.units[3][1:]]}, "recording 3 has 150 times, but 149 units"),
        ({"times": [*good.times[:3], good.times[3] - 1]}, "recording 3 has a time that is negative or not a number"),
        ({"times": [*good.times[:3], good.times[3] * np.nan]}, "recording 3 has a time that is negative or not a"),
    ):
        write_spikes(path, good._replace(**change))
        with pytest.raises(DataError, match=f"^{path}: {said}"):
            read_spikes(path, 700, 3)


def test_a_truncated_file_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    write_spikes(path, trains(4))
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(DataError, match=f"^{path} cannot be read as spike trains: "):
        read_spikes(path, 700, 3)
