"""A text as parallel streams of words, read on from batch to batch.

Shapes: B streams, T steps, L words of a stream that are predicted.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor

from snnexp.data.sampler import EpochBatchSampler
from snnexp.data.samples import Batch, Loaded, Samples


@dataclass(frozen=True, eq=False)
class Streams(Samples):
    """A text cut into as many contiguous streams as a batch has samples; the target of a word is the one after it.

    Sample i is chunk i // B of stream i % B, so the samples of a batch, in stored order, are one chunk of all streams.
    A chunk has `steps` words, the last of a stream what is left. The inputs are the words themselves, [T, B] int64:
    at every step the index of the one channel that is 1.
    """

    words: Tensor  # [B, L + 1], int64
    steps: int
    vocabulary: int
    chunks: int

    def __len__(self) -> int:
        return self.chunks * len(self.words)

    def frames(self, indices: Sequence[int]) -> Tensor:
        return self._chunk(indices)[:-1]

    def __getitems__(self, indices: list[int]) -> list[Loaded]:
        chunk = self._chunk(indices)
        return [Batch(chunk[:-1], chunk[1:])]

    def first(self, count: int) -> Self:
        return replace(self, chunks=count // len(self.words))

    def moments(self) -> tuple[float, float]:
        """As everywhere: one of all channels is 1."""
        return 1 / self.vocabulary, 1 / self.vocabulary

    def _chunk(self, indices: Sequence[int]) -> Tensor:
        """The words [T + 1, B] of one chunk."""
        (chunk,) = {index // len(self.words) for index in indices}
        streams = [index % len(self.words) for index in indices]
        return self.words[streams, chunk * self.steps : (chunk + 1) * self.steps + 1].t().contiguous()


def cut(text: Tensor, streams: int, steps: int, vocabulary: int) -> Streams:
    """A text of words [N] as streams of equal length; fewer than `streams` words at its end are left out."""
    length = (len(text) - 1) // streams
    starts_B1 = length * torch.arange(streams)[:, None]
    return Streams(text[starts_B1 + torch.arange(length + 1)], steps, vocabulary, -(-length // steps))


class StoredOrder(EpochBatchSampler):
    """Batches in stored order in every epoch, so that each goes on where the one before ended."""

    def __iter__(self) -> Iterator[list[int]]:
        starts = range(self.skip * self.batch_size, self.samples, self.batch_size)
        return iter([list(range(start, min(start + self.batch_size, self.samples))) for start in starts])
