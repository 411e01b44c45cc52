"""The verdicts over all experiments as Markdown: papers, their sum, questions of our own; then what each one has."""

from collections.abc import Iterable, Sequence
from itertools import groupby

from snnexp.reports.standing import Standing, by_paper, tally
from snnexp.reports.verdict import Verdict

NOTE = """\
A figure counts once, whichever of its scales has a report. In brackets: how many of these verdicts rest on stand-in
data. The files of those that were not run stand ready. Below the sum stand questions of our own, and the papers'
asked of other data: there `reproduced` says that our runs show what the experiment's file claims.
"""


def markdown(found: Iterable[Standing]) -> str:
    papers = by_paper(found)
    published = [standing for group in papers.values() for standing in group if standing.of_a_paper]
    columns = ["", "figures with a report", "of these at the paper's scale", "not run", *Verdict]
    theirs = [_summary(paper, group) for paper, group in papers.items() if group[0].of_a_paper]
    ours = [_summary(paper, group) for paper, group in papers.items() if not group[0].of_a_paper]
    table = _table(columns, [*theirs, _summary("**the papers**", published), *ours])
    return "\n".join([table, NOTE, *(_folded(paper, group) for paper, group in papers.items())])


def _summary(name: str, group: Sequence[Standing]) -> list[str]:
    numbers = tally(group)
    cells = [_number(number) for number in (numbers.reported, numbers.at_paper_scale, numbers.waiting)]
    for verdict in Verdict:
        standing_in = numbers.on_stand_in[verdict]
        cells.append(_number(numbers.counts[verdict]) + f" ({standing_in})" * bool(standing_in))
    return [name, *cells]


def _folded(paper: str, group: Sequence[Standing]) -> str:
    numbers = tally(group)
    said = f"{numbers.reported} of {numbers.reported + numbers.waiting} figures have a report"
    rows = [_row(standing) for standing in group if standing.over]
    waiting = groupby((standing for standing in group if not standing.over), lambda standing: standing.figure)
    lines = [_waiting(figure, list(scales)) for figure, scales in waiting]
    blocks = [
        f"<details><summary><b>{paper}</b>: {said}</summary>\n",
        _table(["experiment", "asks", "scale", *Verdict, "report"], rows) if rows else "",
        "Not run:\n\n" + "".join(lines) if lines else "",
        "</details>\n",
    ]
    return "\n".join(block for block in blocks if block)


def _row(standing: Standing) -> list[str]:
    name = standing.asked.name
    report = f"[{standing.runs} runs](outputs/reports/{name}.md)"
    counts = [_number(standing.counts[verdict]) for verdict in Verdict]
    return [_file(name.partition("/")[2], name), standing.asked.title, standing.basis, *counts, report]


def _waiting(figure: str, scales: Sequence[Standing]) -> str:
    files = "; ".join(_file(standing.basis, standing.asked.name) for standing in scales)
    return f"- {figure.partition('/')[2]} ({files}): {scales[0].asked.title}\n"


def _file(words: str, name: str) -> str:
    return f"[{words}](conf/experiment/{name}.yaml)"


def _number(number: int) -> str:
    return str(number or "")


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
