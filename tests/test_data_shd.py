from pathlib import Path

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest
import torch

from snnexp.data.heidelberg import read_heidelberg
from snnexp.data.partition import share
from snnexp.data.shd import Shd
from snnexp.errors import DataError, OptionError
from tests.published_files import tonic_frames, write_heidelberg


def write(path: Path, samples: int, seed: int) -> tuple[list[np.ndarray], list[np.ndarray]]:
    return write_heidelberg(path, samples, 20, seed)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write(tmp_path / "SHD" / "shd_train.h5", 40, 0)
    write(tmp_path / "SHD" / "shd_test.h5", 9, 1)
    return tmp_path


def build(root: Path, **options: float | str) -> Shd:
    return Shd(**{"root": root, "batch_size": 4, "seed": 0, "order_seed": 0, **options})  # type: ignore[arg-type]


def test_every_spike_is_in_its_bin(tmp_path: Path) -> None:
    write(tmp_path / "SHD" / "shd_train.h5", 10, 0)
    times, units = write(tmp_path / "SHD" / "shd_test.h5", 9, 1)
    data = build(tmp_path)
    assert (data.inputs, data.classes, data.steps) == (700, 20, 250)
    (batch,) = data.test_dataloader().dataset.__getitems__(list(range(9)))  # type: ignore[attr-defined]
    expected = torch.zeros(250, 9, 700)
    for sample in range(9):
        for time, unit in zip(times[sample].tolist(), units[sample].tolist(), strict=True):
            if time < 1:
                expected[int(time * 1e6) // 4000, sample, unit] = 1
    assert torch.equal(batch.inputs, expected)
    assert batch.targets.tolist() == [unit[0] % 20 for unit in units]


@pytest.mark.parametrize(("step_ms", "duration_ms"), [(4.0, 1000.0), (2.0, 700.0), (2.0, 800.0), (0.5, 1400.0)])
def test_read_as_tonic_reads_it(root: Path, step_ms: float, duration_ms: float) -> None:
    from tonic.datasets import SHD  # type: ignore[import-untyped]

    for part in ("train", "test"):
        (root / "SHD" / f"shd_{part}.h5.zip").touch()  # tonic goes to the network for an archive that it does not see
    data = build(root, step_ms=step_ms, duration_ms=duration_ms)
    ours, theirs = data.splits.test, SHD(save_to=str(root), train=False)
    assert len(ours) == len(theirs) == 9
    for sample in range(9):
        events, target = theirs[sample]
        expected = tonic_frames(events, SHD.sensor_size, round(1000 * step_ms), data.steps)
        assert torch.equal(ours.frames([sample])[:, 0], expected)
        assert target == ours.targets[sample]


@pytest.mark.parametrize("step_ms", [4.0, 2.0])
def test_binned_as_the_public_code_does(root: Path, step_ms: float) -> None:
    """Each step takes what is not later than its end; this is that code's loop, in the precision of the file."""
    times, units = write(root / "SHD" / "shd_test.h5", 9, 1)
    data = build(root, step_ms=step_ms, binning="code")
    ours = data.splits.test.frames(range(9))
    for sample in range(9):
        at, unit = times[sample], units[sample]
        for step in range(data.steps):
            now = at <= step * step_ms / 1000
            channels = 700 - unit[now & (unit > 0)]
            assert ours[step, sample].nonzero().flatten().tolist() == sorted(set(channels.tolist()))
            at, unit = at[~now], unit[~now]
    assert not torch.equal(ours, build(root, step_ms=step_ms).splits.test.frames(range(9)))


def test_a_unit_that_there_is_not_is_named_in_both_binnings(root: Path) -> None:
    with h5py.File(root / "SHD" / "shd_test.h5", "a") as file:
        file["spikes/units"][4] = np.full(400, 700)
    for binning in ("floor", "code"):
        with pytest.raises(DataError, match=r"recording 4 has an event in channel 700, there are 700 \(0 to 699\)$"):
            build(root, binning=binning).setup()


def test_split_as_the_public_code_does(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("snnexp.data.shd.CODE_TESTS", 7)
    whole, splits = build(root), build(root, split="code", validation=0.05).splits
    targets = [int(one.target) for one in read_heidelberg(root / "SHD" / "shd_train.h5")]
    assert [len(part) for part in splits] == [38, 2, 7]
    assert splits.val.targets.tolist() == targets[38:]
    assert sorted(splits.train.targets.tolist()) == sorted(targets[:38])
    assert torch.equal(splits.test.frames(range(7)), whole.splits.test.frames(range(7)))
    assert share(8156, 0.05) == 408


def test_steps_follow_the_bins(root: Path) -> None:
    data = build(root, step_ms=2.0, duration_ms=800.0)
    assert data.steps == 400
    assert next(iter(data.val_dataloader())).inputs.shape == (400, 4, 700)


def test_splits_and_moments(root: Path) -> None:
    data, other = build(root, validation=0.2), build(root, validation=0.2, seed=1)
    assert [len(part) for part in data.splits] == [32, 8, 9]
    ours, theirs = (
        [part.frames(range(len(part))).transpose(0, 1) for part in splits] for splits in (data.splits, other.splits)
    )
    assert not torch.equal(ours[1], theirs[1])
    assert torch.equal(ours[2], theirs[2])
    rows = [sorted(x_TI.numpy().tobytes() for x_TI in torch.cat(parts[:2])) for parts in (ours, theirs)]
    assert rows[0] == rows[1]
    assert data.input_moments() == pytest.approx((ours[0].double().mean().item(),) * 2, rel=1e-12)


@pytest.mark.parametrize("name", ["shd_train.h5", "shd_test.h5"])
def test_a_missing_file_is_named(root: Path, name: str) -> None:
    (root / "SHD" / name).unlink()
    with pytest.raises(
        DataError, match=rf"/{name} cannot be read \(No such.*paths.data.*fetch_data\.py shd --root {root}"
    ):
        build(root).setup()


@pytest.mark.parametrize(
    ("option", "value"),
    [("step_ms", 0.0), ("step_ms", -4.0), ("duration_ms", 0.0), ("duration_ms", 1001.0), ("validation", 1.0),
     ("binning", "round"), ("split", "all")],
)  # fmt: skip
def test_values_out_of_range_are_named(tmp_path: Path, option: str, value: float | str) -> None:
    with pytest.raises(OptionError, match=f"^{option}={value}: "):
        build(tmp_path, **{option: value})
