"""One file over HTTP, continued where it broke off."""

from collections.abc import Callable
from functools import partial
from hashlib import file_digest, md5
from http.client import HTTPException, HTTPResponse
from io import BufferedIOBase
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from snnexp.data.published import File

CHUNK = 1 << 18
ATTEMPTS = 50  # at one server; each has to bring something
BEYOND_THE_END = 416  # the status of an answer to a range that the file does not have

Show = Callable[[int, int | None], object]


class RefusedError(Exception):
    """A server did not give the file; the text says what it did instead."""


def right(target: BufferedIOBase, file: File) -> bool:
    """Whether the file's checksum is the published one; afterwards the file is at its end."""
    return _md5(target) == file.md5


def download(address: str, target: BufferedIOBase, file: File, show: Show, timeout: float) -> None:
    """Append to `target` what it lacks, until it is the published file.

    It is continued where the server can do so, and begun anew where it cannot, or where the whole turns out to be
    wrong: what was there before may have been the beginning of another file. `show` is told the bytes that are there,
    and the total where it is known. `timeout` is in seconds, for every wait. Raises RefusedError when an attempt brings
    nothing more, or something else than what was published; of the latter nothing is left in `target`.
    """
    for _ in range(ATTEMPTS):
        before = target.seek(0, 2)
        trouble = _receive(address, target, file, show, timeout)
        size = target.seek(0, 2)
        if trouble is None or size == file.size:
            if right(target, file):
                return
            found = f"{size} bytes, md5 {_md5(target)}"
            target.truncate(0)
            if before == 0:
                raise RefusedError(f"not the published file ({found})")
        elif size <= before and (size or not before):  # nothing left of something is a new beginning
            raise RefusedError(f"{trouble} after {size} bytes")
    raise RefusedError(f"broke off {ATTEMPTS} times")


def _receive(address: str, target: BufferedIOBase, file: File, show: Show, timeout: float) -> str | None:
    """One request; returns what went wrong before the answer was over, None where nothing did."""
    start = target.seek(0, 2)
    try:
        answer = urlopen(Request(address, headers=_headers(start)), timeout=timeout)
    except HTTPError as error:
        error.close()
        if error.code == BEYOND_THE_END and start:
            target.truncate(0)
            return "has no more"
        raise RefusedError(str(error)) from None
    except URLError as error:
        raise RefusedError(f"no answer ({getattr(error.reason, 'strerror', None) or error.reason})") from None
    except (OSError, HTTPException) as error:
        raise RefusedError(str(error)) from None
    with answer:
        if not _continues(answer, start):
            target.truncate(0)
            start = 0
        total = None if answer.length is None else start + answer.length
        while total is None or start < total:
            try:
                chunk = answer.read1(CHUNK if total is None else min(CHUNK, total - start))
            except (OSError, HTTPException) as error:
                return str(error)
            if not chunk:
                return "broke off" if total is not None else None
            target.write(chunk)
            start += len(chunk)
            show(start, total or file.size)
            if file.size is not None and start > file.size:  # it may never end
                break
    return None


def _headers(start: int) -> dict[str, str]:
    return {"User-Agent": "snnexp", **({"Range": f"bytes={start}-"} if start else {})}


def _continues(answer: HTTPResponse, start: int) -> bool:
    """Whether the answer is what comes after the first `start` bytes, and not the whole file."""
    return answer.status == 206 and str(answer.headers["Content-Range"]).startswith(f"bytes {start}-")


def _md5(target: BufferedIOBase) -> str:
    target.seek(0)
    return file_digest(target, partial(md5, usedforsecurity=False)).hexdigest()
