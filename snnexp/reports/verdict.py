"""What a comparison can end in."""

from enum import StrEnum
from typing import NamedTuple


class Verdict(StrEnum):
    REPRODUCED = "reproduced"
    NOT_REPRODUCED = "not reproduced"
    NO_DATA = "no data yet"


class Finding(NamedTuple):
    """A verdict, the numbers that it rests on in one line, and the test by name."""

    verdict: Verdict
    reason: str
    test: str


class NoDataError(Exception):
    """The runs do not allow a verdict; the text says what is lacking."""


def judged(holds: bool, reason: str, test: str) -> Finding:
    return Finding(Verdict.REPRODUCED if holds else Verdict.NOT_REPRODUCED, reason, test)
