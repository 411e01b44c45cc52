"""What a user can get wrong, said in one line."""

from enum import StrEnum
from typing import TypeVar

E = TypeVar("E", bound=StrEnum)


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
