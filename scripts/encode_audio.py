"""Turn a folder of wav files into spikes, by the artificial inner ear that made the Heidelberg data.

Files are named <label>_<speaker>_<number>.wav, or lie in one sub-folder a label. Written are <split>_train.h5 and
<split>_test.h5 in the layout of SHD. The same command goes on after whatever has stopped it.
"""

import argparse
import sys
from pathlib import Path

from snnexp.audio.basilar_membrane import BasilarMembrane, Wave
from snnexp.audio.ear import Ear
from snnexp.audio.recordings import HeldOut
from snnexp.data.hearing import encode
from snnexp.errors import UserError


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="the wav files")
    parser.add_argument("out", type=Path, help="where the files go")
    parser.add_argument("--splits", nargs="+", choices=list(HeldOut), default=list(HeldOut), help="(default: both)")
    parser.add_argument("--held-out", nargs="+", default=[], metavar="NAME", help="test speakers (default: the last)")
    parser.add_argument("--channels", type=int, default=700, help="places of the membrane (default: 700)")
    parser.add_argument(
        "--wave", choices=list(Wave), default=Wave.DELAYED, help="advanced: as the Heidelberg code (default: delayed)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the nerve fibres (default: 0)")
    parser.add_argument("--processes", type=int, default=1, help="side by side (default: 1)")
    arguments = parser.parse_args()
    try:
        membrane = BasilarMembrane(channels=arguments.channels, wave=Wave(arguments.wave))
        written = encode(
            arguments.folder,
            arguments.out,
            Ear(membrane),
            [HeldOut(split) for split in arguments.splits],
            held_out=arguments.held_out,
            seed=arguments.seed,
            processes=arguments.processes,
        )
    except (UserError, OSError) as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit("stopped; the same command goes on from here")
    for path in written:
        print(path)


if __name__ == "__main__":
    main()
