"""What a user can get wrong, said in one line."""

import errno
import re
from enum import StrEnum
from typing import TypeVar

E = TypeVar("E", bound=StrEnum)

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)

# In messages of torch, whose errors for this are of no class of their own on a CPU, or come from a worker as text.
NO_MEMORY = ("out of memory", "can't allocate memory")


class UserError(Exception):
    """Something a user can mend; its text is one line, shown without a traceback."""


class OptionError(UserError, ValueError):
    """An option has a value that cannot be used.

    The constructor that refuses the value knows only its own parameter (`threshold`); `config.explain` puts the
    place in the configuration before it (`neuron.threshold`).
    """

    def __init__(self, option: str, value: object, right: str) -> None:
        super().__init__(f"{option}={_as_written(value)}: {right}")
        self.option, self.value, self.right = option, value, right

    def __reduce__(self) -> tuple[type, tuple[str, object, str]]:
        return type(self), (self.option, self.value, self.right)


def _as_written(value: object) -> object:
    """A value as a user writes it in YAML or on the command line."""
    return "null" if value is None else str(value).lower() if isinstance(value, bool) else value


class DataError(UserError):
    """A file of a data set is missing, damaged or not what its name says."""


def choice(kind: type[E], option: str, value: str) -> E:
    """The member of a closed set that a user named; raises `OptionError`, which lists the set."""
    try:
        return kind(value)
    except ValueError:
        raise OptionError(option, value, f"must be one of {', '.join(kind)}") from None


def require(holds: bool, option: str, value: object, right: str) -> None:
    """Raise `OptionError` unless the condition on the option's value holds."""
    if not holds:
        raise OptionError(option, value, right)


def shortage(error: BaseException) -> str | None:
    """The line for an error that comes of too small a disk, or memory; None for any other."""
    if isinstance(error, OSError) and error.errno in NO_ROOM:
        return f"{error.strerror}; nothing half-written counts, and the same command goes on where there is room"
    said = isinstance(error, RuntimeError) and any(words in str(error) for words in NO_MEMORY)
    if not said and not isinstance(error, MemoryError):
        return None
    asked = re.search(r"allocate ([\d.]+) ([KMGT]iB|bytes)", str(error))
    given = f" ({_amount(*asked.groups())} more were asked for)" if asked else ""
    return f"out of memory{given}: a smaller dataset.batch_size or a smaller network needs less"


def _amount(number: str, unit: str) -> str:
    """An amount of memory as it was written, but bytes as GB."""
    return f"{int(number) / 1e9:.3g} GB" if unit == "bytes" else f"{number} {unit}"
