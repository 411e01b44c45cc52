"""A sound and its spikes, one above the other."""

import io

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

Real = NDArray[np.floating]


def raster(sound: Real, rate: int, times: Real, units: NDArray[np.integer], channels: int, source: str) -> bytes:
    """A PNG: the waveform over its spikes, one dot each. Times in seconds, rate in Hz; `source` stands below."""
    figure = Figure(figsize=(7, 4.6), layout="constrained")
    wave, spikes = figure.subplots(2, 1, sharex=True, height_ratios=(1, 3))
    wave.plot(np.arange(len(sound)) / rate, sound, color="#555555", linewidth=0.6)
    wave.set(ylabel="sound", yticks=[])
    spikes.plot(times, units, ",", color="black", rasterized=True)
    spikes.set(xlim=(0, len(sound) / rate), ylim=(channels, 0), xlabel="time (s)", ylabel="channel (high to low tones)")
    for axes in (wave, spikes):
        axes.spines[["top", "right"]].set_visible(False)
    figure.supxlabel(source, fontsize="x-small", color="#555555", x=0.99, ha="right")
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=160, metadata={"Software": None})
    return buffer.getvalue()
