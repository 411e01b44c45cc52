"""Where every experiment stands: what it asks, and what its report found, if it has one."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from snnexp.reports.report import STAND_IN

PAPERS = ("stabilizing", "theory", "propagation", "robustness")  # other folders, of questions of our own, come after
REDUCED = "_reduced"


class Asked(NamedTuple):
    """The question of an experiment, the scale of its runs, and what stands in for the paper's data, if that is so."""

    name: str
    title: str
    scale: str
    stand_in: str | None


class Standing(NamedTuple):
    """An experiment with its report. planned, over: runs of the sweep, and how many of them the report rests on.

    Where there is no report, there are no runs and no judgements (each a dictionary, as `index.entry` writes them).
    """

    asked: Asked
    planned: int
    over: int
    judgements: Sequence[dict[str, Any]]

    @property
    def paper(self) -> str:
        return self.asked.name.partition("/")[0]

    @property
    def of_a_paper(self) -> bool:
        """Whether what it claims was published by one of the papers, and is not a question of our own."""
        return self.paper in PAPERS

    @property
    def figure(self) -> str:
        """One name for a figure at both scales."""
        return self.asked.name.removesuffix(REDUCED)

    @property
    def basis(self) -> str:
        return ", ".join(filter(None, (self.asked.scale, STAND_IN * bool(self.asked.stand_in))))

    @property
    def runs(self) -> str:
        """How many runs the report rests on, and of how many if some are missing."""
        return str(self.over) if self.over == self.planned else f"{self.over} of {self.planned}"

    @property
    def counts(self) -> Counter[str]:
        return Counter(judgement["verdict"] for judgement in self.judgements)


class Tally(NamedTuple):
    """Several experiments in numbers. A figure with two scales counts once, and as reported if one of them is."""

    reported: int
    at_paper_scale: int
    waiting: int
    counts: Counter[str]
    on_stand_in: Counter[str]


def standings(asked: Iterable[Asked], reports: Path) -> list[Standing]:
    """All experiments, papers first; also those of which only the report is left. A report without runs is none."""
    entries = {entry["experiment"]: entry for entry in map(_read, sorted(reports.glob("*/**/*.json")))}
    left = [Asked(name, entry["title"], entry["scale"], entry.get("stand_in")) for name, entry in entries.items()]
    all_asked = {each.name: each for each in [*left, *asked]}
    found = [_standing(each, entries.get(name, {})) for name, each in all_asked.items()]
    return sorted(found, key=_place)


def by_paper(found: Iterable[Standing]) -> dict[str, list[Standing]]:
    return {paper: list(group) for paper, group in groupby(found, lambda standing: standing.paper)}


def tally(found: Sequence[Standing]) -> Tally:
    over = [standing for standing in found if standing.over]
    reported = {standing.figure for standing in over}
    counts = [Counter[str](), Counter[str]()]
    for standing in over:
        for counter in counts[: 1 + bool(standing.asked.stand_in)]:
            counter.update(standing.counts)
    return Tally(
        len(reported),
        len({standing.figure for standing in over if standing.basis == "paper"}),
        len({standing.figure for standing in found} - reported),
        *counts,
    )


def _read(file: Path) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads(file.read_text())
    return entry


def _standing(asked: Asked, entry: dict[str, Any]) -> Standing:
    if not entry.get("over"):
        return Standing(asked, 0, 0, ())
    return Standing(asked, int(entry["runs"].partition(" ")[0]), entry["over"], entry["judgements"])


def _place(standing: Standing) -> tuple[Any, ...]:
    """Papers in their order, figures by number, the paper's scale first."""
    paper = PAPERS.index(standing.paper) if standing.of_a_paper else len(PAPERS)
    numbered = [part.zfill(3) if part.isdigit() else part for part in re.split(r"(\d+)", standing.figure)]
    return paper, numbered, standing.asked.name
