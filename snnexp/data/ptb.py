"""The Penn Treebank, word by word."""

from collections import Counter
from functools import cached_property
from pathlib import Path

import torch
from torch import Tensor

from snnexp.data.events import check_steps
from snnexp.data.module import DataModule, Splits
from snnexp.data.published import PTB
from snnexp.data.sampler import EpochBatchSampler
from snnexp.data.streams import StoredOrder, Streams, cut
from snnexp.errors import DataError, require

END = "<eos>"


class Ptb(DataModule):
    """Newspaper text of 10,000 different words; what is learned is the next word, at every step.

    929,589 words for training, 73,760 for validation and 82,430 for testing, with the end of a sentence as a word. Each
    part is cut into `batch_size` contiguous streams, which are read side by side, `steps` words a batch. With
    `stateful` a batch starts in the state in which the one before ended, without it at rest. Sample means chunk of a
    stream: `train_samples` takes the beginning of the text, and has to be a multiple of the streams.

    The files are ptb.train.txt, ptb.valid.txt and ptb.test.txt in `<root>/ptb`. Raises DataError where one is missing
    or not the published one. Readouts with one decision a sample do not fit; `network=embedding` is made for this.

    Source: Mikolov et al. 2010; streams and chunks as Herranz-Celotti & Rouat 2022.
    """

    inputs = classes = 10000
    words = True

    def __init__(
        self,
        *,
        root: str | Path,
        steps: int = 100,
        stateful: bool = True,
        batch_size: int,
        seed: int,
        order_seed: int,
        workers: int = 0,
        train_samples: int | None = None,
    ) -> None:
        super().__init__(
            batch_size=batch_size, seed=seed, order_seed=order_seed, workers=workers, train_samples=train_samples
        )
        whole = train_samples is None or train_samples % batch_size == 0
        require(whole, "train_samples", train_samples, f"must be a multiple of batch_size ({batch_size}), or null")
        self.root, self.steps, self.stateful = Path(root), check_steps(steps), stateful

    @cached_property
    def train_batches(self) -> EpochBatchSampler:
        return StoredOrder(len(self.splits.train), self.batch_size, self.order_seed)

    def load(self) -> Splits:
        texts = [self._words(part) for part in ("train", "valid", "test")]
        numbers = vocabulary(texts[0])
        if len(numbers) != self.classes:
            raise DataError(f"{PTB.path(self.root)} has {len(numbers)} different words, not {self.classes}")
        return Splits(*(self._streams(numbered(text, numbers)) for text in texts))

    def _words(self, part: str) -> list[str]:
        return words(PTB.read(self.root, f"ptb.{part}.txt").decode())

    def _streams(self, text: Tensor) -> Streams:
        fit = len(text) > self.batch_size
        require(fit, "batch_size", self.batch_size, f"a part of the text has {len(text)} words only")
        return cut(text, self.batch_size, self.steps, self.classes)


def words(text: str) -> list[str]:
    """The words of a text, with a word at the end of every line."""
    return text.replace("\n", f" {END} ").split()


def vocabulary(text: list[str]) -> dict[str, int]:
    """Every word's number: the most frequent has 0, equally frequent ones are in alphabetical order."""
    counts = Counter(text)
    return {word: number for number, word in enumerate(sorted(counts, key=lambda word: (-counts[word], word)))}


def numbered(text: list[str], numbers: dict[str, int]) -> Tensor:
    """A text as numbers; raises DataError for a word that has none."""
    try:
        return torch.tensor([numbers[word] for word in text])
    except KeyError as error:
        raise DataError(f"the word {error} does not occur in the text for training") from None
