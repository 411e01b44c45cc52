"""How fast samples come, beside tonic's loader and beside the training step that takes them."""

import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np
import torch
from hydra import compose, initialize_config_dir
from rich.console import Console
from torch import Tensor
from torch.utils.data import DataLoader

from snnexp.data import published
from snnexp.data.samples import Loaded
from snnexp.errors import DataError
from snnexp.kernels.native.raster import Raster
from snnexp.main import CONF
from snnexp.results import RunFolder
from snnexp.run import Parts
from snnexp.score import score

REAL = ("shd", "ssc", "nmnist", "dvs_gesture", "mnist", "fashion_mnist", "cifar10", "sl_mnist", "mnist_latency")
EVENTS = 8000  # of a recording of SHD, on average
DURATION = 0.7  # seconds

Row = dict[str, str | float]


def measure(recordings: int = 1024, batches: int = 5, overrides: Sequence[str] = ()) -> list[Row]:
    """For every data set: seconds to read the files, and again from the cache; samples/s as they reach the network;
    how many times as many as tonic's loader gives, where it has the data set; the share of a training step.

    `synthetic` are recordings with the statistics of SHD, written in its layout into a temporary folder; the others are
    measured where SNNEXP_DATA has them. The step is that of the default network. overrides: as on the command line.
    """
    rows = []
    with tempfile.TemporaryDirectory() as folder, initialize_config_dir(str(CONF), version_base="1.3"):
        write_shd(Path(folder), recordings)
        rows.append(_row("synthetic", "shd", Path(folder), batches, overrides))
        for name in REAL if "SNNEXP_DATA" in os.environ else ():
            try:
                rows.append(_row(name, name, Path(os.environ["SNNEXP_DATA"]), batches, overrides))
            except DataError as error:
                print(f"{name} is left out: {error}", file=sys.stderr)
    return rows


def _row(title: str, dataset: str, root: Path, batches: int, overrides: Sequence[str]) -> Row:
    parts = _parts(dataset, root, overrides)
    read, _ = _timed(parts.data.setup)
    again, _ = _timed(_parts(dataset, root, overrides).data.setup)
    loader: Iterator[Loaded] = _endless(parts.data.train_dataloader)
    times = [_timed(lambda: next(loader).sparse)[0] for _ in range(batches + 1)]
    batch = next(loader)
    steps = [_timed(partial(_step, parts.task, batch.sparse, batch.targets))[0] for _ in range(3)]
    load, step, size = median(times[1:]), median(steps[1:]), len(batch.targets)
    theirs = _tonic(dataset, root, parts.data, size)
    return {
        "data set": title,
        "read s": read,
        "again s": again,
        "batch": size,
        "batch ms": 1000 * load,
        "samples/s": size / load,
        "times tonic": theirs / load if theirs is not None else float("nan"),
        "% of step": 100 * load / step,
    }


def _parts(dataset: str, root: Path, overrides: Sequence[str]) -> Parts:
    words = [f"dataset={dataset}", f"paths.data={root}", *overrides]
    return Parts(compose("train", words), RunFolder(root, "none"), Console(quiet=True))


def _endless(loader: Callable[[], Any]) -> Iterator[Any]:
    while True:
        yield from loader()


def _step(task: Any, x: Tensor | Raster, targets: Tensor) -> None:
    optimizer = task.optimizer(task.network.parameters())
    loss = score(task.network(x).read, targets, task.readout, task.loss).loss
    torch.autograd.backward(loss)
    optimizer.step()


def _tonic(dataset: str, root: Path, data: Any, size: int) -> float | None:
    """Seconds for a batch of tonic's own loader, binned in the same steps; None where tonic lacks the data set."""
    import tonic  # type: ignore[import-untyped]

    sources = {
        "shd": (tonic.datasets.SHD, published.SHD),
        "ssc": (tonic.datasets.SSC, published.SSC),
        "nmnist": (tonic.datasets.NMNIST, published.NMNIST),
    }
    if dataset not in sources:
        return None
    kind, files = sources[dataset]
    # It would go to the network for an archive that is not there; and it takes its folder's name from the class.
    present = type(files.path(root).name, (kind,), {"_check_exists": lambda self: True})
    frames = tonic.transforms.ToFrame(sensor_size=kind.sensor_size, time_window=data.frames.step_us)
    recordings = present(str(root), transform=frames)
    collate = tonic.collation.PadTensors(batch_first=False)
    loader = _endless(partial(DataLoader, recordings, size, shuffle=True, collate_fn=collate))
    return median(_timed(lambda: next(loader)[0].float())[0] for _ in range(3))


def write_shd(root: Path, recordings: int) -> None:
    """Files in SHD's layout: times (float16 seconds, in order) and units at random, as many as there are on average."""
    rng = np.random.default_rng(0)
    (root / "SHD").mkdir()
    for part, count in {"train": recordings, "test": max(1, recordings // 4)}.items():
        with h5py.File(root / "SHD" / f"shd_{part}.h5", "w") as file:
            times = file.create_dataset("spikes/times", (count,), h5py.vlen_dtype(np.float16))
            units = file.create_dataset("spikes/units", (count,), h5py.vlen_dtype(np.uint16))
            for recording in range(count):
                events = rng.poisson(EVENTS)
                times[recording] = np.sort(rng.random(events) * DURATION).astype(np.float16)
                units[recording] = rng.integers(0, 700, events).astype(np.uint16)
            file["labels"] = rng.integers(0, 20, count).astype(np.uint16)
            file["extra/keys"] = np.array([b"word"] * 20)
            file["extra/speaker"] = rng.integers(0, 12, count).astype(np.uint16)


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    started = time.perf_counter()
    outcome = work()
    return time.perf_counter() - started, outcome
