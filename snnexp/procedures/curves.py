"""What a procedure that trains nothing keeps beside its numbers: whole curves and maps."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from snnexp.files import write_atomically

FILE = "curves.npz"


def save(folder: Path, arrays: Mapping[str, Tensor | NDArray[np.floating]]) -> None:
    """Write `curves.npz`: arrays of one or two axes by name, as `snnexp.reports.curves` reads them.

    The run's page draws them all: over the first array of the same length, so places (layers, steps, angles) come
    before what is drawn over them; an array of two axes is an image, rows from below.
    """
    plain = {
        name: array.detach().cpu().numpy() if isinstance(array, Tensor) else array for name, array in arrays.items()
    }
    content = io.BytesIO()
    np.savez_compressed(content, **plain)  # type: ignore[arg-type]
    write_atomically(folder / FILE, content.getvalue())
