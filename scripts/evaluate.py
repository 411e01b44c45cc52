"""Test a finished run again: on another split, another data set, or with another spike mode.

    python scripts/evaluate.py outputs/runs/<id>                        the test set, as at the end of the run
    python scripts/evaluate.py outputs/runs/<id> --split val
    python scripts/evaluate.py outputs/runs/<id> dataset=sl_mnist dataset.encoding=code
    python scripts/evaluate.py outputs/runs/<id> escape=sigmoid         fire stochastically; escape=none: with a step

The weights are those that validation selected. Each evaluation is a line in the run's evaluations.jsonl.
"""

import argparse
from pathlib import Path

from snnexp.main import one_line_errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="the run's folder")
    parser.add_argument("overrides", nargs="*", help="changes of the run's configuration, as for train.py")
    parser.add_argument("--split", choices=("train", "val", "test"), default="test")
    arguments = parser.parse_intermixed_args()
    with one_line_errors(arguments.overrides):
        from snnexp.evaluation import evaluate_run  # after the arguments: torch is slow to import

        evaluate_run(arguments.run, arguments.split, arguments.overrides)


if __name__ == "__main__":
    main()
