"""Download published data sets into the folder that `paths.data` names; what is there already is left alone."""

import argparse
import os
import sys
from pathlib import Path

from rich.console import Console

from snnexp.data import published
from snnexp.data.fetch import fetch
from snnexp.errors import DataError

PUBLISHED = {each.name: each for each in published.ALL}

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("name", nargs="+", choices=PUBLISHED, metavar="name", help=", ".join(PUBLISHED))
parser.add_argument(
    "--root",
    type=Path,
    default=Path(os.environ.get("SNNEXP_DATA", "data")),
    help="the folder (default: the variable SNNEXP_DATA, or else ./data)",
)
arguments = parser.parse_args()
refused = []
try:
    for name in arguments.name:
        try:
            fetch(PUBLISHED[name], arguments.root, Console(stderr=True))
        except DataError as error:  # the others may have better luck
            refused.append(str(error))
except KeyboardInterrupt:
    sys.exit("stopped; the same command goes on where it was")
if refused:
    sys.exit("\n".join(refused))
