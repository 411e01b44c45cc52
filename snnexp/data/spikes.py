"""Binned spikes of a data set, held in the smaller of two forms and kept on disk."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from snnexp.data.cache import Arrays, cached
from snnexp.data.gaps import Gaps, encode
from snnexp.data.samples import Packed

VERSION = 1
"""Of what is stored; another one makes every cache anew."""


class Binned(NamedTuple):
    """The spikes of one sample, in any order; each lies within the steps and channels of the data set."""

    steps: NDArray[np.integer]  # [E]
    channels: NDArray[np.integer]  # [E]
    target: int


def read_spikes(
    folder: Path,
    files: Sequence[Path],
    transform: Mapping[str, Any],
    read: Callable[[], Iterable[Binned]],
    steps: int,
    inputs: int,
) -> Gaps | Packed:
    """The samples that `read` makes of the files; it is called only where the cache in `folder` does not hold them.

    transform: all on which the spikes depend besides the files, as plain values; see `cache.cached`.
    """
    key = {**transform, "steps": steps, "inputs": inputs, "version": VERSION}
    return _restored(cached(folder, files, key, lambda: _arrays(read(), steps, inputs)), steps, inputs)


def hold(samples: Iterable[Binned], steps: int, inputs: int) -> Gaps | Packed:
    """Samples in memory: as gaps, or as bits where these are fewer bytes (about one spike in eight places or more)."""
    return _restored(_arrays(samples, steps, inputs), steps, inputs)


def _arrays(samples: Iterable[Binned], steps: int, inputs: int) -> Arrays:
    parts, targets = [], []
    for sample in samples:
        parts.append(encode(sample.steps, sample.channels, inputs))
        targets.append(sample.target)
    ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
    arrays: Arrays = {
        "gaps": np.concatenate([np.empty(0, np.uint8), *parts]),
        "ends": ends,
        "targets": np.array(targets, np.int64),
    }
    if arrays["gaps"].nbytes <= len(targets) * steps * -(-inputs // 8):
        return arrays
    gaps = _gaps(arrays, steps, inputs)
    return {"bits": np.concatenate(list(_bits(gaps))), "targets": arrays["targets"]}


def _bits(samples: Gaps) -> Iterator[NDArray[np.uint8]]:
    for start in range(0, len(samples), 256):
        x_TBI = samples.frames(range(start, min(start + 256, len(samples)))).bool().numpy()
        yield np.packbits(x_TBI, axis=2).transpose(1, 0, 2)


def _restored(arrays: Arrays, steps: int, inputs: int) -> Gaps | Packed:
    if "gaps" in arrays:
        return _gaps(arrays, steps, inputs)
    return Packed(arrays["bits"], torch.tensor(arrays["targets"]), inputs)


def _gaps(arrays: Arrays, steps: int, inputs: int) -> Gaps:
    ends = arrays["ends"]
    starts = np.concatenate([np.zeros(1, np.int64), ends[:-1]]) if len(ends) else ends
    return Gaps(arrays["gaps"], starts, ends, torch.tensor(arrays["targets"]), steps, inputs)
