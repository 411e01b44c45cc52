"""Files that are whole or absent, whenever the power goes."""

import os
from collections.abc import Iterable
from pathlib import Path


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
