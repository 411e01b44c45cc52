"""How long an optimiser takes for its step alone, where there are many small tensors."""

import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.optim import Adam, Optimizer

from snnexp.optim import adabelief, adabelief_foreach

OPTIMIZERS: dict[str, Callable[[list[Tensor]], Optimizer]] = {
    "adabelief": partial(adabelief, lr=1e-3),
    "adabelief_foreach": partial(adabelief_foreach, lr=1e-3),
    "adam": partial(Adam, lr=1e-3),
}


def measure(
    rounds: int, tensors: Sequence[int] = (10, 100, 1000), sizes: Sequence[int] = (100, 10_000)
) -> list[dict[str, Any]]:
    """Milliseconds of a step, by the number of weight tensors and the number of weights in each."""
    rows = []
    for count in tensors:
        for size in sizes:
            made = {name: _made(make, count, size) for name, make in OPTIMIZERS.items()}
            times: dict[str, list[float]] = {name: [] for name in made}
            for _ in range(rounds):
                for name, optimizer in made.items():
                    started = time.perf_counter()
                    optimizer.step()
                    times[name].append(1e3 * (time.perf_counter() - started))
            rows.append({"tensors": count, "weights": size, **{n: statistics.median(t) for n, t in times.items()}})
    return rows


def _made(make: Callable[[list[Tensor]], Optimizer], count: int, size: int) -> Optimizer:
    weights = [torch.ones(size, requires_grad=True) for _ in range(count)]
    for weight in weights:
        weight.grad = torch.full_like(weight, 1e-3)
    optimizer = make(weights)
    optimizer.step()  # makes its state
    return optimizer
