"""The mel spectrogram of a sound: the plain way from sound to channels.

Shapes: L samples of the sound, K frames, F frequencies, M filters.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from snnexp.errors import require

Real = NDArray[np.float64]


@dataclass(frozen=True)
class MelFrontEnd:
    """Pre-emphasis x_t - preemphasis x_{t-1}, Hamming frames, their power |FFT|^2 / points, triangular filters.

    A frame that is longer than `points` is cut, as by an FFT of `points`: at 25 ms that is so above 20 kHz.

    Source: Zenke & Vogels 2021, the code of their data set RawHD (fzenke/stork), which rounds the triangles' corners
    down to frequencies of the FFT and has no frame that reaches beyond the sound. The triangles here, which nothing
    rounds, are those of librosa with htk=True and norm=None.
    """

    filters: int = 40
    preemphasis: float = 0.95
    frame_ms: float = 25.0
    stride_ms: float = 10.0
    points: int = 512

    def __post_init__(self) -> None:
        require(self.filters >= 1, "filters", self.filters, "must be at least 1")

    def filter_bank(self, rate: int) -> Real:
        """[M, F], triangles with peak 1 that overlap by half, evenly spaced on the mel scale from 0 to rate / 2.

        mel = 2595 log10(1 + f / 700).
        """
        top = 2595 * np.log10(1 + rate / 2 / 700)
        edges = 700 * (10 ** (np.linspace(0, top, self.filters + 2) / 2595) - 1)
        f_F = fft.rfftfreq(self.points, 1 / rate)
        low, peak, high = (edges[start : start + self.filters, None] for start in range(3))
        triangles: Real = np.maximum(0, np.minimum((f_F - low) / (peak - low), (high - f_F) / (high - peak)))
        return triangles

    def spectrogram(self, sound_L: Real, rate: int) -> Real:
        """Power [K, M]; the last frame is filled with zeros. The rate is in Hz."""
        length, stride = round(self.frame_ms * rate / 1000), round(self.stride_ms * rate / 1000)
        frames = 1 + max(0, -(-(len(sound_L) - length) // stride))
        padded = np.zeros(length + (frames - 1) * stride)
        padded[: len(sound_L)] = sound_L
        padded[1 : len(sound_L)] -= self.preemphasis * sound_L[:-1]
        windowed = np.lib.stride_tricks.sliding_window_view(padded, length)[::stride] * np.hamming(length)
        power_KF = np.square(np.abs(fft.rfft(windowed, self.points))) / self.points
        power_KM: Real = power_KF @ self.filter_bank(rate).T
        return power_KM

    def features(self, sound_L: Real, rate: int, frames: int) -> Real:
        """[frames, M]: the logarithm of the power, standardised to mean 0 and deviation 1 over all of it.

        The first so many frames; a sound with fewer goes on with its last. Zeros count as the machine's epsilon;
        silence gives 0.
        """
        power_KM = self.spectrogram(sound_L, rate)
        kept = power_KM[np.minimum(np.arange(frames), len(power_KM) - 1)]
        log = np.log10(np.where(kept == 0, np.finfo(np.float64).eps, kept))
        if np.ptp(log) == 0:
            return np.zeros_like(log)
        standard: Real = (log - log.mean()) / log.std()
        return standard
