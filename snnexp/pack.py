"""What one job of a cluster does: a few runs, one after another."""

import sys
import traceback
from collections.abc import Sequence

from hydra import compose, initialize_config_dir
from submitit.helpers import DelayedSubmission

from snnexp.config import explain
from snnexp.errors import OptionError, UserError
from snnexp.imports import uncollected
from snnexp.main import CONF


class Pack:
    """The runs of one job, each as its words on the command line.

    A job that comes back from the queue does the same again: what is finished is passed over, and what was stopped goes
    on. A run that fails keeps no other from running; the job then ends as failed.
    """

    def __init__(self, runs: Sequence[Sequence[str]]) -> None:
        self.runs = runs

    def __call__(self) -> None:
        failed = sum(not _run(words) for words in self.runs)
        if failed:
            raise UserError(f"{failed} of the {len(self.runs)} runs of this job failed")

    def checkpoint(self) -> DelayedSubmission:
        """What submitit puts back into the queue when the job is stopped."""
        return DelayedSubmission(self)


def _run(words: Sequence[str]) -> bool:
    """Whether the run ended well; if not, the job's log says why."""
    with uncollected():
        from snnexp.run import execute  # torch: only in the job, not where it is submitted

    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", list(words))
    try:
        execute(config)
    except UserError as error:
        print(explain(config, error) if isinstance(error, OptionError) else error, file=sys.stderr)
    except Exception:  # in the run's failure.json, too
        traceback.print_exc()
    else:
        return True
    return False
