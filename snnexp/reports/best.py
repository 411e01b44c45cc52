"""The best runs of a grid: what a paper shows of its sweeps."""

from collections.abc import Sequence

import pandas as pd

from snnexp.errors import require
from snnexp.reports.scores import Best
from snnexp.reports.table import demand_column, metrics, values


def picked(runs: pd.DataFrame, rank: str, best: str, by: Sequence[str], top: int) -> pd.DataFrame:
    """The runs with the `top` best values of the metric `rank`, for each seed and each combination of values of `by`.

    Runs that are not done come last.
    """
    require(top >= 1, "top", top, "must be at least 1")
    for key in by:
        demand_column(runs, key)
    score = Best(best).sign * values(runs, rank)
    ranked = runs.assign(score=score).sort_values("score", kind="stable")
    return ranked.groupby([*by, "seed"], sort=False).head(top).sort_index()


def which(rank: str, top: int) -> str:
    """The runs of `picked`, in words; rank: the metric as it is called in the figure."""
    return f"the best {top if top > 1 else 'run'} of each seed by {rank}, among the runs that are done"


def averaged(runs: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """One row for each seed and each combination of values of `by`, with the means of the metrics.

    Where one of the runs diverged, so has their mean.
    """
    rows = []
    measures = metrics(runs)
    for _, group in runs.groupby([*by, "seed"], sort=False):
        first = group.iloc[0]
        row = {key: first[key] for key in [*by, "seed"]}
        done = bool((group["state"] == "done").all())
        rows.append({**row, "state": "done" if done else "diverged", "id": first["id"], **group[measures].mean()})
    return pd.DataFrame(rows)
