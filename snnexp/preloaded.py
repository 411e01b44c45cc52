"""What every process that runs jobs needs, imported; see `workers`."""

import gc

from snnexp.imports import uncollected
from snnexp.parent import die_with_parent

die_with_parent()

with uncollected():
    import snnexp.run  # noqa: F401

gc.freeze()  # so that no collection in a forked process writes to memory that all of them share
