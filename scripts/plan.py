"""List the runs of a sweep and what became of each; runs nothing.

    python scripts/plan.py experiment=digits/lr_sg
    python scripts/plan.py sg=fast_sigmoid,triangular optimizer.lr=1e-3,3e-3 'seed=range(3)'

The states: done, diverged, running, failed (failure.json in outputs/runs/<id> says why), missing.
"""

import argparse
from pathlib import Path

from snnexp.main import one_line_errors
from snnexp.plan import plan


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="+", help="as for train.py -m")
    parser.add_argument("--config-dir", type=Path, help="a further folder of options, as for train.py")
    arguments = parser.parse_intermixed_args()
    with one_line_errors(arguments.words, arguments.config_dir):
        plan(arguments.words, arguments.config_dir)


if __name__ == "__main__":
    main()
