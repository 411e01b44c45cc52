"""What a run left in its folder, read back."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from omegaconf import DictConfig, OmegaConf

from snnexp.files import read_lines
from snnexp.reports.curves import read as read_curves

Array = NDArray[np.floating | np.integer]
Traces = dict[str, Array]


class StoredRun(NamedTuple):
    """The files of one run.

    epochs: the logged values by the number of completed epochs; 0 is before training.
    before, after: activity on a few test samples before and after training; a diverged run has no `after`, and one
    that trained nothing neither.
    curves: what a procedure that trains nothing keeps.
    """

    result: dict[str, Any]
    environment: dict[str, Any]
    config: DictConfig
    epochs: dict[int, dict[str, float]]
    before: Traces | None
    after: Traces | None
    curves: Mapping[str, Array]

    def option(self, name: str) -> Any:
        """The value at a dotted place in the configuration, None where there is no such place."""
        return OmegaConf.select(self.config, name)

    def part(self, group: str) -> str | None:
        """What a group of the configuration builds: the last word of its target."""
        target = self.option(f"{group}._target_")
        return None if target is None else str(target).rpartition(".")[2]

    def layers(self, quantity: str) -> list[int]:
        """The layers of which a quantity was kept in the traces."""
        return sorted(int(name.rpartition("/")[2]) for name in self.before or () if name.startswith(f"{quantity}/"))

    def series(self, name: str) -> tuple[Array, Array]:
        """The epochs at which a value was logged, and the values."""
        epochs = [epoch for epoch, values in self.epochs.items() if name in values]
        return np.array(epochs), np.array([self.epochs[epoch][name] for epoch in epochs], dtype=float)


def read(folder: Path) -> StoredRun:
    """Read result.json, env.json, config.yaml and what there is of metrics.jsonl, the traces and curves.npz."""
    config = OmegaConf.load(folder / "config.yaml")
    assert isinstance(config, DictConfig)
    epochs: dict[int, dict[str, float]] = {}
    metrics = folder / "metrics.jsonl"
    for line in read_lines(metrics) if metrics.exists() else ():
        values = json.loads(line)
        epochs.setdefault(values["epoch"], {}).update(values)
    return StoredRun(
        result=json.loads((folder / "result.json").read_text()),
        environment=json.loads((folder / "env.json").read_text()),
        config=config,
        epochs=dict(sorted(epochs.items())),
        before=_arrays(folder / "traces_before.npz"),
        after=_arrays(folder / "traces_after.npz"),
        curves=read_curves(folder),
    )


def _arrays(path: Path) -> Traces | None:
    if not path.exists():
        return None
    with np.load(path) as arrays:
        return dict(arrays)
