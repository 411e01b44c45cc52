"""Download of published files: verified before they bear their name."""

import os
import sys
from hashlib import md5
from http.client import HTTPException
from pathlib import Path
from urllib.request import urlopen

from snnexp.data.published import Published
from snnexp.errors import DataError

CHUNK = 1 << 16


def fetch(published: Published, root: Path, timeout: float = 30.0) -> None:
    """Bring every file of a data set into its folder under `root`, from the first mirror that has the published one.

    Files that are there and right stay as they are. `timeout` is in seconds, for each answer of a server. Raises
    DataError where no mirror gives a file, saying what each of them answered.
    """
    folder = root / published.name
    folder.mkdir(parents=True, exist_ok=True)
    for file, digest in published.md5.items():
        path = folder / file
        if path.exists() and md5(path.read_bytes(), usedforsecurity=False).hexdigest() == digest:
            print(f"{path}: there", file=sys.stderr)
            continue
        answers = []
        for mirror in published.mirrors:
            try:
                _download(mirror + file, path, digest, timeout)
                break
            except (OSError, HTTPException, DataError) as error:
                answers.append(f"{mirror}: {error}")
        else:
            raise DataError(f"{path} could not be downloaded; {'; '.join(answers)}")


def _download(url: str, path: Path, digest: str, timeout: float) -> None:
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    found, size = md5(usedforsecurity=False), 0
    try:
        with urlopen(url, timeout=timeout) as answer, partial.open("wb") as target:
            while chunk := answer.read(CHUNK):
                target.write(chunk)
                found.update(chunk)
                size += len(chunk)
                print(f"{path}: {size / 1e6:.1f} MB", end="\r", file=sys.stderr)
            target.flush()
            os.fsync(target.fileno())
        if found.hexdigest() != digest:
            raise DataError(f"not the published file ({size} bytes, md5 {found.hexdigest()})")
        partial.replace(path)
        print(f"{path}: {size / 1e6:.1f} MB, as published", file=sys.stderr)
    finally:
        partial.unlink(missing_ok=True)
