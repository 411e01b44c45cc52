"""Give the missing runs of a sweep to SLURM, as an array of jobs, and return.

    python scripts/submit.py experiment=digits/lr_sg
    python scripts/submit.py sg=fast_sigmoid,triangular 'seed=range(10)' hydra.launcher.partition=gpu --runs-per-job 5
    python scripts/submit.py experiment=digits/lr_sg --dry-run

Left out are the runs that are over, that run, or that wait in the queue already; a run that was stopped goes on. The
queue (partition, account, gres, time, ...) is conf/hydra/launcher/slurm.yaml, or another one: hydra/launcher=<name>.
The jobs use the code as it is now, whatever is changed while they wait.
"""

import argparse
from pathlib import Path

from snnexp.main import one_line_errors
from snnexp.submit import show, submit


def count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text}: must be at least 1")
    return number


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="+", help="as for train.py -m")
    parser.add_argument("--runs-per-job", type=count, default=1, help="runs that a job does, one after another")
    parser.add_argument("--dry-run", action="store_true", help="only show what would be submitted")
    parser.add_argument("--config-dir", type=Path, help="a further folder of options, as for train.py")
    arguments = parser.parse_intermixed_args()
    with one_line_errors(["hydra/launcher=slurm", *arguments.words], arguments.config_dir):
        (show if arguments.dry_run else submit)(arguments.words, arguments.runs_per_job, arguments.config_dir)


if __name__ == "__main__":
    main()
