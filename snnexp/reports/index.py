"""The page over all reports that lie in a folder."""

import json
from collections import Counter
from html import escape
from itertools import groupby
from pathlib import Path
from typing import Any

from snnexp.files import write_atomically
from snnexp.reports import markup
from snnexp.reports.report import STAND_IN
from snnexp.reports.sheet import Sheet
from snnexp.reports.verdict import Verdict


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


def entries(reports: Path) -> list[dict[str, Any]]:
    """What `entry` has written, in the order of papers and figures."""
    return [json.loads(file.read_text()) for file in sorted(reports.glob("*/**/*.json"))]


def markdown(reports: Path) -> str:
    """The table of verdicts over all reports, a row for each."""
    lines = ["| experiment | " + " | ".join(Verdict) + " | scale | runs |", "|---" * (len(Verdict) + 3) + "|"]
    for item in entries(reports):
        counts = _counts(item)
        scale = ", ".join(filter(None, (item["scale"], STAND_IN * bool(item.get("stand_in")))))
        cells = [*(str(counts[verdict] or "") for verdict in Verdict), scale, item["runs"].partition(" ")[0]]
        report = f"[{item['experiment']}](outputs/reports/{item['experiment']}.md)"
        lines.append(f"| {report} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def write(reports: Path) -> Path:
    """Write index.html from the entries in the folders of the papers; returns its path."""
    papers = groupby(entries(reports), lambda item: item["experiment"].partition("/")[0])
    body = "".join(markup.section(paper, "", _list(list(items))) for paper, items in papers)
    path = reports / "index.html"
    write_atomically(path, markup.document("Reports", f"<h1>Reports</h1>\n{body}"))
    return path


def _list(entries: list[dict[str, Any]]) -> str:
    return "".join(map(_item, entries))


def _item(entry: dict[str, Any]) -> str:
    counts = _counts(entry)
    said = [f"{entry['scale']} scale", *([f"{STAND_IN}: {entry['stand_in']}"] if entry.get("stand_in") else [])]
    verdicts = ", ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])
    return (
        f'<p><a href="{escape(entry["experiment"])}.html">{escape(entry["title"])}</a><br><b>{escape(verdicts)}</b><br>'
        f'<span class="note">{escape(" · ".join([*said, entry["runs"]]))}</span></p>\n'
    )


def _counts(entry: dict[str, Any]) -> Counter[str]:
    return Counter(judgement["verdict"] for judgement in entry["judgements"])
