import subprocess
import sys
from pathlib import Path

import numpy as np
from matplotlib.image import imread
from scipy.io import wavfile

from snnexp.reports.raster import raster

ROOT = Path(__file__).resolve().parent.parent


def dark(png: bytes, path: Path) -> np.ndarray:
    """How many black pixels there are in each tenth of the height."""
    path.write_bytes(png)
    rows = (imread(path)[:, :, :3].max(axis=2) < 0.1).sum(axis=1)
    return np.array([part.sum() for part in np.array_split(rows, 10)])


def test_a_spike_is_a_dot_at_its_channel(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sound, times = rng.normal(size=800), rng.uniform(0, 0.1, 500)
    none, high, low = (
        dark(raster(sound, 8000, times[:count], np.full(count, unit), 700, "noise"), tmp_path / "a.png")
        for count, unit in ((0, 0), (500, 100), (500, 600))
    )
    assert (high - none)[:5].sum() > 200 > (high - none)[5:].sum()
    assert (low - none)[5:].sum() > 200 > (low - none)[:5].sum()


def test_command(tmp_path: Path) -> None:
    wav, png = tmp_path / "a.wav", tmp_path / "a.png"
    wavfile.write(wav, 8000, (9000 * np.sin(np.arange(400))).astype(np.int16))
    command = [sys.executable, ROOT / "scripts" / "show_audio.py", wav, png]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert png.read_bytes().startswith(b"\x89PNG")
    wav.write_bytes(b"RIFF")
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith(f"{wav} cannot be read as a wav file: ")
