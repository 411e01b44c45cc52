from collections.abc import Sequence
from typing import Self

import numpy as np
import pytest
import torch
from torch import Tensor

from snnexp.data.encoding import NEVER
from snnexp.data.samples import OneSpike, Packed, Samples, Standardised


class Currents(Samples):
    """Graded input, to use what the binary sets override."""

    def __init__(self, x_STI: Tensor) -> None:
        self.x_STI, self.targets = x_STI, torch.zeros(len(x_STI), dtype=torch.int64)

    def frames(self, indices: Sequence[int]) -> Tensor:
        return self.x_STI[list(indices)].transpose(0, 1)

    def first(self, count: int) -> Self:
        return type(self)(self.x_STI[:count])


def one_spike(samples: int = 300) -> OneSpike:
    generator = torch.Generator().manual_seed(1)
    times = torch.randint(NEVER, 7, (samples, 13), generator=generator, dtype=torch.int16)
    return OneSpike(times, torch.arange(samples) % 4, 7)


def packed(samples: int = 300) -> tuple[Packed, np.ndarray]:
    x_STI = np.random.default_rng(2).random((samples, 7, 13)) < 0.3
    return Packed(np.packbits(x_STI, axis=2), torch.arange(samples) % 4, 13), x_STI


def test_batch_is_the_samples_asked_for_in_that_order() -> None:
    samples = one_spike()
    (batch,) = samples.__getitems__([5, 2, 5])
    assert batch.inputs.shape == (7, 3, 13)
    assert batch.targets.tolist() == [1, 2, 1]
    assert torch.equal(batch.inputs[:, 0], batch.inputs[:, 2])
    for place, sample in enumerate([5, 2, 5]):
        expected = [time for time in samples.times[sample].tolist() if time != NEVER]
        assert sorted(batch.inputs[:, place].nonzero()[:, 0].tolist()) == sorted(expected)


def test_packed_frames_are_the_frames_that_were_packed() -> None:
    samples, x_STI = packed()
    (batch,) = samples.__getitems__([7, 0])
    assert batch.inputs.dtype == torch.float32
    assert batch.inputs.is_contiguous()
    assert np.array_equal(batch.inputs.numpy(), x_STI[[7, 0]].transpose(1, 0, 2))


@pytest.mark.parametrize("samples", [one_spike(), packed()[0], Standardised(packed()[0], 0.2, 2.5)])
def test_counted_moments_are_the_moments_of_the_frames(samples: Samples) -> None:
    counted, streamed = samples.moments(), Samples.moments(samples)
    assert counted == pytest.approx(streamed, rel=1e-6)
    assert 0.04 < counted[0] < 0.5


def test_moments_of_graded_input() -> None:
    x_STI = torch.randn(600, 5, 3, generator=torch.Generator().manual_seed(3))
    mean, square = Currents(x_STI).moments()
    assert mean == pytest.approx(x_STI.double().mean().item(), rel=1e-12)
    assert square == pytest.approx(x_STI.double().square().mean().item(), rel=1e-12)


@pytest.mark.parametrize("samples", [one_spike(), packed()[0]])
def test_first_is_a_view_of_the_first(samples: OneSpike | Packed) -> None:
    first = samples.first(10)
    assert len(first) == 10
    assert torch.equal(first.frames(range(10)), samples.frames(range(10)))
    assert first.targets.data_ptr() == samples.targets.data_ptr()


def test_standardised_samples_have_mean_0_and_variance_1() -> None:
    plain, _ = packed()
    mean, square = plain.moments()
    samples = Standardised(plain, mean, (square - mean**2) ** 0.5)
    assert samples.moments() == pytest.approx((0, 1), abs=1e-12)
    (few,) = samples.first(9).__getitems__([4, 8])
    assert torch.equal(few.inputs.unique(), samples.frames(range(300)).unique())
    assert torch.equal(few.inputs > 0, plain.frames([4, 8]) > 0)
    assert few.targets.tolist() == [0, 0]
    assert len(samples.first(9)) == 9
