"""Download published data sets into the folder that `paths.data` names."""

import argparse
import os
import sys
from pathlib import Path

from snnexp.data.fetch import fetch
from snnexp.data.published import MNIST
from snnexp.errors import DataError

PUBLISHED = {published.name: published for published in [MNIST]}

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("name", nargs="+", choices=PUBLISHED, help="which data sets")
parser.add_argument(
    "--root",
    type=Path,
    default=Path(os.environ.get("SNNEXP_DATA", "data")),
    help="the folder (default: the variable SNNEXP_DATA, or else ./data)",
)
arguments = parser.parse_args()
try:
    for name in arguments.name:
        fetch(PUBLISHED[name], arguments.root)
except (DataError, OSError) as error:
    sys.exit(str(error))
