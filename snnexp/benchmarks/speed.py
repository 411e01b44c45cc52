"""How long a training step takes, beside a plain loop and other libraries, all in one process, one after another."""

import gc
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from snnexp.benchmarks import machine
from snnexp.benchmarks.contenders import Loop, Ours, walk
from snnexp.benchmarks.memory import Peak
from snnexp.benchmarks.peers import PEERS
from snnexp.benchmarks.scans import SCANS, ScanTraining
from snnexp.benchmarks.workloads import OurTraining, Training, Workload, arithmetic, inputs
from snnexp.surrogates import triangular
from snnexp.unroll import Backend


class Options(NamedTuple):
    """rounds: steps of every contender that are measured.  compiled: torch.compile of the loop competes (a minute)."""

    rounds: int = 7
    compiled: bool = False


class Contender(Protocol):
    """A training step, and the firing rate of the last layer."""

    def step(self) -> None: ...
    def rate(self) -> float: ...


Make = Callable[[tuple[Tensor, Tensor]], Contender]


def measure(workload: Workload, options: Options) -> list[dict[str, Any]]:
    """One row per contender: wall and CPU time of a step in milliseconds, median and range over the rounds, and the
    peak of resident memory in MB, all three as ratios to the first one, the plain loop, too.

    Memory is that above the level before the contender was made, with weights, gradients and the optimiser's state,
    without inputs. dense: the arithmetic of a step in GF, if all was dense.  reached: what this machine makes of a
    large product, in GF/s.
    """
    data, peaks, training = inputs(workload), {}, {}
    for name, make in contenders(workload, options):
        make(data).step()  # code is loaded or compiled here
        gc.collect()
        with Peak() as peak:
            training[name] = make(data)
            training[name].step()
            training[name].step()  # with the gradients and the optimiser's state, which the first one has made
        peaks[name] = peak.megabytes
    wall: dict[str, list[float]] = {name: [] for name in training}
    cpu: dict[str, list[float]] = {name: [] for name in training}
    for _ in range(options.rounds):
        for name, its in training.items():
            started, worked = time.perf_counter(), time.process_time()
            its.step()
            wall[name].append(1e3 * (time.perf_counter() - started))
            cpu[name].append(1e3 * (time.process_time() - worked))
    floor = {"dense": arithmetic(workload), "reached": machine.product()}
    rows: list[dict[str, Any]] = [
        {
            "contender": name,
            "wall": statistics.median(wall[name]),
            "wall_range": [min(wall[name]), max(wall[name])],
            "cpu": statistics.median(cpu[name]),
            "memory": peaks[name],
            "rate": its.rate(),
            **floor,
        }
        for name, its in training.items()
    ]
    return [row | {f"x_{key}": _ratio(row[key], rows[0][key]) for key in ("wall", "cpu", "memory")} for row in rows]


def contenders(workload: Workload, options: Options) -> Iterator[tuple[str, Make]]:
    """Names and makers of what competes, the plain loop first."""

    def in_torch(hidden: Callable[[], torch.nn.Module], training: type[Training] = Training) -> Make:
        return lambda data: training(workload, hidden(), data)

    if workload.plain_lif:
        yield "plain loop", in_torch(partial(Loop, workload))
        if options.compiled:
            yield "torch.compile", in_torch(partial(Loop, workload, torch.compile(walk)))
    yield "reference", in_torch(partial(Ours, workload, Backend.REFERENCE), OurTraining)
    yield "fused", in_torch(partial(Ours, workload, Backend.FUSED), OurTraining)
    yield "fused, triangular", in_torch(partial(Ours, workload, Backend.FUSED, triangular), OurTraining)
    if workload.plain_lif:
        for package, build in PEERS:
            if (installed := _version(package)) is not None:
                yield f"{package} {installed}", in_torch(partial(build, workload))
        for package, hidden in SCANS:
            if (installed := _version(package)) is not None:
                yield f"{package} {installed}", partial(ScanTraining, workload, hidden)


def _ratio(value: float | None, of: float | None) -> float | None:
    return None if value is None or not of else value / of


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
