"""Make the W&B workspace of an experiment: verdicts, its grid, sensitivity, firing rates, learning curves, pictures.

    python scripts/dashboard.py experiment=digits/lr_sg --dry-run
    python scripts/dashboard.py experiment=digits/lr_sg logger.project=spikes logger.entity=my-team

It shows the runs that were made with logger=wandb (or uploaded since with `wandb sync`) in the group of that name. The
verdicts are those of outputs/reports, as last written by scripts/report.py. Every call makes a new view. --dry-run
prints the specification, and needs neither key nor network.

What is tested is that the client accepts the specification and sends it; how wandb.ai draws it could not be looked at,
nor whether it finds nested keys (optimizer.lr, choices.sg) under the names that its client gives them.
"""

import argparse
from pathlib import Path

from snnexp.main import one_line_errors


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="+", metavar="key=value", help="the experiment, and other overrides")
    parser.add_argument("--dry-run", action="store_true", help="print the specification, save nothing")
    parser.add_argument("--config-dir", type=Path, help="a further folder of options, as for train.py")
    arguments = parser.parse_intermixed_args()
    with one_line_errors(arguments.words, arguments.config_dir):
        from snnexp import dashboard  # after the arguments: wandb is slow to import

        workspace = dashboard.specification(dashboard.read(arguments.words, arguments.config_dir))
        print(dashboard.as_json(workspace) if arguments.dry_run else dashboard.save(workspace))


if __name__ == "__main__":
    main()
