"""A whole training step, through Lightning, as a run makes it: what the network takes of it, and the rest."""

import io
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from rich.console import Console

from snnexp.benchmarks.stopwatch import Part, Stopwatch
from snnexp.errors import DataError
from snnexp.main import CONF
from snnexp.procedures.train import train
from snnexp.results import RunFolder
from snnexp.run import Parts, quiet
from snnexp.unroll import Backend

DATASETS = ("sl_mnist", "spoken_digits")
Row = dict[str, str | float]


class Lines(list[dict[str, Any]]):
    """A ledger that keeps its lines in memory."""

    def log_metrics(self, line: dict[str, Any]) -> None:
        self.append(line)

    def cut_metrics(self, step: int) -> None:
        pass


def measure(steps: int, datasets: tuple[str, ...] = DATASETS, overrides: tuple[str, ...] = ()) -> list[Row]:
    """For every data set and backend: milliseconds of a step in the second of two epochs of so many steps, the share of
    every part of it and of all but the network, and the mean loss of that epoch.

    The loss is the same for all backends in float64; in float32 they part at the first spike that a rounding moves.
    Data sets are taken where SNNEXP_DATA has them. overrides: as on the command line.
    """
    rows: list[Row] = []
    with initialize_config_dir(str(CONF), version_base="1.3"):
        for dataset in datasets:
            for backend in (Backend.AUTO, Backend.REFERENCE):
                try:
                    rows.append(_row(dataset, backend, steps, overrides))
                except DataError as error:
                    print(f"{dataset} is left out: {error}", file=sys.stderr)
                    break
    return rows


def _row(dataset: str, backend: Backend, steps: int, overrides: tuple[str, ...]) -> Row:
    words = [f"dataset={dataset}", f"backend={backend}", *overrides]
    words += ["trainer.max_epochs=2", f"trainer.limit_train_batches={steps}", "trainer.limit_val_batches=1"]
    lines = Lines()
    with tempfile.TemporaryDirectory() as folder, quiet():
        console = Console(file=io.StringIO(), force_terminal=True)  # with the progress bar, which nobody sees
        parts = Parts(compose("train", words), RunFolder(Path(folder), "none"), console)
        watch = Stopwatch(parts.task.network)
        parts.trainer = partial(parts.trainer, profiler=watch)
        train(parts, Path(folder), lines)
    total = sum(watch.seconds.values())
    share: Row = {part: watch.seconds[part] / total for part in Part}
    step: Row = {"data set": dataset, "backend": backend, "step ms": 1000 * total / watch.steps}
    outside: Row = {"outside": 1 - watch.seconds[Part.NETWORK] / total}
    return step | share | outside | {"loss": lines[-1]["train/loss"]}
