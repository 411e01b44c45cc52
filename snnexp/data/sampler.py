"""The order of the training batches."""

from collections.abc import Iterator

import numpy as np
from torch.utils.data import Sampler


class EpochBatchSampler(Sampler[list[int]]):
    """Shuffled batches whose order is a function of (seed, epoch) alone, so that a killed run resumes where it was.

    `epoch` and `skip`, the number of first batches that are left out, are set by the training loop before each epoch
    (Lightning does not do it for a batch sampler); both stay until they are set again, since Lightning asks for more
    than one iterator. The length stays that of the whole epoch. The last batch may be smaller.
    """

    def __init__(self, samples: int, batch_size: int, seed: int) -> None:
        self.samples, self.batch_size, self.seed = samples, batch_size, seed
        self.epoch = 0
        self.skip = 0

    def __len__(self) -> int:
        return -(-self.samples // self.batch_size)

    # Not a generator: epoch and skip are read when the loader asks for the iterator, not at its first batch.
    def __iter__(self) -> Iterator[list[int]]:
        order = np.random.default_rng((self.seed, self.epoch)).permutation(self.samples)
        starts = range(self.skip * self.batch_size, self.samples, self.batch_size)
        return iter([order[start : start + self.batch_size].tolist() for start in starts])
