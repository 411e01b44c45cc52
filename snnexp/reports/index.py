"""The page over all experiments, and what it and other programs need to know of a report."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from snnexp.files import write_atomically
from snnexp.reports import markup
from snnexp.reports.report import STAND_IN
from snnexp.reports.sheet import Sheet
from snnexp.reports.standing import Standing, by_paper, tally
from snnexp.reports.verdict import Verdict

SHOWN = 5  # claims of a report that are not folded away
FIRST = (Verdict.NOT_REPRODUCED, Verdict.REPRODUCED, Verdict.NO_DATA)  # what contradicts is most worth reading

STYLE = """<style>
.bar { display: flex; gap: 2px; height: .5rem; margin: .35rem 0; max-width: 24rem; }
.bar span { background: currentColor; border-radius: 2px; min-width: 3px; }
.report { display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; margin: 1.2rem 0 1.8rem; }
.report > a { flex: 1 1 16rem; max-width: 22rem; }
.report > div { flex: 3 1 22rem; min-width: 0; }
.report img { width: 100%; max-height: 13rem; object-fit: contain; object-position: top; background: #fff;
              border: 1px solid var(--line); border-radius: 4px; }
.report h3 { font-size: 1rem; margin: 0; }
.report p { margin: 0; }
.claims { list-style: none; margin: .3rem 0 0; padding: 0; font-size: .9rem; }
.claims li { padding-left: 1rem; text-indent: -1rem; }
.mark { border: 1px solid currentColor; border-radius: 3px; padding: 0 .3rem; font-size: .8rem; }
.waiting { columns: 22rem; column-gap: 2rem; font-size: .9rem; padding-left: 1.1rem; }
.waiting li { break-inside: avoid; }
</style>"""


def entry(sheet: Sheet) -> str:
    """What the index, or any other program, needs to know of a report, as JSON."""
    content = {
        "experiment": sheet.name,
        "title": sheet.report.title,
        "scale": sheet.report.scale,
        "stand_in": sheet.report.stand_in,
        "runs": sheet.states,
        "over": sheet.over,
        "judgements": [
            {"verdict": finding.verdict, "words": words, "reason": finding.reason, "test": finding.test, "read": source}
            for words, finding, source in sheet.judgements
        ],
    }
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def write(reports: Path, found: Sequence[Standing], heading: Callable[[str], str]) -> Path:
    """Write index.html into the folder of all reports; heading: what a paper is called. Returns the page's path."""
    papers = "".join(_paper(heading(paper), group) for paper, group in by_paper(found).items())
    published = [standing for standing in found if standing.of_a_paper]  # not summed up with questions of our own
    body = f"{STYLE}<h1>Four papers, figure by figure</h1>\n{_numbers(published)}{papers}"
    path = reports / "index.html"
    write_atomically(path, markup.document("Reports", body))
    return path


def _paper(heading: str, group: Sequence[Standing]) -> str:
    reports = "".join(_report(standing) for standing in group if standing.over)
    waiting = [standing for standing in group if not standing.over]
    figures = groupby(waiting, lambda standing: standing.figure)
    lines = "".join(_waiting(figure, list(scales)) for figure, scales in figures)
    summary = f"Ready, not run: {len({standing.figure for standing in waiting})}"
    folded = markup.folded(summary, f'<ul class="waiting">{lines}</ul>') if waiting else ""
    return markup.section(heading, "", _numbers(group) + reports + folded)


def _numbers(group: Sequence[Standing]) -> str:
    """Verdicts and figures of several experiments, as a bar and in words."""
    numbers = tally(group)
    figures = f"{numbers.reported} of {numbers.reported + numbers.waiting} figures have a report"
    standing_in = numbers.on_stand_in.total()
    mark = f' · <span class="mark">{standing_in} of these verdicts on stand-in data</span>' if standing_in else ""
    return f'{_bar(numbers.counts)}<p class="note">{_counts(numbers.counts)}{figures}{mark}</p>\n'


def _report(standing: Standing) -> str:
    name = escape(standing.asked.name)
    stand_in = standing.asked.stand_in
    mark = f' <span class="mark">{STAND_IN}: {escape(stand_in)}</span>' if stand_in else ""
    said = f"{_counts(standing.counts)}{name}, {standing.asked.scale} scale, {standing.runs} runs{mark}"
    claims = [line for verdict in FIRST for line in standing.judgements if line["verdict"] == verdict]
    more = markup.folded(f"and {len(claims) - SHOWN} more", _claims(claims[SHOWN:])) if claims[SHOWN:] else ""
    return (
        f'<article class="report"><a href="{name}.html"><img src="{name}.png" alt="" loading="lazy"></a>'
        f'<div><h3><a href="{name}.html">{escape(standing.asked.title)}</a></h3>\n{_bar(standing.counts)}'
        f'<p class="note">{said}</p>{_claims(claims[:SHOWN])}{more}</div></article>\n'
    )


def _claims(claims: Iterable[dict[str, Any]]) -> str:
    lines = (
        f'<li title="{escape(claim["words"])}: {escape(claim["reason"])}">{markup.verdict(claim["verdict"])} '
        f"{escape(claim['words'])}</li>\n"
        for claim in claims
    )
    return f'<ul class="claims">{"".join(lines)}</ul>'


def _waiting(figure: str, scales: Sequence[Standing]) -> str:
    bases = "; ".join(standing.basis for standing in scales)
    return f'<li>{escape(scales[0].asked.title)} <span class="note">{escape(figure)} ({bases})</span></li>\n'


def _bar(counts: Counter[str]) -> str:
    """As long for every experiment, in parts as large as the numbers of its verdicts."""
    parts = (
        f'<span class="{markup.kind(verdict)}" style="flex: {number}" title="{number} {verdict}"></span>'
        for verdict, number in ((verdict, counts[verdict]) for verdict in Verdict)
        if number
    )
    return f'<div class="bar">{"".join(parts)}</div>\n' if counts else ""


def _counts(counts: Counter[str]) -> str:
    return "".join(f"{counts[verdict]} {verdict} · " for verdict in Verdict if counts[verdict])
