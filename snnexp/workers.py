"""Processes that run the jobs of a sweep side by side, forked from one that has imported everything once.

(Started one by one, as joblib does, each would import torch and Lightning for itself, after the main process has.)
"""

import os
from multiprocessing import forkserver

import joblib
from joblib.externals.loky.backend.context import set_start_method


def prepare(at_once: int) -> None:
    """Start the process that will be forked; it imports while the caller goes on.

    at_once: runs side by side, as joblib counts them; each has its share of the cores, where no variable says
    otherwise.
    """
    share = joblib.cpu_count() // joblib.effective_n_jobs(at_once)
    os.environ.setdefault("OMP_NUM_THREADS", str(max(share, 1)))
    set_start_method("forkserver", force=True)
    forkserver.set_forkserver_preload(["snnexp.preloaded"])
    forkserver.ensure_running()
