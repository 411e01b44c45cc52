"""One experiment's report for readers: HTML, Markdown, and lines for the terminal."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

import pandas as pd

from snnexp.reports import markup
from snnexp.reports.chart import AnyPanel, counted
from snnexp.reports.interactive import charts
from snnexp.reports.report import Judgement, Report
from snnexp.reports.table import OVER, cells, swept
from snnexp.reports.verdict import Verdict

COLUMNS = 100  # of a terminal
NOT_OVER = 12  # runs that are named before the others are only counted

STYLE = """<style>
.judgement p { margin: 0; }
.wide td { white-space: nowrap; }
</style>"""


@dataclass(frozen=True)
class Sheet:
    """A report with its runs; name: the experiment's; data: what the runs are trained on."""

    name: str
    report: Report
    runs: pd.DataFrame
    data: str

    @cached_property
    def judgements(self) -> list[Judgement]:
        return self.report.judge(self.runs)

    @cached_property
    def panels(self) -> list[AnyPanel]:
        return self.report.figure.panels(self.runs)

    @cached_property
    def states(self) -> str:
        """How many runs there are, and what became of them."""
        counts = Counter(self.runs["state"])
        return f"{len(self.runs)} runs: {', '.join(f'{count} {state}' for state, count in counts.most_common())}"

    @property
    def over(self) -> int:
        """How many runs the report rests on."""
        return int(self.runs["state"].isin(OVER).sum())

    @cached_property
    def verdicts(self) -> dict[str, int]:
        """How often each verdict was given."""
        counts = Counter(judgement.finding.verdict for judgement in self.judgements)
        return {verdict: counts[verdict] for verdict in Verdict}

    @property
    def circumstances(self) -> list[str]:
        """Commits, seeds, data and days of the runs."""
        over = self.runs[self.runs["state"].isin(OVER)]
        commits = sorted({short(commit) for commit in over["commit"]})
        days = sorted(set(over["day"]))
        seeds = sorted(set((over if len(over) else self.runs)["seed"]))
        return [
            f"commit{'s' * (len(commits) > 1)} {', '.join(commits) or 'none yet'}",
            f"seed{'s' * (len(seeds) > 1)} {', '.join(map(str, seeds))}",
            f"data {self.data}",
            f"runs of {' to '.join(dict.fromkeys((days[0], days[-1])))} (UTC)" if days else "no run yet",
        ]

    @property
    def warning(self) -> str:
        """What a reader must know of the code that made the runs; nothing if one committed state did."""
        commits = {short(commit) for commit in self.runs["commit"].dropna()}
        said = [f"the runs are of {len(commits)} states of the code: {', '.join(sorted(commits))}"] * (len(commits) > 1)
        said += ["+ marks a tree with uncommitted changes"] * any(commit.endswith("+") for commit in commits)
        return "; ".join(said)

    @property
    def heading(self) -> str:
        """Which experiment this is, and what the report rests on."""
        return f"{self.name} · {self.report.basis} · {self.states}"

    @property
    def line(self) -> str:
        """What a figure that travels alone must say."""
        return " · ".join([self.heading, *self.circumstances])

    def csv(self) -> str:
        """Every planned run with all its values."""
        return self.runs.drop(columns="folder", errors="ignore").to_csv(index=False)

    def html(self) -> str:
        """The page; it needs plotly's script beside it and nothing else."""
        notes = [self.heading, self.report.caveat, self.warning]
        return markup.document(
            self.report.title,
            f'{STYLE}<p class="note"><a href="{"../" * self.name.count("/")}index.html">all reports</a></p>'
            f"<h1>{escape(self.report.title)}</h1>\n"
            f"<p>{escape(self.report.words)}</p>\n"
            + "".join(f'<p class="note">{escape(note)}</p>\n' for note in notes if note)
            + markup.section("Verdicts", "", markup.grid([_judgement(judgement) for judgement in self.judgements]))
            + markup.section("Figure", self.report.figure.legend, charts(self.panels))
            + markup.section("Published values", "", markup.table(self._published))
            + markup.section("Means over the seeds", "Mean ± sd.", markup.table(self._cells))
            + "".join(markup.section(caption, "", markup.table(rows)) for caption, rows in self._tables.items())
            + markup.section("Runs that are not done", "", markup.table(self._rest) + self._left)
            + f"<footer>{escape(' · '.join(self.circumstances))}</footer>",
        )

    def markdown(self) -> str:
        figure = self.name.rpartition("/")[2]
        blocks = [
            f"# {self.report.title}",
            self.report.words,
            f"{self.name}, {self.report.basis}. {self.states}.",
            self.report.caveat,
            self.warning,
            f"![{self.report.title}]({figure}.png)",
            self.report.figure.legend,
            _table([_row(judgement) for judgement in self.judgements]),
            _table(self._published),
            "## Means over the seeds (mean ± sd)",
            _table(self._cells),
            *(f"## {caption}\n\n{_table(rows)}" for caption, rows in self._tables.items()),
            "## Runs that are not done" * bool(self._rest),
            _table(self._rest),
            self._left,
            " · ".join(self.circumstances),
        ]
        return "\n\n".join(block for block in blocks if block) + "\n"

    def lines(self) -> list[str]:
        """For the terminal: what the report is on, then a line per value and claim, the verdict first."""
        head = f"{self.name} ({self.report.basis}), {self.states}"
        body = [
            f"  {judgement.finding.verdict:<15} {judgement.words}: {judgement.finding.reason}"
            for judgement in self.judgements
        ]
        said = [f"  {self.report.stand_in}"] * bool(self.report.stand_in) + [f"  {self.warning}"] * bool(self.warning)
        lines = [head, *said, *body]
        return [line if len(line) <= COLUMNS else f"{line[: COLUMNS - 1]}…" for line in lines]

    @property
    def _cells(self) -> list[dict[str, object]]:
        keys = swept(self.runs)
        return [
            {key: plain(cell[key]) for key in keys}
            | {"n of N": counted(cell).replace(" runs", "")}
            | {metric: _mean(cell, metric) for metric in self.report.metrics}
            for cell in cells(self.runs, self.report.metrics).to_dict("records")
        ]

    @property
    def _tables(self) -> dict[str, list[dict[str, object]]]:
        derived = {caption: table(self.runs) for caption, table in self.report.tables.items()}
        return {
            caption: [{str(name): plain(value) for name, value in row.items()} for row in frame.to_dict("records")]
            for caption, frame in derived.items()
        }

    @property
    def _published(self) -> list[dict[str, object]]:
        return [
            {
                "value": value.words,
                "theirs": value.theirs,
                "metric": value.metric,
                "read": value.where,
                "sure": value.sure,
            }
            for value in self.report.published
        ]

    @property
    def _rest(self) -> list[dict[str, object]]:
        rest = self.runs[self.runs["state"] != "done"]
        keys = [*swept(self.runs), "seed", "state", "id"]
        return [{key: plain(row[key]) for key in keys} for row in rest.head(NOT_OVER).to_dict("records")]

    @property
    def _left(self) -> str:
        left = int((self.runs["state"] != "done").sum()) - NOT_OVER
        return f"and {left} more; the CSV file has all" if left > 0 else ""


