"""Search values of any keys with optuna (tree-structured Parzen estimator); every trial is an ordinary run folder.

    python scripts/tune.py 'optimizer.lr=loguniform(1e-4,1e-1)' 'sg=choice(fast_sigmoid,triangular)' --trials 20
    python scripts/tune.py 'network.widths=choice([64],[64,64])' 'neuron.threshold=uniform(0.1,1)' seed=3 \\
        --metric val/perplexity --direction minimize --study outputs/studies/widths.journal

A key is searched as key=loguniform(a,b), uniform(a,b), integer(a,b) or choice(a,b,...); all other words are overrides
as for train.py. (The quotes keep the brackets from the shell.) --trials counts those of earlier calls: the same
command again, after whatever ended the first, goes on with the study and with the run that was under way.
"""

import argparse
from pathlib import Path

from snnexp.main import one_line_errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="+", metavar="key=value", help="what is searched, and other overrides")
    parser.add_argument("--trials", type=int, default=20, help="so many in all (default: %(default)s)")
    parser.add_argument("--metric", default="val/accuracy", help="a name in result.json (default: %(default)s)")
    parser.add_argument("--direction", choices=("maximize", "minimize"), default="maximize")
    parser.add_argument("--study", type=Path, default=Path("outputs/studies/study.journal"), help="the study's file")
    parser.add_argument("--config-dir", type=Path, help="a further folder of options, as for train.py")
    arguments = parser.parse_intermixed_args()
    with one_line_errors(arguments.words, arguments.config_dir):
        from rich.console import Console

        from snnexp.tune import tune  # after the arguments: torch is slow to import

        tune(
            arguments.words,
            arguments.metric,
            arguments.direction,
            arguments.trials,
            arguments.study,
            Console(),
            arguments.config_dir,
        )


if __name__ == "__main__":
    main()
