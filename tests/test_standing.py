"""Where experiments stand: one figure at two scales, stand-in data, reports without runs or without a file."""

import json
from pathlib import Path
from typing import Any

from snnexp.reports.standing import Asked, Standing, by_paper, standings, tally

ASKED = [
    Asked("robustness/fig3", "Is it robust?", "paper", None),
    Asked("stabilizing/fig10", "Last?", "paper", None),
    Asked("stabilizing/fig4", "Which condition?", "paper", None),
    Asked("stabilizing/fig4_code", "Which condition of the code?", "paper", None),
    Asked("stabilizing/fig4_reduced", "Which condition?", "reduced", "speech for SHD"),
    Asked("mine/fig1", "Mine?", "paper", None),
]


def write(reports: Path, name: str, over: int, verdicts: str, **more: Any) -> None:
    """A report; verdicts: r reproduced, n not reproduced, else no data yet."""
    words = {"r": "reproduced", "n": "not reproduced"}
    judgements = [
        {"verdict": words.get(letter, "no data yet"), "words": f"claim {letter}", "reason": "p = 0.5"}
        for letter in verdicts
    ]
    entry = {"experiment": name, "title": "Left?", "scale": "paper", "runs": f"30 runs: {over} done", "over": over}
    path = reports / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(entry | more | {"judgements": judgements}))


def example(reports: Path) -> list[Standing]:
    write(reports, "stabilizing/fig4_reduced", 30, "rrn")
    write(reports, "robustness/fig3", 0, "--")
    write(reports, "theory/fig1", 29, "r-")
    return standings(ASKED, reports)


def test_papers_come_first_and_figures_by_number(tmp_path: Path) -> None:
    assert [standing.asked.name for standing in example(tmp_path)] == [
        "stabilizing/fig4",
        "stabilizing/fig4_reduced",
        "stabilizing/fig4_code",
        "stabilizing/fig10",
        "theory/fig1",  # of which only the report is left
        "robustness/fig3",
        "mine/fig1",
    ]


def test_what_a_report_rests_on(tmp_path: Path) -> None:
    found = {standing.asked.name: standing for standing in example(tmp_path)}
    assert found["theory/fig1"].runs == "29 of 30"
    assert found["stabilizing/fig4_reduced"].runs == "30"
    assert found["stabilizing/fig4_reduced"].basis == "reduced, stand-in data"
    assert (found["robustness/fig3"].over, found["robustness/fig3"].judgements) == (0, ())  # no run, no report


def test_a_figure_counts_once(tmp_path: Path) -> None:
    papers = by_paper(example(tmp_path))
    assert list(papers) == ["stabilizing", "theory", "robustness", "mine"]
    numbers = tally(papers["stabilizing"])
    assert (numbers.reported, numbers.at_paper_scale, numbers.waiting) == (1, 0, 2)
    assert numbers.counts == numbers.on_stand_in == {"reproduced": 2, "not reproduced": 1}
    numbers = tally(papers["theory"])
    assert (numbers.reported, numbers.at_paper_scale, numbers.waiting) == (1, 1, 0)
    assert (numbers.counts, numbers.on_stand_in) == ({"reproduced": 1, "no data yet": 1}, {})
