import torch
from hypothesis import given
from hypothesis import strategies as st

from snnexp.data.sampler import EpochBatchSampler


@given(samples=st.integers(1, 60), batch_size=st.integers(1, 60), seed=st.integers(0, 2**32 - 1))
def test_every_sample_once_an_epoch(samples: int, batch_size: int, seed: int) -> None:
    sampler = EpochBatchSampler(samples, batch_size, seed)
    batches = list(sampler)
    assert len(batches) == len(sampler)
    assert sorted(sample for batch in batches for sample in batch) == list(range(samples))
    assert all(len(batch) == batch_size for batch in batches[:-1])


@given(epoch=st.integers(0, 5), skip=st.integers(0, 9))
def test_resuming_inside_an_epoch_gives_the_rest_of_it(epoch: int, skip: int) -> None:
    whole, resumed = EpochBatchSampler(50, 6, 3), EpochBatchSampler(50, 6, 3)
    whole.epoch = resumed.epoch = epoch
    resumed.skip = skip
    assert list(resumed) == list(whole)[skip:]
    assert len(resumed) == 9


def test_skip_stays_until_it_is_set_again() -> None:
    """Lightning asks for an iterator to see whether it can, and then for the one that it uses."""
    sampler = EpochBatchSampler(50, 6, 3)
    sampler.skip = 4
    assert len(list(sampler)) == len(list(sampler)) == 5
    assert len(sampler) == 9
    sampler.skip = 0
    assert len(list(sampler)) == 9


def test_order_is_a_function_of_seed_and_epoch() -> None:
    def order(seed: int, epoch: int) -> list[list[int]]:
        sampler = EpochBatchSampler(1000, 10, seed)
        sampler.epoch = epoch
        return list(sampler)

    orders = [order(seed, epoch) for seed in range(3) for epoch in range(3)]
    assert orders == [order(seed, epoch) for seed in range(3) for epoch in range(3)]
    assert all(one != other for place, one in enumerate(orders) for other in orders[:place])


def test_global_generator_is_left_alone() -> None:
    before = torch.random.get_rng_state()
    list(EpochBatchSampler(50, 6, 3))
    assert torch.equal(torch.random.get_rng_state(), before)
