import torch

from snnexp.data.digits import Digits
from snnexp.data.encoding import NEVER
from snnexp.data.samples import OneSpike


def digits(seed: int = 0) -> tuple[OneSpike, OneSpike, OneSpike]:
    data = Digits(batch_size=64, seed=seed, order_seed=0)
    assert (data.inputs, data.classes, data.steps) == (64, 10, 30)
    train, val, test = data.splits
    assert isinstance(train, OneSpike)
    assert isinstance(val, OneSpike)
    assert isinstance(test, OneSpike)
    return train, val, test


def rows(*parts: OneSpike) -> list[list[int]]:
    return sorted(row for part in parts for row in torch.cat([part.targets[:, None], part.times], 1).tolist())


def test_sizes_and_proportions() -> None:
    parts = digits()
    assert [len(part) for part in parts] == [1257, 180, 360]
    everything = torch.cat([part.targets for part in parts]).bincount(minlength=10)
    for part in parts:
        share = len(part) / 1797
        assert (part.targets.bincount(minlength=10) - share * everything).abs().max() <= 1


def test_the_splits_divide_the_same_digits_whatever_the_seed() -> None:
    first, second = digits(0), digits(1)
    assert rows(*first) == rows(*second)
    assert rows(first[2]) != rows(second[2])
    assert rows(first[0]) == rows(digits(0)[0])


def test_levels_become_latencies() -> None:
    # 10 log(x / (x - 0.2)) for x = level / 16; three levels of sixteen are below the threshold
    table = Digits(batch_size=64, seed=0, order_seed=0).time_of_level.tolist()
    assert table[:5] == [NEVER, NEVER, NEVER, NEVER, 16]
    assert table[16] == 2
    assert table[4:] == sorted(table[4:], reverse=True)
    train, *_ = digits()
    assert set(train.times.flatten().tolist()) == set(table)
