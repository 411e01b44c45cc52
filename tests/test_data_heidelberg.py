import os
from pathlib import Path

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest
import torch

from snnexp.data.events import Frames
from snnexp.data.gaps import Gaps
from snnexp.data.heidelberg import load_heidelberg, read_heidelberg
from snnexp.data.samples import Packed
from snnexp.errors import DataError
from tests.published_files import write_heidelberg


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_heidelberg(tmp_path / "a.h5", 5, 20, 0, events=30)
    return tmp_path / "a.h5"


def load(path: Path) -> Gaps | Packed:
    return load_heidelberg(path, Frames(4000, 250, 700, 20), "fetch it")


def test_times_are_not_multiplied_in_half_precision(path: Path) -> None:
    recordings = list(read_heidelberg(path))
    with h5py.File(path) as file:
        for sample in range(5):
            expected = [int(float(time) * 1e6) for time in file["spikes/times"][sample]]
            assert recordings[sample].times.tolist() == expected  # float16 cannot hold more than 65504


def test_read_once_and_again_when_the_file_has_changed(path: Path, tmp_path: Path) -> None:
    fresh, kept = load(path), load(path)
    assert torch.equal(fresh.frames(range(5)), kept.frames(range(5)))
    write_heidelberg(path, 7, 20, 1, events=30)
    assert len(load(path)) == 7
    with pytest.raises(DataError, match="there are 3 classes"):  # what was found good for 20 is not for 3
        load_heidelberg(path, Frames(4000, 250, 700, 3), "fetch it")


def test_an_empty_recording_is_a_silent_sample(path: Path) -> None:
    with h5py.File(path, "a") as file:
        file["spikes/times"][3], file["spikes/units"][3] = np.zeros(0, np.float16), np.zeros(0, np.int64)
    samples = load(path)
    assert samples.frames(range(5)).sum((0, 2)).bool().tolist() == [True, True, True, False, True]


@pytest.mark.parametrize("group", ["spikes/times", "spikes/units", "labels", "spikes"])
def test_a_missing_group_is_named(path: Path, group: str) -> None:
    with h5py.File(path, "a") as file:
        del file[group]
    with pytest.raises(DataError, match=rf"^{path} cannot be read as spikes/times, spikes/units and labels: .+"):
        load(path)


def test_a_file_that_is_cut_off_or_another(path: Path) -> None:
    whole = path.read_bytes()
    for content in (whole[:3000], b"", b"PK\x03\x04 no HDF5 file"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=rf"^{path} cannot be read as "):
            load(path)


def test_a_missing_file_names_what_mends_it(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"a\.h5 cannot be read \(No such file or directory\); set paths\.data, or fetch"
    ):
        load(tmp_path / "a.h5")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(path: Path) -> None:
    path.chmod(0)
    with pytest.raises(DataError, match=r"a\.h5 cannot be read \(Permission denied\)"):
        load(path)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labels": [0, 1, 20, 3, 4]}, "recording 2 has label 20, there are 20 classes (0 to 19)"),
        ({"labels": [0, 1]}, "has 5 times, 5 units and 2 labels"),
        ({"units": [1, 700]}, "recording 0 has an event in channel 700, there are 700 (0 to 699)"),
        ({"units": [-1, 3]}, "recording 0 has an event in channel -1, there are 700 (0 to 699)"),
        ({"times": [-0.5, 0.1], "units": [1, 2]}, "recording 0 has an event before time 0"),
        ({"times": [np.nan, 0.1], "units": [1, 2]}, "recording 0 has times that are no numbers"),
        ({"times": [0.1], "units": [1, 2]}, "recording 0 has 1 times, but 2 units"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_what_does_not_fit_is_named(path: Path, change: dict[str, list[float]], said: str) -> None:
    with h5py.File(path, "a") as file:
        if "labels" in change:
            del file["labels"]
            file["labels"] = np.array(change["labels"])
        else:
            file["spikes/times"][0] = np.array(change.get("times", [0.1, 0.2]), np.float16)
            file["spikes/units"][0] = np.array(change["units"])
    with pytest.raises(DataError) as caught:
        load(path)
    assert str(caught.value).endswith(said)
    assert str(path) in str(caught.value)
