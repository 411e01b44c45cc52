"""The table of verdicts over all reports, as Markdown.

python scripts/verdicts.py              print it
python scripts/verdicts.py README.md    put it into a file, between the lines <!-- verdicts --> and <!-- end -->
"""

import argparse
from pathlib import Path

from snnexp.files import fill
from snnexp.main import one_line_errors
from snnexp.reports.index import markdown


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
            fill(arguments.file, "verdicts", table)


if __name__ == "__main__":
    main()
