"""Write reports with verdicts, from the runs that there are.

    python scripts/report.py experiment=digits/lr_sg              one experiment
    python scripts/report.py experiment=digits,theory/fig1        a paper's and one more
    python scripts/report.py all paths.outputs=/my/outputs        every one; experiment= may be left out
    python scripts/report.py --config-dir my_conf mine/shapes     one of your own

Files go to outputs/reports/<paper>/<figure>.{html,csv,md,png,json}, over all of them lies outputs/reports/index.html.
"""

import argparse
from pathlib import Path

from snnexp.main import one_line_errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="+", metavar="experiment=NAME[,NAME]", help="or a paper's name, or all")
    parser.add_argument("--config-dir", type=Path, help="a further folder of options, as for train.py")
    arguments = parser.parse_intermixed_args()
    with one_line_errors(arguments.words, arguments.config_dir):
        from snnexp.publish import publish  # after the arguments: pandas is slow to import

        for line in publish(arguments.words, arguments.config_dir):
            print(line)


if __name__ == "__main__":
    main()
