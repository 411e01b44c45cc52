"""Draw a recording, and the spikes that the artificial inner ear makes of it, into a PNG.

python scripts/show_audio.py recordings/7_jackson_0.wav seven.png
"""

import argparse
import sys
from pathlib import Path

import numpy as np

from snnexp.audio.ear import Ear
from snnexp.audio.recordings import read_wave
from snnexp.errors import UserError
from snnexp.files import write_atomically
from snnexp.reports.raster import raster

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("wav", type=Path)
parser.add_argument("png", type=Path)
parser.add_argument("--source", help="where the recording comes from, to stand below (default: its name)")
parser.add_argument("--seed", type=int, default=0, help="of the nerve fibres (default: 0)")
arguments = parser.parse_args()
try:
    sound, rate = read_wave(arguments.wav)
    ear = Ear()
    (spikes,) = ear.hear([sound], rate, [np.random.default_rng(arguments.seed)])
    source = arguments.source or arguments.wav.name
    drawn = raster(sound, rate, spikes.times, spikes.units, ear.membrane.channels, source)
    write_atomically(arguments.png, drawn)
except (UserError, OSError) as error:
    sys.exit(str(error))