def short(commit: str) -> str:
    """The first ten digits of a commit, with the + of a changed tree."""
    return commit.rstrip("+")[:10] + "+" * commit.endswith("+")


def plain(value: Any) -> object:
    """A value of a data frame for a table, None where it is missing."""
    return None if pd.isna(value) else value


def _mean(cell: Mapping[Any, Any], metric: str) -> str | None:
    mean, sd = plain(cell[metric]), plain(cell[f"{metric} sd"])
    return None if mean is None else f"{mean:.4g}" if sd is None else f"{mean:.4g} ± {sd:.2g}"


def _row(judgement: Judgement) -> dict[str, object]:
    words, finding, source = judgement
    return {"verdict": finding.verdict, "claim": words, "found": finding.reason, "test": finding.test, "read": source}


def _judgement(judgement: Judgement) -> str:
    words, finding, source = judgement
    how = " · ".join(escape(part) for part in (finding.test, source) if part)
    return (
        f'<div class="judgement"><p>{markup.verdict(finding.verdict)} {escape(words)}</p>'
        f'<p>{escape(finding.reason)}</p><p class="note">{how}</p></div>\n'
    )


def _table(rows: Sequence[Mapping[str, object]]) -> str:
    """A Markdown table; nothing where there are no rows."""
    columns = list(dict.fromkeys(name for row in rows for name, value in row.items() if markup.text(value)))
    if not columns:
        return ""
    lines = [columns, ["---"] * len(columns)]
    lines += [[markup.text(row.get(name)).replace("|", "\\|") for name in columns] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
