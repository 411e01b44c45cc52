from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from snnexp.data.gaps import Gaps
from snnexp.data.samples import Packed
from snnexp.data.spikes import Binned, read_spikes


@pytest.mark.parametrize(("rate", "kind"), [(0.05, Gaps), (0.5, Packed)])
def test_read_once_and_the_same_ever_after(rate: float, kind: type, tmp_path: Path) -> None:
    file = tmp_path / "a.npy"
    np.save(file, np.random.default_rng(0).random((20, 12, 9)) < rate)
    reads = []

    def read() -> Iterator[Binned]:
        reads.append(1)
        for number, x_TI in enumerate(np.load(file)):
            yield Binned(*np.nonzero(x_TI), number)

    fresh, kept = (read_spikes(tmp_path, [file], {"step_us": 4}, read, 12, 9) for _ in range(2))
    assert len(reads) == 1
    assert isinstance(kept, kind)
    assert torch.equal(fresh.frames(range(20)), kept.frames(range(20)))
    assert np.array_equal(kept.frames(range(20)).numpy(), np.load(file).transpose(1, 0, 2))
    assert kept.targets.tolist() == list(range(20))
    kept.targets[0] = 3  # a copy: what is on the disk stays
    read_spikes(tmp_path, [file], {"step_us": 5}, read, 12, 9)
    read_spikes(tmp_path, [file], {"step_us": 4}, read, 13, 9)
    assert len(reads) == 3
