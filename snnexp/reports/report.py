"""What an experiment file asks of its runs, and the verdicts on it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import pandas as pd

from snnexp.reports.chart import Chart
from snnexp.reports.published import Value
from snnexp.reports.verdict import Finding, NoDataError, Verdict

Claim = Callable[[pd.DataFrame], Finding]


class Judgement(NamedTuple):
    """One value or claim: in words, what was found, and for a value where it was read."""

    words: str
    finding: Finding
    source: str


@dataclass(frozen=True)
class Report:
    """The `report` of an experiment.

    scale: whether the runs are as many, as long and on as much data as the paper's. metrics: the columns of the table.
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

    def judge(self, runs: pd.DataFrame) -> list[Judgement]:
        """A judgement on every published value, then on every claim."""
        values = [
            Judgement(value.words, _found(value.finding, runs), f"{value.where} ({value.sure})")
            for value in self.published
        ]
        return values + [Judgement(words, _found(claim, runs), "") for words, claim in self.claims.items()]


def _found(check: Claim, runs: pd.DataFrame) -> Finding:
    try:
        return check(runs)
    except NoDataError as lacking:
        return Finding(Verdict.NO_DATA, str(lacking), "")
