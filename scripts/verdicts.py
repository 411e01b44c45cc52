"""The verdicts over all experiments, as Markdown: those that have a report, and those that wait for one.

python scripts/verdicts.py              print them
python scripts/verdicts.py README.md    put them into a file, between the lines <!-- verdicts --> and <!-- end -->
"""

import argparse
from pathlib import Path

from snnexp.experiments import asked
from snnexp.files import fill
from snnexp.main import one_line_errors
from snnexp.reports.overview import markdown
from snnexp.reports.standing import standings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", nargs="?", type=Path, help="a Markdown file with the two marks")
    parser.add_argument("--outputs", type=Path, default=Path("outputs"), help="where the reports lie")
    arguments = parser.parse_args()
    with one_line_errors([]):
        table = markdown(standings(asked(), arguments.outputs / "reports"))
        if arguments.file is None:
            print(table, end="")
        else:
            fill(arguments.file, "verdicts", table)


if __name__ == "__main__":
    main()
