"""What the input tells without time: a logistic regression on how much every channel was driven.

Shapes: T time, B batch, I inputs, S samples of a split.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray

from snnexp.errors import UserError, require
from snnexp.task import Batch

SPLITS = ("train", "val", "test")


class Data(Protocol):
    """What is asked of a data module."""

    def loader(self, split: str) -> Iterable[Batch]: ...


class Parts(Protocol):
    @property
    def data(self) -> Data: ...


def counts(parts: Parts, folder: object, ledger: object, penalties: Sequence[float]) -> dict[str, Any]:
    """Fit the sum of every channel over all steps, as log(1 + sum), standardised; no network has a part in it.

    A spiking network that does no better has learned nothing of time. `penalties` multiply half the squared weights
    beside the mean loss; the one with the lowest validation loss is taken, and is `penalty` in the metrics, which are
    accuracy and loss of train, val and test.

    Raises UserError for inputs or targets that have no such sum: words, negative currents, targets at every step.

    Source: Cramer et al. 2022 ask the same of support vector machines.
    """
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
    from sklearn.metrics import log_loss  # type: ignore[import-untyped]
    from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]
    from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]

    require(
        len(penalties) > 0 and min(penalties) > 0, "penalties", list(penalties), "must be a list of numbers above 0"
    )
    of = {split: sums(parts.data.loader(split)) for split in SPLITS}
    found = {}
    for penalty in penalties:
        regression = LogisticRegression(C=1 / (penalty * len(of["train"][1])), max_iter=1000)
        model = make_pipeline(StandardScaler(), regression).fit(*of["train"])
        metrics = {"penalty": penalty}
        for split, (x_SI, targets_S) in of.items():
            metrics[f"{split}/accuracy"] = float(model.score(x_SI, targets_S))
            metrics[f"{split}/loss"] = float(log_loss(targets_S, model.predict_proba(x_SI), labels=model.classes_))
        found[metrics["val/loss"]] = metrics
    return {"status": "finished", "metrics": found[min(found)]}


def sums(batches: Iterable[Batch]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """log(1 + sum over time) of every channel [S, I], and the targets [S]; raises UserError as `counts` does."""
    x_SI, targets_S = [], []
    for batch in batches:
        inputs, targets = batch.inputs, batch.targets
        if inputs.ndim < 3 or targets.ndim != 1 or (inputs < 0).any():
            raise UserError("procedure=counts: takes inputs that are never negative, and one target a sample")
        x_SI.append(inputs.flatten(2).double().sum(0).log1p())
        targets_S.append(targets)
    return torch.cat(x_SI).numpy(), torch.cat(targets_S).numpy()
