"""Quantities that a paper computes from its runs, as tables."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy import stats

from snnexp.errors import choice
from snnexp.reports.scores import Array, Best
from snnexp.reports.table import cells, demand_column, values


def normalised(scores: Array) -> Array:
    """Post-training normalised loss, (L - min L) / (max L - min L) over all runs given, of any shape.

    Diverged runs, infinite here, are set to the largest finite loss. Where all finite losses are equal these are 0 and
    diverged ones 1, where all diverged 0.
    Source: "Stabilizing Spiking Neuron Training"; its authors' code takes validation perplexity for L.
    """
    finite = scores[np.isfinite(scores)]
    if finite.size == 0 or np.ptp(finite) == 0:
        return np.where(np.isfinite(scores), 0.0, float(finite.size > 0))
    share: Array = (np.minimum(scores, finite.max()) - finite.min()) / np.ptp(finite)
    return share


def sensitivity(runs: pd.DataFrame, metric: str, by: str, over: str) -> pd.DataFrame:
    """How much the choice of an option matters, for every value of a key and on average.

    of means: standard deviation, over the options, of the mean normalised loss (the paper's words)
    of runs: standard deviation over all runs, seeds included (the authors' code)
    The last row has the means of both; behind them half the standard deviation over the key's values, their error bar.
    """
    for name in (by, over, metric):
        demand_column(runs, name)
    seen = runs["state"].isin(("done", "diverged"))
    losses = values(runs, metric).fillna(np.inf).where(seen)
    runs = runs.assign(loss=normalised(losses.to_numpy(float))).loc[seen]
    rows = []
    for place, group in runs.groupby(over):
        means = group.groupby(by)["loss"].mean()
        rows.append({over: f"{place:g}" if isinstance(place, float) else place, "of means": means.std()})
        rows[-1] |= {"of runs": group["loss"].std(), "runs": len(group)}
    frame = pd.DataFrame(rows, columns=[over, "of means", "of runs", "runs"])
    average = {over: "mean", "runs": int(frame["runs"].sum())} | {
        name: frame[name].mean() for name in ("of means", "of runs")
    }
    bars = {over: "± sd/2", "runs": None} | {name: frame[name].std(ddof=0) / 2 for name in ("of means", "of runs")}
    return pd.DataFrame([*rows, average, bars])


def best_cells(runs: pd.DataFrame, metric: str, best: str, number: int = 10) -> pd.DataFrame:
    """The combinations of swept values with the best means, the best first; cells of fewer done runs are among them."""
    frame = cells(runs, [metric])
    ranked = frame.sort_values(
        metric, ascending=choice(Best, "best", best) is Best.LOWEST, kind="stable", na_position="last"
    )
    return ranked.loc[ranked["n"] > 0].head(number).reset_index(drop=True)


def sensitivities(runs: pd.DataFrame, metric: str, by: str, over: str, among: str) -> pd.DataFrame:
    """`sensitivity` on average, for every value of another key, with the losses of each normalised by themselves."""
    demand_column(runs, among)
    rows = []
    for value, group in runs.groupby(among, sort=False):
        frame = sensitivity(group, metric, by, over)
        mean, bar = (frame[frame[over] == name].iloc[0] for name in ("mean", "± sd/2"))
        row = {among: value, "runs": mean["runs"]}
        for name in ("of means", "of runs"):
            row |= {name: mean[name], f"{name}, ± sd/2": bar[name]}
        rows.append(row)
    return pd.DataFrame(rows)


def correlation(runs: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """Pearson's r between two metrics over all runs that are done, with its two-sided p."""
    pairs = pd.DataFrame({"x": values(runs, x), "y": values(runs, y)}).dropna()
    enough = len(pairs) > 2 and pairs.nunique().min() > 1
    r, p = stats.pearsonr(pairs["x"], pairs["y"]) if enough else (np.nan, np.nan)
    return pd.DataFrame([{"x": x, "y": y, "r": r, "p": p, "runs": len(pairs)}])


def correlations(runs: pd.DataFrame, x: Sequence[str], y: str, by: Sequence[str] = ()) -> pd.DataFrame:
    """`correlation` of several metrics with another one, for each combination of values of some keys by itself."""
    groups = runs.groupby(list(by), sort=False) if by else [((), runs)]
    rows = []
    for place, group in groups:
        keys = dict(zip(by, place, strict=True))
        rows += [keys | correlation(group, metric, y).iloc[0].to_dict() for metric in x]
    return pd.DataFrame(rows)
