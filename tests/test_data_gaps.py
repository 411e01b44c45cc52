from collections.abc import Iterator

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from snnexp.data.gaps import GapBatch, Gaps, decode, encode
from snnexp.data.samples import Packed, Samples, unpack
from snnexp.data.spikes import Binned, hold


def binned(frames_STI: np.ndarray) -> Iterator[Binned]:
    """The spikes of dense frames, shuffled, some of them twice."""
    rng = np.random.default_rng(0)
    for number, x_TI in enumerate(frames_STI):
        steps, channels = np.nonzero(x_TI)
        order = rng.permutation(np.concatenate([np.arange(len(steps)), np.arange(len(steps) // 3)]))
        yield Binned(steps[order], channels[order], number % 5)


def frames(rate: float, samples: int = 40, steps: int = 30, channels: int = 45) -> np.ndarray:
    rng = np.random.default_rng(7)
    x_STI = rng.random((samples, steps, channels)) < rate
    x_STI[3] = False  # an empty recording
    return x_STI


@given(
    channels=st.integers(1, 40),
    steps=st.integers(1, 60),
    rows=st.lists(st.lists(st.integers(0, 2399), max_size=30), min_size=1, max_size=4),
)
def test_decoding_undoes_encoding(channels: int, steps: int, rows: list[list[int]]) -> None:
    places = [np.array([place % (steps * channels) for place in row], np.int64) for row in rows]
    coded = [encode(place // channels, place % channels, channels) for place in places]
    lengths = torch.tensor([len(code) for code in coded])
    x_TBI = decode(torch.from_numpy(np.concatenate(coded)), lengths, steps, channels)
    expected = torch.zeros(steps, len(rows), channels)
    for sample, place in enumerate(places):
        expected[place // channels, sample, place % channels] = 1
    assert x_TBI.dtype == torch.float32
    assert torch.equal(x_TBI, expected)


def test_a_byte_a_spike_and_one_for_every_255_silent_places() -> None:
    def code(*places: int) -> list[int]:
        return encode(np.array(places), np.zeros(len(places), np.int64), 1).tolist()

    assert code() == []
    assert code(0) == [1]
    assert code(254) == [255]
    assert code(255) == [0, 1]
    assert code(2, 0, 2) == [1, 2]
    assert code(3, 3 + 3 * 255 + 7) == [4, 0, 0, 0, 7]


@pytest.mark.parametrize("rate", [0.001, 0.02, 0.11])
def test_sparse_spikes_are_held_as_gaps(rate: float) -> None:
    x_STI = frames(rate)
    samples = hold(binned(x_STI), 30, 45)
    assert isinstance(samples, Gaps)
    assert_same(samples, x_STI)


@pytest.mark.parametrize("rate", [0.16, 0.9])
def test_dense_spikes_are_held_as_bits(rate: float) -> None:
    x_STI = frames(rate, samples=300)
    samples = hold(binned(x_STI), 30, 45)
    assert isinstance(samples, Packed)
    assert_same(samples, x_STI)


def assert_same(samples: Gaps | Packed, x_STI: np.ndarray) -> None:
    rows = [9, 3, 0, 33]
    (batch,) = samples.__getitems__(rows)
    assert batch.inputs.is_contiguous()
    assert np.array_equal(batch.inputs.numpy(), x_STI[rows].transpose(1, 0, 2))
    assert batch.targets.tolist() == [row % 5 for row in rows]
    assert samples.moments() == pytest.approx(Samples.moments(samples), rel=1e-12)
    chosen = samples.select(np.array(rows))
    assert np.array_equal(chosen.frames(range(4)).numpy(), x_STI[rows].transpose(1, 0, 2))
    assert chosen.moments()[0] == pytest.approx(x_STI[rows].mean(), rel=1e-12)
    first = samples.first(5)
    assert len(first) == 5
    assert torch.equal(first.frames(range(5)), samples.frames(range(5)))
    assert first.targets.data_ptr() == samples.targets.data_ptr()


def test_a_selection_shares_the_spikes() -> None:
    samples = hold(binned(frames(0.05)), 30, 45)
    assert isinstance(samples, Gaps)
    assert samples.select(np.array([4, 1])).gaps is samples.gaps


def test_a_batch_of_empty_recordings() -> None:
    samples = hold([Binned(np.empty(0, np.int64), np.empty(0, np.int64), 1)] * 3, 4, 5)
    (batch,) = samples.__getitems__([0, 2])
    assert torch.equal(batch.inputs, torch.zeros(4, 2, 5))
    assert samples.moments() == (0, 0)


@pytest.mark.parametrize("channels", [1, 7, 8, 13, 700])
def test_unpacking_is_that_of_numpy(channels: int) -> None:
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 256, (5, 3, -(-channels // 8)), np.uint8)
    x_TBI = unpack(torch.from_numpy(bits), channels)
    assert x_TBI.dtype == torch.float32
    assert np.array_equal(x_TBI.numpy(), np.unpackbits(bits, axis=2, count=channels))


def test_lightning_moves_what_travels() -> None:
    """To a device without memory: every tensor must arrive there, and what is no tensor stays."""
    from lightning.fabric.utilities.apply_func import move_data_to_device

    for rate in (0.05, 0.5):
        (batch,) = hold(binned(frames(rate)), 30, 45).__getitems__([0, 1])
        moved = move_data_to_device(batch, torch.device("meta"))
        assert type(moved) is type(batch)
        assert all(item.is_meta for item in moved if isinstance(item, Tensor))  # type: ignore[attr-defined]
        assert moved.targets.shape == (2,)


def shd(samples: int, seed: int) -> Iterator[Binned]:
    """As the Spiking Heidelberg Digits are: about 8,000 events over .7 s in 250 steps of 4 ms and 700 channels."""
    rng = np.random.default_rng(seed)
    for _ in range(samples):
        count = rng.poisson(8000)
        yield Binned(rng.integers(0, 175, count), rng.integers(0, 700, count), int(rng.integers(20)))


def test_all_of_shd_fits_in_100_mb() -> None:
    samples = hold(shd(60, 0), 250, 700)
    assert isinstance(samples, Gaps)
    held = samples.gaps.nbytes + samples.starts.nbytes + samples.ends.nbytes + samples.targets.nbytes
    assert held / 60 * (8156 + 2264) < 100e6
    assert isinstance(samples.__getitems__([0])[0], GapBatch)


@pytest.mark.gpu
def test_decoding_on_a_gpu_is_that_on_the_cpu() -> None:
    if not torch.cuda.is_available():
        pytest.skip("there is no CUDA device")
    for rate in (0.05, 0.5):
        (batch,) = hold(binned(frames(rate)), 30, 45).__getitems__([5, 3, 8])
        moved = type(batch)(*(item.cuda() if isinstance(item, Tensor) else item for item in batch))  # type: ignore
        assert torch.equal(moved.inputs.cpu(), batch.inputs)
