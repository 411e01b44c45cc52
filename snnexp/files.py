"""Files that are whole or absent, whenever the power goes."""

import os
from collections.abc import Iterable
from pathlib import Path

from snnexp.errors import UserError


def write_atomically(path: Path, content: str | bytes | Iterable[bytes | memoryview]) -> None:
    """Put `content` (text as UTF-8) at `path`, so that a reader sees the old file or the new one and nothing between.

    What is large comes piece by piece. The new file is on the disk before it gets its name, and the name is on the disk
    on return. The folder must exist.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            for piece in [content] if isinstance(content, str | bytes) else content:
                file.write(piece.encode() if isinstance(piece, str) else piece)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def append_line(path: Path, text: str) -> None:
    """Add one line to a growing file; it is on the disk on return.

    What an earlier crash left of a torn last line is cut off first, since the new line would continue it.
    """
    with path.open("ab+") as file:
        file.seek(0)
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)
        file.write(text.encode() + b"\n")
        file.flush()
        os.fsync(file.fileno())


def read_lines(path: Path) -> list[str]:
    """The complete lines, without their ends; a last line that a crash has torn is left out."""
    return [line.decode() for line in path.read_bytes().split(b"\n")[:-1]]


def fill(path: Path, mark: str, content: str) -> None:
    """Put `content` between the lines <!-- mark --> and <!-- end --> of a Markdown file, in place of what is there.

    Raises `UserError` where the file can't be read or has no such lines.
    """
    begin, end = f"<!-- {mark} -->\n", "<!-- end -->\n"
    try:
        text = path.read_text()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}") from error
    before, found, rest = text.partition(begin)
    _, closed, after = rest.partition(end)
    if not (found and closed):
        raise UserError(f"there is no place for the table: the lines {begin.strip()} and {end.strip()} are missing")
    write_atomically(path, f"{before}{begin}{content}{end}{after}")
