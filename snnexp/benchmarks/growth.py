"""How the time of a training step grows with the size of what is computed."""

import statistics
import time
from collections.abc import Iterator
from typing import Any

from snnexp.benchmarks.contenders import Ours
from snnexp.benchmarks.workloads import Training, Workload, inputs
from snnexp.unroll import Backend


def measure(workload: Workload, rounds: int) -> list[dict[str, Any]]:
    """Milliseconds of `fused` and `reference` over time, batch, width, depth and firing rate, one at a time."""
    rows = []
    for axis, varied in axes(workload):
        for value, changed in varied:
            loop, fused = (_alone(changed, backend, rounds) for backend in (Backend.REFERENCE, Backend.FUSED))
            times = {"reference ms": loop[0], "fused ms": fused[0], "x": fused[0] / loop[0]}
            rows.append({"axis": axis, "value": value, **times, "rate": fused[1]})
    return rows


def axes(workload: Workload) -> Iterator[tuple[str, list[tuple[float, Workload]]]]:
    """What `measure` varies, from a quarter to twice of what the workload has."""
    factors = (0.25, 0.5, 1, 2)
    first = workload.widths[0]
    yield "T", [(steps := int(f * workload.steps), workload._replace(steps=steps)) for f in factors]
    yield "B", [(batch := int(f * workload.batch), workload._replace(batch=batch)) for f in factors]
    yield "N", [(size := int(f * first), workload._replace(widths=(size,) * len(workload.widths))) for f in factors]
    yield "layers", [(depth, workload._replace(widths=(first,) * depth)) for depth in (1, 2, 4)]
    yield "gain", [(f * workload.gain, workload._replace(gain=f * workload.gain)) for f in (0.5, 1, 2, 4, 8)]


def _alone(workload: Workload, backend: Backend, rounds: int) -> tuple[float, float]:
    """Median wall time of a step in milliseconds, and the firing rate."""
    training = Training(workload, Ours(workload, backend), inputs(workload))
    training.step()
    times = []
    for _ in range(rounds):
        started = time.perf_counter()
        training.step()
        times.append(1e3 * (time.perf_counter() - started))
    return statistics.median(times), training.rate()
