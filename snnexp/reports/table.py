"""The runs of a sweep as a table, one row for each that was planned, whatever became of it."""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from pandas.api.types import is_numeric_dtype

from snnexp.errors import UserError

OVER = ("done", "diverged")


class Planned(NamedTuple):
    """A run that a sweep asks for. values: what the sweep sets, by key, as written; state: what became of it."""

    id: str
    state: str
    values: Mapping[str, str]
    seed: int


def read(runs: Path, planned: Iterable[Planned]) -> pd.DataFrame:
    """One row per planned run: what the sweep set, seed, state, id, folder, commit, day, then metrics by name.

    Values that are numbers in every run are numbers here. Runs that are not over have no commit, day or metrics. A
    value that was not finite is missing.
    """
    frame = pd.DataFrame([_row(runs, run) for run in planned])
    for key in frame.columns[: frame.columns.get_loc("seed")]:
        numbers = pd.to_numeric(frame[key], errors="coerce")
        if numbers.notna().all():
            frame[key] = numbers
    return frame


def _row(runs: Path, run: Planned) -> dict[str, Any]:
    row: dict[str, Any] = {key: value for key, value in run.values.items() if key != "seed"}
    row |= {"seed": run.seed, "state": run.state, "id": run.id, "folder": runs / run.id, "commit": None, "day": None}
    if run.state not in OVER:
        return row
    path = runs / run.id / "result.json"
    result = json.loads(path.read_text())
    day = datetime.fromtimestamp(path.stat().st_mtime, UTC).date().isoformat()
    metrics = {name: math.nan if value is None else value for name, value in result["metrics"].items()}
    commit = result["commit"] + ("+" if result["dirty"] else "")
    return {**row, "commit": commit, "day": day, **metrics}


def swept(runs: pd.DataFrame) -> list[str]:
    """The keys that differ between runs, without the seed."""
    keys = runs.columns[: runs.columns.get_loc("seed")]
    return [key for key in keys if runs[key].nunique(dropna=False) > 1]


def metrics(runs: pd.DataFrame) -> list[str]:
    """The measures of the runs; a swept option has a `/` in its name as well, but stands before the seed."""
    return [name for name in runs.columns[runs.columns.get_loc("seed") :] if "/" in name]


def select(runs: pd.DataFrame, at: Mapping[str, Any]) -> pd.DataFrame:
    """The rows with the given values; raises `UserError` where there is no such column or no such row."""
    for key, value in at.items():
        demand_column(runs, key)
        values = list(runs[key].unique())
        runs = runs[runs[key].astype(str) == str(value)] if isinstance(value, bool) else runs[runs[key] == value]
        if runs.empty:
            raise UserError(f"report: no run has {key}={value}; there are {', '.join(map(str, values))}")
    return runs


def demand_column(runs: pd.DataFrame, name: str) -> None:
    """Raise `UserError` for a name that no run can have; a metric is known once some run is over."""
    if name in runs.columns or ("/" in name and not runs["state"].isin(OVER).any()):
        return
    raise UserError(f"report: no run has {name}; there are {', '.join(runs.columns)}")


def demand_numbers(runs: pd.DataFrame, key: str) -> None:
    """Raise `UserError` for a swept key that no run has, or whose values are not all numbers."""
    demand_column(runs, key)
    if not is_numeric_dtype(runs[key]):
        raise UserError(f"report: {key}={runs[key].iloc[0]} is no number, and the claim needs numbers")


def values(runs: pd.DataFrame, name: str) -> pd.Series:
    """A metric of every run as floats; none where the run is not done, since a diverged run has no final number."""
    demand_column(runs, name)
    column = runs[name] if name in runs.columns else pd.Series(math.nan, index=runs.index)
    return column.astype(float).where(runs["state"] == "done")


def cells(runs: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """One row per combination of swept values: N planned, n done, how many diverged; mean and sd of each metric.

    Means and standard deviations (divisor n - 1) are over the seeds that are done.
    """
    keys = swept(runs)
    rows = []
    for group in _groups(runs, keys):
        row: dict[str, Any] = {key: group[key].iloc[0] for key in keys}
        states = group["state"]
        row |= {"n": int((states == "done").sum()), "N": len(group), "diverged": int((states == "diverged").sum())}
        for metric in metrics:
            column = values(group, metric) if metric in group.columns else values(runs, metric).loc[group.index]
            row |= {metric: column.mean(), f"{metric} sd": column.std()}
        rows.append(row)
    return pd.DataFrame(rows)


def _groups(runs: pd.DataFrame, keys: list[str]) -> list[pd.DataFrame]:
    return [group for _, group in runs.groupby(keys, sort=False, dropna=False)] if keys else [runs]
