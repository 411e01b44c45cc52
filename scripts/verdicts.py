"""The table of verdicts over all reports, as Markdown.

python scripts/verdicts.py              print it
python scripts/verdicts.py README.md    put it into a file, between the lines <!-- verdicts --> and <!-- end -->
"""

import argparse
from pathlib import Path

from snnexp.errors import UserError
from snnexp.files import write_atomically
from snnexp.main import one_line_errors
from snnexp.reports.index import markdown

BEGIN, END = "<!-- verdicts -->\n", "<!-- end -->\n"


def filled(text: str, table: str) -> str:
    """A text with the table between its two marks; raises `UserError` where it has no such marks."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise UserError(f"there is no place for the table: the lines {BEGIN.strip()} and {END.strip()} are missing")
    return f"{before}{begin}{table}{end}{after}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, help="a Markdown file with the two marks")
    parser.add_argument("--outputs", type=Path, default=Path("outputs"), help="where the reports lie")
    arguments = parser.parse_args()
    with one_line_errors([]):
        table = markdown(arguments.outputs / "reports")
        if arguments.file is None:
            print(table, end="")
        else:
            write_atomically(arguments.file, filled(arguments.file.read_text(), table))


if __name__ == "__main__":
    main()
