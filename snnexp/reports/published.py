"""A number that somebody published, and what the runs say of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
import pandas as pd

from snnexp.errors import choice, require
from snnexp.reports import statistics
from snnexp.reports.best import averaged, picked
from snnexp.reports.scores import SEEDS, Best, demand_seeds, one_cell, scored
from snnexp.reports.table import swept
from snnexp.reports.verdict import Finding, NoDataError, Verdict, judged

EXACT = "difference against the tolerance; nothing is drawn"
TEST = "95% t interval of the mean against the tolerance"
BOUND = "95% t interval of the mean against the bound"


class Sure(StrEnum):
    """How sure a published value is: where it can be read."""

    PRINTED = "printed"
    PLOT = "plot"
    CODE = "code"
    THIRD_PARTY = "third_party"
    UNVERIFIED = "unverified"


@dataclass(frozen=True)
class Value:
    """A published number: what it is in words, the metric that it is one of, where it was read and how sure that is.

    tolerance: how far a mean may lie from the value and still be it, written down before the runs; the published
    standard deviation over seeds (`sd`) is it where no tolerance is given.
    at: the swept values that it belongs to, which must leave only the seed open.
    """

    words: str
    metric: str
    value: float
    where: str
    sure: str
    tolerance: float | None = None
    sd: float | None = None
    at: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        choice(Sure, "sure", self.sure)
        require(self.within is not None and self.within > 0, "tolerance", self.tolerance, "give it, or sd; above 0")

    @property
    def within(self) -> float | None:
        return self.sd if self.tolerance is None else self.tolerance

    @property
    def theirs(self) -> str:
        return f"{self.value:g}" + (f" ± {self.sd:g}" if self.sd is not None else f" (tolerance {self.tolerance:g})")

    def finding(self, runs: pd.DataFrame) -> Finding:
        """Reproduced where the interval of our mean lies within the tolerance, not reproduced where it lies outside.

        Between the two the seeds do not decide, and there is no verdict yet.
        """
        chosen = scored(runs, self.metric, Best.LOWEST, self.at)
        if free := swept(chosen):
            raise NoDataError(f"the value does not say at which {free[0]}")
        ours = chosen["score"].to_numpy(float)
        demand_seeds(len(ours), SEEDS)
        if diverged := int((~np.isfinite(ours)).sum()):
            return judged(False, f"{diverged} of {len(ours)} runs diverged", TEST)
        mean, (low, high), within = ours.mean(), statistics.interval(ours), self.within or 0.0
        reason = f"ours {mean:.4g} [{low:.4g}, {high:.4g}], n = {len(ours)}; theirs {self.theirs}"
        if low <= self.value + within and high >= self.value - within:
            inside = self.value - within <= low and high <= self.value + within
            return Finding(Verdict.REPRODUCED if inside else Verdict.NO_DATA, _undecided(inside) + reason, TEST)
        return judged(False, reason, TEST)


@dataclass(frozen=True, kw_only=True)
class Bound(Value):
    """A published bound of a number that is not printed itself: the mean lies above it (sign 1), or below (-1)."""

    sign: int

    def __post_init__(self) -> None:
        choice(Sure, "sure", self.sure)
        require(self.sign in (1, -1), "sign", self.sign, "must be 1 or -1")

    @property
    def theirs(self) -> str:
        return f"{'above' if self.sign == 1 else 'below'} {self.value:g}"

    def finding(self, runs: pd.DataFrame) -> Finding:
        """Reproduced where the interval of our mean lies on the published side, not reproduced where on the other."""
        ours = one_cell(scored(runs, self.metric, Best.LOWEST, self.at))
        if diverged := int((~np.isfinite(ours)).sum()):
            return judged(False, f"{diverged} of {len(ours)} runs diverged", BOUND)
        low, high = statistics.interval(ours)
        inside, outside = (
            (low > self.value, high <= self.value) if self.sign == 1 else (high < self.value, low >= self.value)
        )
        reason = f"ours {ours.mean():.4g} [{low:.4g}, {high:.4g}], n = {len(ours)}; theirs {self.theirs}"
        if inside or outside:
            return judged(inside, reason, BOUND)
        return Finding(Verdict.NO_DATA, _undecided(False) + reason, BOUND)


@dataclass(frozen=True)
class Exact(Value):
    """A published number that is computed without chance, so that one run decides; with several, each must meet it."""

    def finding(self, runs: pd.DataFrame) -> Finding:
        """Reproduced where every run lies within the tolerance."""
        ours = scored(runs, self.metric, Best.LOWEST, self.at)["score"].to_numpy(float)
        worst = ours[np.argmax(np.abs(ours - self.value))]
        return judged(abs(worst - self.value) <= (self.within or 0.0), f"ours {worst:.6g}; theirs {self.theirs}", EXACT)


@dataclass(frozen=True, kw_only=True)
class OfBest(Value):
    """A published mean over the best cells of a grid.

    For each seed it is that of the `top` runs with the best values of the metric `rank`, among those that `at` leaves.
    """

    rank: str
    best: str
    top: int

    def finding(self, runs: pd.DataFrame) -> Finding:
        """As of a `Value`, of the means of the best."""
        chosen = scored(runs, self.rank, self.best, self.at)
        return super().finding(averaged(picked(chosen, self.rank, self.best, list(self.at), self.top), list(self.at)))


def _undecided(decided: bool) -> str:
    return "" if decided else "too few seeds to decide: "
