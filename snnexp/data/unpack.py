"""Archives, unpacked without leaving their folder."""

import lzma
import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from gzip import BadGzipFile, GzipFile
from pathlib import Path, PurePosixPath
from stat import S_IFMT, S_ISREG
from typing import IO

from snnexp.errors import DataError

BROKEN = (zipfile.BadZipFile, tarfile.TarError, BadGzipFile, EOFError, zlib.error, lzma.LZMAError)


def unpack(archive: Path, wanted: str) -> Path:
    """Put the file or folder `wanted` of a zip, tar (of any compression) or gz beside the archive, under its last name.

    It appears whole or not at all. Only plain files are written, none of them executable, and nothing of the archive is
    read as anything but bytes. Raises DataError where the archive is broken, lacks what is wanted, or has a member that
    would lie elsewhere, is a link, a device or there twice. Returns where it lies.
    """
    goal = archive.parent / PurePosixPath(wanted).name
    workshop = archive.parent / f".{archive.name}.unpacked"
    shutil.rmtree(workshop, ignore_errors=True)  # of an attempt that was killed
    try:
        for name, content in _members(archive):
            path = PurePosixPath(name)
            if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
                raise DataError(f"{archive}: {name!r} would lie outside of the folder; nothing was unpacked")
            if path.is_relative_to(wanted):
                _write(content, workshop / path)
        if not (workshop / wanted).exists():
            raise DataError(f"{archive} does not hold {wanted}")
        (workshop / wanted).replace(goal)
    except FileExistsError as error:
        raise DataError(f"{archive}: {error.filename} is there twice") from None
    except BROKEN as error:
        raise DataError(f"{archive} is damaged: {error}") from None
    finally:
        shutil.rmtree(workshop, ignore_errors=True)
    return goal


def _write(content: GzipFile | IO[bytes], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as target:
        shutil.copyfileobj(content, target, 1 << 20)
        target.flush()
        os.fsync(target.fileno())


def _members(archive: Path) -> Iterator[tuple[str, GzipFile | IO[bytes]]]:
    """Name and content of every file; folders are left out, since files make them."""
    if zipfile.is_zipfile(archive):
        return _of_zip(archive)
    if tarfile.is_tarfile(archive):
        return _of_tar(archive)
    if archive.suffix == ".gz":
        return _of_gzip(archive)
    raise DataError(f"{archive} is no zip, tar or gz file, or not a whole one")


def _of_zip(archive: Path) -> Iterator[tuple[str, GzipFile | IO[bytes]]]:
    with zipfile.ZipFile(archive) as file:
        for member in file.infolist():
            mode = member.external_attr >> 16
            if S_IFMT(mode) and not S_ISREG(mode) and not member.is_dir():
                raise DataError(f"{archive}: {member.filename!r} is not a plain file; nothing was unpacked")
            if not member.is_dir():
                with file.open(member) as content:
                    yield member.orig_filename, content


def _of_tar(archive: Path) -> Iterator[tuple[str, GzipFile | IO[bytes]]]:
    with tarfile.open(archive) as file:
        for member in file:
            if not member.isfile() and not member.isdir():
                raise DataError(f"{archive}: {member.name!r} is not a plain file; nothing was unpacked")
            content = file.extractfile(member)
            if content is not None:
                with closing(content):
                    yield member.name, content


def _of_gzip(archive: Path) -> Iterator[tuple[str, GzipFile | IO[bytes]]]:
    with GzipFile(archive) as content:
        yield archive.stem, content
