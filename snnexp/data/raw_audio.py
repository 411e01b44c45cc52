"""Sounds without spikes: the mel spectrogram as a current into the network.

Shapes: S samples of the split, K frames, M filters, T steps, B samples of a batch, I = M channels.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np
import torch
from torch import Tensor

from snnexp.audio.mel import MelFrontEnd
from snnexp.audio.recordings import HeldOut, classes, for_testing, list_recordings, read_wave
from snnexp.data.events import check_steps
from snnexp.data.module import DataModule, Splits
from snnexp.data.partition import check_fraction, partition, share
from snnexp.data.samples import Samples
from snnexp.data.spoken_digits import FSDD
from snnexp.errors import DataError, choice, require


@dataclass(frozen=True, eq=False)
class HeldFrames(Samples):
    """Features of few frames, each held for several steps: step t shows frame floor(t (K - 1) / (T - 1))."""

    features: Tensor  # [S, K, M], float32
    targets: Tensor  # [S], int64
    steps: int

    def frames(self, indices: Sequence[int]) -> Tensor:
        shown_T = np.linspace(0, self.features.shape[1] - 1, self.steps).astype(np.int64)
        return self.features[list(indices)].transpose(0, 1)[torch.from_numpy(shown_T)]

    def first(self, count: int) -> Self:
        return replace(self, features=self.features[:count], targets=self.targets[:count])


class RawAudio(DataModule):
    """A folder of wav files as mel spectrograms: `filters` channels, analog, each sample standardised.

    The first `frames` frames of 25 ms, one every 10 ms, are shown over `steps` steps and multiplied by `gain`. Names
    and splits are those of `scripts/encode_audio.py`; held_out names the test speakers of split=speaker, the last by
    name if null. Of the others `seed` draws the fraction `validation`.

    Raises DataError where the folder has no wav files, or not as many labels as `classes`.

    Source: Zenke & Vogels 2021, RawHD in their code (fzenke/stork): 80 frames over 400 steps of 2 ms, gain 80 / 400.
    There the recordings are those of the Heidelberg digits, here by default the Free Spoken Digit Dataset.
    """

    def __init__(
        self,
        *,
        root: str | Path,
        folder: str = "fsdd/recordings",
        split: HeldOut = HeldOut.OFFICIAL,
        held_out: list[str] | None = None,
        classes: int = 10,
        filters: int = 40,
        frames: int = 80,
        steps: int = 400,
        gain: float = 0.2,
        validation: float = 0.1,
        batch_size: int,
        seed: int,
        order_seed: int,
        workers: int = 0,
        train_samples: int | None = None,
    ) -> None:
        super().__init__(
            batch_size=batch_size, seed=seed, order_seed=order_seed, workers=workers, train_samples=train_samples
        )
        for option, count in {"classes": classes, "frames": frames}.items():
            require(count >= 1, option, count, "must be at least 1")
        check_fraction("validation", validation)
        self.front_end = MelFrontEnd(filters=filters)
        self.inputs, self.classes, self.steps, self.frames = filters, classes, check_steps(steps), frames
        self.folder, self.split, self.held_out = Path(root) / folder, choice(HeldOut, "split", split), held_out or []
        self.gain, self.validation = gain, validation

    def load(self) -> Splits:
        if not self.folder.is_dir():
            raise DataError(f"no folder {self.folder}; set paths.data and dataset.folder, or get the files of {FSDD}")
        recordings = list_recordings(self.folder)
        labels = classes(recordings)
        if len(labels) != self.classes:
            raise DataError(f"{self.folder} has {len(labels)} labels, but dataset.classes={self.classes}")
        test_S = for_testing(recordings, self.split, self.held_out)
        features_SKM = np.empty((len(recordings), self.frames, self.inputs), np.float32)
        for features_KM, recording in zip(features_SKM, recordings, strict=True):
            features_KM[:] = self.gain * self.front_end.features(*read_wave(recording.path), self.frames)
        targets_S = torch.tensor([labels.index(recording.label) for recording in recordings])
        (official,), (test,) = (~test_S).nonzero(), test_S.nonzero()
        train, val = partition(len(official), share(len(official), self.validation), self.seed)
        features, parts = torch.from_numpy(features_SKM), (official[train], official[val], test)
        return Splits(*(HeldFrames(features[part], targets_S[part], self.steps) for part in parts))
