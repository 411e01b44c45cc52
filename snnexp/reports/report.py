"""What an experiment file asks of its runs, and the verdicts on it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import pandas as pd

from snnexp.reports.chart import Chart
from snnexp.reports.published import Value
from snnexp.reports.verdict import Finding, NoDataError, Verdict

Claim = Callable[[pd.DataFrame], Finding]

STAND_IN = "stand-in data"


class Judgement(NamedTuple):
    """One value or claim: in words, what was found, and for a value where it was read."""

    words: str
    finding: Finding
    source: str


@dataclass(frozen=True)
class Report:
    """The `report` of an experiment.

    scale: whether the runs are as many, as long and on as much data as the paper's. A published value is one of that
    scale, so at another one it gets no verdict.
    stand_in: where the paper's data can't be had, what the runs rest on instead, in words, as "spoken digits for SHD".
    A claim of order or trend then gets a verdict that is marked, a published value none.
    metrics: the columns of the table.
    claims: functions of `snnexp.reports.claims` by the claim in words. tables: functions that derive further tables, by
    their captions.
    data: what the runs rest on, where that is not the data set of their configuration.
    """

    title: str
    words: str
    scale: Literal["paper", "reduced"]
    metrics: Sequence[str]
    figure: Chart
    claims: Mapping[str, Claim] = field(default_factory=dict)
    published: Sequence[Value] = ()
    tables: Mapping[str, Callable[[pd.DataFrame], pd.DataFrame]] = field(default_factory=dict)
    data: str | None = None
    stand_in: str | None = None

    @property
    def basis(self) -> str:
        """The scale, and that the data are not the paper's, where they are not."""
        return f"{self.scale} scale" + (f", {STAND_IN}" if self.stand_in else "")

    @property
    def caveat(self) -> str:
        """What a reader must know of the data; nothing where they are the paper's."""
        if self.stand_in is None:
            return ""
        judged = "No verdict is given on the paper's numbers; those on its claims of order and trend are marked."
        return f"{STAND_IN.capitalize()}: {self.stand_in}. {judged}"

    def judge(self, runs: pd.DataFrame) -> list[Judgement]:
        """A judgement on every published value, then on every claim."""
        values = [
            Judgement(value.words, self._of_value(value, runs), f"{value.where} ({value.sure})")
            for value in self.published
        ]
        mark = f" ({STAND_IN})" * bool(self.stand_in)
        claims = [Judgement(words + mark, _found(claim, runs), "") for words, claim in self.claims.items()]
        return values + claims

    def _of_value(self, value: Value, runs: pd.DataFrame) -> Finding:
        """The finding on a published value, without a verdict where the runs are not what it was measured on."""
        found = _found(value.finding, runs)
        if self.basis == "paper scale" or found.verdict is Verdict.NO_DATA:
            return found
        return Finding(Verdict.NO_DATA, f"{self.basis}, so no verdict: {found.reason}", found.test)


def _found(check: Claim, runs: pd.DataFrame) -> Finding:
    try:
        return check(runs)
    except NoDataError as lacking:
        return Finding(Verdict.NO_DATA, str(lacking), "")
