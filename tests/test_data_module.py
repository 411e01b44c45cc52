import pytest
import torch

from snnexp.data.module import Batch, DataModule, Split, Splits
from snnexp.data.samples import OneSpike
from snnexp.errors import OptionError


class Toy(DataModule):
    """Sample s is one spike at step s % 5; the targets count the samples of each split."""

    inputs, classes, steps = 3, 50, 5

    def load(self) -> Splits:
        self.loads = getattr(self, "loads", 0) + 1
        return Splits(*(self.part(samples) for samples in (50, 12, 7)))

    def part(self, samples: int) -> OneSpike:
        counted = torch.arange(samples)
        return OneSpike((counted % 5).to(torch.int16)[:, None].expand(-1, 3), counted, self.steps)


def toy(batch_size: int = 8, workers: int = 0, train_samples: int | None = None, order_seed: int = 0) -> Toy:
    return Toy(batch_size=batch_size, seed=0, order_seed=order_seed, workers=workers, train_samples=train_samples)


def order(data: Toy) -> list[int]:
    return [target for batch in data.train_dataloader() for target in batch.targets.tolist()]


def test_a_batch_is_time_major() -> None:
    batch = next(iter(toy().train_dataloader()))
    assert isinstance(batch, Batch)
    assert batch.inputs.shape == (5, 8, 3)
    assert batch.inputs.dtype == torch.float32
    assert batch.targets.shape == (8,)
    assert batch.targets.dtype == torch.int64
    assert torch.equal(batch.inputs[:, :, 0].argmax(0), batch.targets % 5)


@pytest.mark.parametrize("workers", [0, 2])
def test_training_order_follows_epoch_and_skip(workers: int) -> None:
    data = toy(workers=workers)
    loader = data.train_dataloader()
    epochs = []
    for epoch in range(2):
        data.train_batches.epoch = epoch
        epochs.append([target for batch in loader for target in batch.targets.tolist()])
    assert epochs[0] != epochs[1]
    assert sorted(epochs[0]) == sorted(epochs[1]) == list(range(50))

    data.train_batches.epoch, data.train_batches.skip = 1, 4
    rest = [target for batch in loader for target in batch.targets.tolist()]
    assert rest == epochs[1][32:]
    assert len(loader) == 7


def test_order_seed_alone_orders_the_batches() -> None:
    assert order(toy()) == order(toy())
    assert order(toy()) != order(toy(order_seed=1))


def test_evaluation_is_in_stored_order() -> None:
    data = toy()
    for split, samples in {Split.TRAIN: 50, Split.VAL: 12, Split.TEST: 7}.items():
        targets = torch.cat([batch.targets for batch in data.loader(split)])
        assert targets.tolist() == list(range(samples))
    assert len(data.val_dataloader().dataset) == 12  # type: ignore[arg-type]
    assert len(data.test_dataloader().dataset) == 7  # type: ignore[arg-type]
    inputs = torch.cat(list(data.train_inputs()), 1)
    assert torch.equal(inputs[:, :, 1].argmax(0), torch.arange(50) % 5)


def test_loading_draws_nothing_from_the_global_generator() -> None:
    before = torch.random.get_rng_state()
    order(toy())
    list(toy().train_inputs())
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_samples_are_loaded_once_and_not_before_they_are_needed() -> None:
    data = toy()
    assert not hasattr(data, "loads")
    data.setup("fit")
    data.setup("test")
    data.input_moments()
    assert data.loads == 1


def test_train_samples_keeps_the_first() -> None:
    data = toy(train_samples=20)
    assert sorted(order(data)) == list(range(20))
    assert torch.cat([batch.targets for batch in data.loader(Split.TRAIN)]).tolist() == list(range(20))
    assert len(data.splits.val) == 12


def test_input_moments_are_of_the_training_set() -> None:
    assert toy().input_moments() == (0.2, 0.2)


@pytest.mark.parametrize(
    ("option", "value"),
    [("batch_size", 0), ("workers", -1), ("train_samples", 0), ("seed", -1), ("seed", 2**32), ("order_seed", -1)],
)
def test_values_out_of_range_are_named(option: str, value: int) -> None:
    with pytest.raises(OptionError, match=f"^{option}={value}: "):
        Toy(**{"batch_size": 8, "seed": 0, "order_seed": 0, option: value})


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (toy(batch_size=51), "batch_size=51: there are 50 training samples"),
        (toy(batch_size=8, train_samples=7), "batch_size=8: there are 7 training samples"),
        (toy(train_samples=51), "train_samples=51: there are 50 training samples"),
    ],
)
def test_what_the_training_set_rules_out_is_said_at_setup(data: Toy, line: str) -> None:
    with pytest.raises(OptionError) as caught:
        data.setup()
    assert str(caught.value) == line
