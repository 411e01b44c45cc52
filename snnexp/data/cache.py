"""Arrays made from files once, kept on disk, and mapped into memory."""

import hashlib
import json
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from snnexp.files import write_atomically

Arrays = dict[str, NDArray[Any]]

FORMAT = 1
ALIGNED = 64  # bytes: every array begins at a multiple
FOLDER = ".cache"


def cached(folder: Path, files: Sequence[Path], transform: Mapping[str, Any], make: Callable[[], Arrays]) -> Arrays:
    """What `make` makes of the files: made once, and afterwards mapped into memory from `folder`/.cache, read-only.

    It is made again when a file has another size or time of change, when `transform` (plain values: everything besides
    the files on which the arrays depend, and a version of the code) is another one, or when the stored arrays are not
    whole. Where the folder may not be written or has no room, a warning says so and the arrays stay in memory.

    `files` lie in `folder`. Raises what `make` raises; nothing is stored then.
    """
    key = _key(folder, files, transform)
    path = folder / FOLDER / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.arrays"
    if (stored := _read(path, key)) is not None:
        return stored
    made = make()
    try:
        path.parent.mkdir(exist_ok=True)
        write_atomically(path, _chunks(key, made))
    except OSError as error:
        warnings.warn(f"{path} cannot be written ({error.strerror}): every run will read the files anew", stacklevel=2)
        return made
    return _read(path, key) or made


def _key(folder: Path, files: Sequence[Path], transform: Mapping[str, Any]) -> str:
    found = [(str(file.relative_to(folder)), file.stat().st_size, file.stat().st_mtime_ns) for file in files]
    return json.dumps({"format": FORMAT, "files": found, "transform": dict(transform)}, sort_keys=True)


def _chunks(key: str, arrays: Arrays) -> Iterator[bytes | memoryview]:
    """The file: a line of JSON that says what is inside, then the arrays."""
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    inside = {
        name: {"dtype": array.dtype.str, "shape": array.shape, "crc": zlib.crc32(_bytes(array))}
        for name, array in whole.items()
    }
    head = json.dumps({"key": key, "arrays": inside}).encode()
    yield head + b" " * (-(len(head) + 1) % ALIGNED) + b"\n"
    for array in whole.values():
        yield _bytes(array)
        yield bytes(-array.nbytes % ALIGNED)


def _read(path: Path, key: str) -> Arrays | None:
    """The stored arrays; None where there are none, or not these, or not whole."""
    try:
        with path.open("rb") as file:
            head = file.readline()
        inside = json.loads(head)
        if inside["key"] != key:
            return None
        arrays: Arrays = {}
        start = len(head)
        for name, item in inside["arrays"].items():
            dtype, shape = np.dtype(item["dtype"]), tuple(item["shape"])
            size = dtype.itemsize * int(np.prod(shape, dtype=np.int64))
            # As a plain array: every slice of a memmap costs microseconds.
            array = np.asarray(np.memmap(path, dtype, "r", start, shape)) if size else np.empty(shape, dtype)
            if dtype.hasobject or zlib.crc32(_bytes(array)) != item["crc"]:
                return None
            arrays[name] = array
            start += size + -size % ALIGNED
    except (OSError, ValueError, KeyError, TypeError, AttributeError):  # not there; torn; another kind of file
        return None
    return arrays


def _bytes(array: NDArray[Any]) -> memoryview:
    return array.reshape(-1).view(np.uint8).data
