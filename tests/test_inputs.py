"""The inputs that a network is looked at with."""

import pytest
import torch

from snnexp.errors import OptionError
from snnexp.procedures.inputs import first, like
from tests.looked_at import Inputs


def test_first_samples_of_the_batches() -> None:
    data = Inputs(inputs=2, steps=3, batches=3)
    batches = list(data.train_inputs())
    assert torch.equal(first(data, 6), torch.cat([batches[0], batches[1][:, :2]], 1))
    assert torch.equal(first(data, 99), torch.cat(batches, 1))


def test_words_stay_whole_numbers() -> None:
    weight = torch.zeros(1, dtype=torch.float64)
    assert like(torch.ones(2, 3), weight).dtype == torch.float64
    assert like(torch.ones(2, 3).long(), weight).dtype == torch.int64


def test_none_is_refused() -> None:
    with pytest.raises(OptionError, match=r"^samples=0: must be at least 1"):
        first(Inputs(2, 3, 1), 0)
