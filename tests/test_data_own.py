from pathlib import Path

import numpy as np
import pytest
import torch

from snnexp.data.own import Own
from snnexp.data.samples import Samples
from snnexp.errors import DataError, OptionError
from tests.published_files import write_heidelberg


def write(path: Path, times: object = (0.0, 0.011, 0.5), units: object = (0, 3, 2), labels: object = 1) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    np.savez(path, times=np.asarray(times), units=np.asarray(units), labels=np.asarray(labels))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twenty recordings; number n has label n % 4, and one event, at n ms in channel n % 5."""
    for number in range(20):
        write(
            tmp_path / "mine" / f"speaker{number % 2}" / f"{number:02d}.npz", [number / 1000], [number % 5], number % 4
        )
    return tmp_path / "mine"


def build(path: Path, **options: object) -> Own:
    chosen = {"path": path, "inputs": 5, "classes": 4, "steps": 20, "step_ms": 1.0, "batch_size": 4, **options}
    return Own(**{"seed": 0, "order_seed": 0, **chosen})  # type: ignore[arg-type]


def rows(*parts: object) -> list[tuple[int, int, int]]:
    """Step, channel and label of every recording, which has one event."""
    found = []
    for part in parts:
        assert isinstance(part, Samples)
        for step, sample, channel in part.frames(range(len(part))).nonzero().tolist():
            found.append((step, channel, int(part.targets[sample])))
    return sorted(found)


def test_all_recordings_are_read_and_split(folder: Path) -> None:
    data, other = build(folder), build(folder, seed=1)
    assert [len(part) for part in data.splits] == [14, 2, 4]
    everything = [(number, number % 5, number % 4) for number in range(20)]
    assert rows(*data.splits) == rows(*other.splits) == everything
    assert rows(data.splits.test) != rows(other.splits.test)


def test_recordings_for_testing_may_lie_apart(folder: Path) -> None:
    for number in (3, 7):
        write(folder.parent / "held_out" / f"{number}.npz", [number / 1000], [number % 5], number % 4)
    data = build(folder, test_path=folder.parent / "held_out")
    assert [len(part) for part in data.splits] == [18, 2, 2]
    assert rows(data.splits.test) == [(3, 3, 3), (7, 2, 3)]


@pytest.mark.parametrize("place", ["mine", "mine/speaker1", "mine/speaker1/01.npz", "."])
def test_recordings_for_training_are_not_tested_on(folder: Path, place: str) -> None:
    with pytest.raises(OptionError, match=r"^test_path=.*: must not share recordings with path=.*mine"):
        build(folder, test_path=folder.parent / place)


def test_files_in_the_heidelberg_layout(tmp_path: Path) -> None:
    write_heidelberg(tmp_path / "a.h5", 10, 20, 0)
    write_heidelberg(tmp_path / "more" / "b.hdf5", 6, 20, 1)
    assert sum(map(len, build(tmp_path, inputs=700, classes=20).splits)) == 16
    assert sum(map(len, build(tmp_path / "a.h5", inputs=700, classes=20).splits)) == 10


def test_an_empty_recording_is_a_silent_sample(folder: Path) -> None:
    write(folder / "99.npz", [], [], 2)
    data = build(folder)
    assert sum(map(len, data.splits)) == 21
    assert len(rows(*data.splits)) == 20


def test_late_events_are_left_out(tmp_path: Path) -> None:
    for number in range(4):
        write(tmp_path / f"{number}.npz", [0.0189, 0.019999, 0.02, 7.0], [0, 1, 2, 3], 0)
    data = build(tmp_path, steps=10, step_ms=2.0, batch_size=1)
    assert rows(*data.splits) == [(9, 0, 0)] * 4 + [(9, 1, 0)] * 4


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"labels": 4}, r"has label 4, there are 4 classes \(0 to 3\)"),
        ({"labels": [1, 2]}, "must hold times and units, one number an event, and one label"),
        ({"labels": 0.5}, "must hold units and labels as integers"),
        ({"units": [0, 5, 1]}, r"has an event in channel 5, there are 5 \(0 to 4\)"),
        ({"units": [0, 1]}, "has 3 times, but 2 units"),
        ({"times": [-1.0, 0.0, 1.0]}, "has an event before time 0"),
        ({"times": [np.inf, 0.0, 1.0]}, "has times that are no numbers"),
        (
            {"units": np.array([{}, {}, {}])},
            "cannot be read as times, units and labels: Object arrays cannot be loaded",
        ),
    ],
    ids=str,
)
def test_what_does_not_fit_is_named(folder: Path, content: dict[str, object], said: str) -> None:
    write(folder / "07b.npz", **content)
    with pytest.raises(DataError, match=rf"^{folder / '07b.npz'} {said}"):
        build(folder).setup()


def test_damaged_files_are_named(folder: Path) -> None:
    path = folder / "07b.npz"
    write(path)
    whole = path.read_bytes()
    for content in (whole[:100], whole[:-40], b"", b"text"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=rf"^{path} cannot be read as times, units and labels: "):
            build(folder).setup()
    np.savez(path, times=[0.0], units=[0])
    with pytest.raises(DataError, match=rf"^{path} cannot be read as times, units and labels: .*labels"):
        build(folder).setup()


def test_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"^{tmp_path / 'none'} cannot be read \(No such file.*dataset\.path"):
        build(tmp_path / "none").setup()
    with pytest.raises(DataError, match=rf"^{tmp_path} has no recordings, neither \*\.npz nor \*\.h5"):
        build(tmp_path).setup()
    write(tmp_path / "a.npz", [0.0], [0], 1)
    write(tmp_path / "b.npz", [0.0], [0], 1)
    with pytest.raises(DataError, match="has too few recordings to be split"):
        build(tmp_path).setup()


def test_values_out_of_range_are_named(tmp_path: Path) -> None:
    wrong = {"inputs": 0, "classes": 0, "steps": 0, "step_ms": 0.0, "validation": 1.0, "test": 0.0}
    for option, value in wrong.items():
        with pytest.raises(OptionError, match=f"^{option}={value}: "):
            build(tmp_path, **{option: value})


def test_order_of_events_does_not_matter(tmp_path: Path) -> None:
    for number, order in enumerate(([0, 1, 2], [2, 0, 1], [1, 2, 0])):
        times, units = np.array([0.001, 0.004, 0.009])[order], np.array([1, 4, 0])[order]
        write(tmp_path / f"{number}.npz", times, units, 0)
    frames = [part.frames(range(len(part))) for part in build(tmp_path, batch_size=1).splits]
    assert torch.equal(frames[0], frames[1])
    assert torch.equal(frames[0], frames[2])
