import numpy as np
import pytest
import torch

from snnexp.data.partition import check_fraction, divide, partition, share
from snnexp.data.samples import Packed
from snnexp.errors import OptionError


@pytest.mark.parametrize("validation", [0, 1, 7, 20])
def test_every_sample_is_in_one_part(validation: int) -> None:
    train, val = partition(20, validation, seed=3)
    assert len(val) == validation
    assert sorted([*train, *val]) == list(range(20))
    again, _ = partition(20, validation, seed=3)
    other, _ = partition(20, validation, seed=4)
    assert np.array_equal(train, again)
    assert not len(train) or not np.array_equal(train, other)


def test_samples_keep_their_targets() -> None:
    bits = np.arange(20, dtype=np.uint8).reshape(20, 1, 1)
    for part in divide(Packed(bits, torch.arange(20), 8), 5, seed=0):
        numbers = part.frames(range(len(part)))[0] @ 2.0 ** torch.arange(7, -1, -1)
        assert numbers.tolist() == part.targets.tolist()


def test_a_share_is_at_least_one() -> None:
    assert [share(samples, 0.1) for samples in (1, 14, 16, 8156)] == [1, 1, 2, 816]


@pytest.mark.parametrize("fraction", [0.0, 1.0, -0.1, 2.0])
def test_a_fraction_leaves_something(fraction: float) -> None:
    with pytest.raises(OptionError, match=f"^test={fraction}: must lie between 0 and 1"):
        check_fraction("test", fraction)
