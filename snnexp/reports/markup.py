"""HTML for pages that need neither a script nor a network, on a phone and on a desk, by day and by night."""

from collections.abc import Mapping, Sequence
from html import escape

STYLE = """
:root { color-scheme: light dark; --line: light-dark(#ddd, #3a3d42); --soft: light-dark(#666, #a2a5aa); }
body { font: 15px/1.45 system-ui, sans-serif; max-width: 1080px; margin: 0 auto; padding: 1rem;
       color: light-dark(#1a1a1a, #e4e4e4); background: light-dark(#fff, #17191c); overflow-wrap: break-word; }
h1 { font-size: 1.5rem; margin: .5rem 0 .2rem; }
h2 { font-size: 1.05rem; margin: 0 0 .2rem; }
p { margin: 0 0 .6rem; }
section, footer { margin-top: 2rem; padding-top: .7rem; border-top: 1px solid var(--line); }
footer { font-size: .85rem; }
.note, footer, th { color: var(--soft); font-weight: normal; }
.note { font-size: .9rem; }
.grid { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(310px, 100%), 1fr)); gap: 1.4rem 1.2rem; }
.row { display: flex; flex-wrap: wrap; gap: 0 4rem; }
.row section { min-width: 0; border-top: none; padding-top: 0; }
figure { margin: 0; }
figcaption { font-size: .9rem; font-weight: 600; }
figure > svg { display: block; width: 100%; height: auto; fill: currentColor; }
figure > svg text { font-family: inherit !important; }
.wide { overflow-x: auto; margin-bottom: .6rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem 0 .2rem 1.6rem; text-align: right; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
.verdict { white-space: nowrap; font-weight: 600; }
.reproduced { color: light-dark(#00674b, #4fd1a5); }
.not-reproduced { color: light-dark(#b34700, #ff9d57); }
.no-data-yet { color: var(--soft); }
.diverged { color: light-dark(#b34700, #ff9d57); font-weight: 600; }
pre { font-size: .8rem; overflow-x: auto; }
summary { color: var(--soft); font-size: .9rem; margin: .5rem 0; }
"""


def document(title: str, body: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n"
        f"<body>\n{body}\n</body></html>\n"
    )


def section(heading: str, note: str, content: str) -> str:
    """Nothing where there is no content."""
    note = f'<p class="note">{escape(note)}</p>\n' if note else ""
    return f"<section><h2>{escape(heading)}</h2>\n{note}{content}</section>\n" if content else ""


def folded(summary: str, content: str) -> str:
    return f"<details><summary>{escape(summary)}</summary>{content}</details>" if content else ""


def figure(caption: str, drawing: str) -> str:
    return f"<figure><figcaption>{escape(caption)}</figcaption>{drawing}</figure>\n"


def grid(figures: Sequence[str]) -> str:
    """As many figures side by side as the window has room for."""
    return f'<div class="grid">{"".join(figures)}</div>' if figures else ""


def table(rows: Sequence[Mapping[str, object]]) -> str:
    """A column for every name under which some row says something (`text`), in order of appearance."""
    columns = list(dict.fromkeys(name for row in rows for name, value in row.items() if text(value)))
    if not columns:
        return ""
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    lines = ("".join(f"<td>{escape(text(row.get(name)))}</td>" for name in columns) for row in rows)
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="wide"><table><tr>{head}</tr>\n{body}</table></div>'


def verdict(words: str) -> str:
    """A verdict in its colour."""
    return f'<span class="verdict {kind(words)}">{escape(words)}</span>'


def kind(verdict: str) -> str:
    """A verdict as `STYLE` calls it."""
    return verdict.replace(" ", "-")


def text(value: object) -> str:
    """Floats with four significant digits, yes or no, nothing for what is missing, all else as it is."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
