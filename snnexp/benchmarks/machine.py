"""What this machine can do at best, and what it is."""

import platform
import time
from pathlib import Path
from typing import Any

import torch

from snnexp.kernels.tier import lacking
from snnexp.results import commit


def describe() -> dict[str, Any]:
    """The machine, versions and commit, for which the numbers hold."""
    return {
        "processor": _processor(),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "kernels": lacking(torch.device("cpu"), torch.float32) or "compiled",
        **commit(),
    }


def floor() -> list[dict[str, Any]]:
    """The arithmetic floor in GF/s and GB/s, the best of some rounds, by number of threads.

    fma: a product so small that it stays in cache, an estimate of the peak.  sgemm: a large one.
    recurrence: one of a recurrent layer's step, [128, 256] times [256, 256].  copy: of memory, read and written.
    """
    given, rows = torch.get_num_threads(), []
    try:
        for threads in sorted({1, given}):
            torch.set_num_threads(threads)
            rates = {f"{name} GF/s": _product(*sizes) for name, sizes in SIZES.items()}
            rows.append({"threads": threads, **rates, "copy GB/s": _copy()})
    finally:
        torch.set_num_threads(given)
    return rows


def product() -> float:
    """GF/s of a large matrix product, with as many threads as there are now."""
    return _product(*SIZES["sgemm"])


SIZES = {"fma": (192, 192, 192), "sgemm": (2048, 2048, 2048), "recurrence": (128, 256, 256)}


def _product(m: int, k: int, n: int, seconds: float = 0.5) -> float:
    left, right, out = torch.randn(m, k), torch.randn(k, n), torch.empty(m, n)
    calls = max(1, int(1e8 / (m * k * n)))
    best, until = float("inf"), time.perf_counter() + seconds
    while time.perf_counter() < until:
        started = time.perf_counter()
        for _ in range(calls):
            torch.mm(left, right, out=out)
        best = min(best, (time.perf_counter() - started) / calls)
    return 2e-9 * m * k * n / best


def _copy(megabytes: int = 256, rounds: int = 5) -> float:
    source = torch.ones(megabytes * 2**18)
    target, best = torch.zeros_like(source), float("inf")
    for _ in range(rounds):
        started = time.perf_counter()
        target.copy_(source)
        best = min(best, time.perf_counter() - started)
    return 2e-9 * 4 * source.numel() / best


def _processor() -> str:
    table = Path("/proc/cpuinfo")
    if table.exists():
        for line in table.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
