"""Published files, brought into the folder of the data: verified before they bear their name."""

import fcntl
import os
import shutil
from functools import partial
from pathlib import Path, PurePosixPath

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from snnexp.data.download import RefusedError, download, right
from snnexp.data.published import File, Published
from snnexp.data.unpack import unpack
from snnexp.errors import DataError

MB = 1e6


def fetch(published: Published, root: Path, console: Console, timeout: float = 30.0) -> None:
    """Bring every file of a data set into its folder under `root`, from the first mirror that has the published one.

    What is there stays as it is and needs no network, whoever has put it there: a file with the right checksum, or what
    an archive would be unpacked to. A download that broke off goes on where it was. `timeout` is in seconds, for every
    wait. Raises DataError where no mirror gives a file, saying what each of them did, and where the disk has no room or
    the folder may not be written.
    """
    try:
        published.path(root).mkdir(parents=True, exist_ok=True)
        for name, file in published.files.items():
            path = published.path(root, name)
            if file.unpacks is not None and (goal := path.with_name(PurePosixPath(file.unpacks).name)).exists():
                _say(console, f"{goal}: there")
                continue
            if _is(path, file):
                _say(console, f"{path}: there")
            else:
                _bring(
                    path, file, [*(mirror + name for mirror in published.mirrors), *file.addresses], console, timeout
                )
                _say(console, f"{path}: {path.stat().st_size / MB:.1f} MB, as published")
            if file.unpacks is not None:
                _say(console, f"{unpack(path, file.unpacks)}: unpacked")
    except OSError as error:
        raise DataError(f"{error.filename or published.path(root)} cannot be written: {error.strerror}") from None


def _bring(path: Path, file: File, addresses: list[str], console: Console, timeout: float) -> None:
    """Download a file as `<name>.part`, which stays when that breaks off, and give it its name when it is right."""
    unfinished = path.with_name(f"{path.name}.part")
    refusals = []
    with unfinished.open("ab+") as target, _bar(console) as bar:
        try:
            fcntl.flock(target, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataError(f"{path} is being fetched by another process") from None
        missing, free = (file.size or 0) - target.tell(), shutil.disk_usage(path.parent).free
        if missing > free:
            raise DataError(
                f"{path}: needs {missing / MB:.0f} MB, and {free / MB:.0f} MB are free; nothing was fetched"
            )
        show = partial(_show, bar, bar.add_task(path.name, total=file.size))
        for address in addresses if not right(target, file) else []:
            try:
                download(address, target, file, show, timeout)
                break
            except RefusedError as error:
                refusals.append(f"{address}: {error}")
        target.flush()
        os.fsync(target.fileno())
        if right(target, file):
            unfinished.replace(path)
            return
        if target.tell() == 0:
            unfinished.unlink()
    raise DataError(f"{path} could not be downloaded (a copy put there by hand will do); {'; '.join(refusals)}")


def _is(path: Path, file: File) -> bool:
    if not path.exists():
        return False
    with path.open("rb") as content:
        return right(content, file)


def _bar(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    return Progress(*columns, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal)


def _show(bar: Progress, task: TaskID, done: int, total: int | None) -> None:
    bar.update(task, completed=done, total=total)


def _say(console: Console, line: str) -> None:
    console.print(line, soft_wrap=True, markup=False, highlight=False)
