"""A report with published values, in every form that it is written in."""

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
import pytest

from snnexp.reports import claims
from snnexp.reports.chart import Lines
from snnexp.reports.published import Value
from snnexp.reports.report import Report
from snnexp.reports.sheet import COLUMNS, Sheet


@pytest.fixture
def sheet() -> Sheet:
    rows = [
        {"sg": sg, "lr": lr, "seed": seed, "state": "done", "id": "x", "commit": f"{seed % 2}" * 40 + "+" * (seed == 1)}
        | {"day": f"2026-01-0{seed + 1}", "acc": accuracy + 0.001 * seed}
        for sg, accuracy in (("a", 0.7), ("b|c<d", 0.5))
        for lr in (0.1, 0.2)
        for seed in range(3)
    ]
    common = {"metric": "acc", "at": {"sg": "a", "lr": 0.1}}
    report = Report(
        title="Title & all",
        words="In words.",
        scale="paper",
        metrics=["acc"],
        figure=Lines(x="lr", series="sg", y=["acc"]),
        published=[
            Value("accuracy of a", value=0.7, tolerance=0.01, where="Fig. 4", sure="plot", **common),
            Value("accuracy of a, said elsewhere", value=0.9, sd=0.01, where="a talk", sure="unverified", **common),
        ],
        claims={
            "a is best " * 12: partial(
                claims.best_is, metric="acc", best="highest", by="sg", winner="a", at={"lr": 0.1}
            )
        },
    )
    return Sheet("paper/fig1", report, pd.DataFrame(rows), "Digits")


def test_a_verdict_for_every_value_and_claim(sheet: Sheet) -> None:
    assert sheet.verdicts == {"reproduced": 2, "not reproduced": 1, "no data yet": 0}
    head, warning, *lines = sheet.lines()
    assert head == "paper/fig1 (paper scale), 12 runs: 12 done"
    assert warning.startswith("  the runs are of 2 states of the code: 0000000000, 1111111111+; + marks a tree with")
    assert (
        lines[0] == "  reproduced      accuracy of a: ours 0.701 [0.6985, 0.7035], n = 3; theirs 0.7 (tolerance 0.01)"
    )
    assert lines[1].startswith("  not reproduced  accuracy of a, said elsewhere: ours 0.701")
    assert len(lines[2]) == COLUMNS
    assert lines[2].endswith("…")


def test_values_stand_beside_their_source_and_how_sure_it_is(sheet: Sheet) -> None:
    markdown = sheet.markdown()
    assert "| accuracy of a | 0.7 (tolerance 0.01) | acc | Fig. 4 | plot |" in markdown
    assert "| accuracy of a, said elsewhere | 0.9 ± 0.01 | acc | a talk | unverified |" in markdown
    assert "| not reproduced | accuracy of a, said elsewhere |" in markdown
    assert "a talk (unverified)" in sheet.html()


def test_names_are_kept_apart_from_markup(sheet: Sheet) -> None:
    assert "| b\\|c<d | 0.1 | 3 of 3 | 0.501 ± 0.001 |" in sheet.markdown()
    html = sheet.html()
    assert "<td>b|c&lt;d</td>" in html
    assert "Title &amp; all" in html


def test_footer_says_where_the_runs_come_from(sheet: Sheet) -> None:
    assert sheet.circumstances == [
        "commits 0000000000, 1111111111+",
        "seeds 0, 1, 2",
        "data Digits",
        "runs of 2026-01-01 to 2026-01-03 (UTC)",
    ]
    only = replace(sheet, runs=sheet.runs.assign(state=np.where(sheet.runs["seed"] == 1, "done", "missing")))
    assert only.circumstances[1] == "seed 1"
    assert replace(sheet, runs=sheet.runs.assign(state="missing")).circumstances[1] == "seeds 0, 1, 2"
