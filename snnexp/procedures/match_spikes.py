"""Spike-train matching: a network learns to answer one input with given spike trains."""

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from snnexp import spike_trains
from snnexp.errors import UserError, require
from snnexp.layers import Layer
from snnexp.network import Network
from snnexp.procedures import curves, inputs
from snnexp.procedures.inputs import TrainInputs
from snnexp.rules import Descent, Rule, decays

# Shapes: T steps, B trials, I inputs, O output neurons, K lags.


class Parts(Protocol):
    @property
    def network(self) -> Network: ...
    @property
    def data(self) -> TrainInputs: ...


def match_spikes(
    parts: Parts,
    folder: Path,
    ledger: object,
    target: Callable[[int, int], Tensor],
    rule: Rule,
    rates: Sequence[float],
    trials: int = 1,
    epochs: int = 1500,
    record_every: int = 10,
    marks: Sequence[int] = (),
) -> dict[str, Any]:
    """Show the first training sample in every epoch, and step down the distance of the output's spikes from the target.

    target: makes the spike trains [neurons, steps] that are to be learned, given these numbers.
    rule: gives the direction of a step (`snnexp.rules`).  rates: its length in the hidden and in the output layer.
    trials: how often the sample is shown in an epoch; all share the input, each has escape noise of its own.
    epochs: number of steps.  record_every: epochs between two that are recorded.  marks: epochs whose values become
    metrics, where there are so many.

    Recorded, after so many steps (epoch 0 is before training), as means over the trials:

        l2, van_rossum                    distances (`snnexp.spike_trains`)
        rate/hidden, rate/output          spikes per neuron and step
        fano/hidden, fano/output          variance over mean, over the trials, of spikes in one step; 0 for one trial

    Metrics: each of these as .../initial, .../last and .../epoch_<mark>, and l2/silent, van_rossum/silent, the
    distances of a network that never fires. Curves over `epoch`; maps of neurons (from below) over steps: `target`,
    and the output of the first trial `before` and `after`.
    Diverged where a weight is no longer finite. A run that was stopped starts anew, and gives the same.
    Raises `OptionError` for anything but one hidden and one spiking output layer of `CubaLIF`.
    Source: Gygax & Zenke 2025, Sec. 8.4.1 and Fig. 6.
    """
    for option, count in {"trials": trials, "epochs": epochs, "record_every": record_every}.items():
        require(count >= 1, option, count, "must be at least 1")
    rate_hidden, rate_output = _two(rates)
    network = parts.network.train()
    hidden, output = _layers(network)
    x_TBI = network.received(inputs.first(parts.data, 1)).to(hidden.projection).expand(-1, trials, -1)
    target_OT = target(output.size, len(x_TBI)).to(x_TBI)
    target_TO = target_OT.t()
    membrane, synapse = (-1 / math.log(decay) for decay in decays(output))
    kernel_K = spike_trains.alpha_kernel(membrane, synapse, len(x_TBI))

    found = rule(hidden, output, x_TBI, target_TO)
    before_TO = found.output[:, 0]
    record = {0: measured(found, target_TO, kernel_K)}
    for epoch in range(1, epochs + 1):
        with torch.no_grad():
            hidden.projection.add_(found.hidden_step, alpha=rate_hidden)
            output.projection.add_(found.output_step, alpha=rate_output)
        if not (hidden.projection.isfinite().all() and output.projection.isfinite().all()):
            return {"status": "diverged", "diverged_step": epoch}
        found = rule(hidden, output, x_TBI, target_TO)
        if epoch % record_every == 0 or epoch in marks or epoch == epochs:
            record[epoch] = measured(found, target_TO, kernel_K)

    silent = Descent(*(torch.zeros_like(part) for part in found))
    metrics = {
        f"{name}/silent": value
        for name, value in measured(silent, target_TO, kernel_K).items()
        if name in ("l2", "van_rossum")
    }
    for when, epoch in {"initial": 0, **{f"epoch_{mark}": mark for mark in marks}, "last": epochs}.items():
        metrics |= {f"{name}/{when}": value for name, value in record.get(epoch, {}).items()}
    lines = {name: torch.tensor([values[name] for values in record.values()]) for name in record[0]}
    maps = {"target": target_OT, "before": before_TO.t(), "after": found.output[:, 0].t()}
    places = {
        "epoch": torch.tensor(list(record)),
        "step": torch.arange(len(x_TBI)),
        "neuron": torch.arange(output.size),
    }
    curves.save(folder, {**places, **lines, **{name: map_OT.flip(0) for name, map_OT in maps.items()}})
    return {"status": "finished", "metrics": metrics}


def measured(found: Descent, target_TO: Tensor, kernel_K: Tensor) -> dict[str, float]:
    """The distances of an epoch's trials, their firing rates and Fano factors, by name."""
    return {
        "l2": spike_trains.squared(found.output, target_TO).mean().item(),
        "van_rossum": spike_trains.van_rossum(found.output, target_TO, kernel_K).mean().item(),
        "rate/hidden": found.hidden.mean().item(),
        "rate/output": found.output.mean().item(),
        "fano/hidden": spike_trains.fano_factor(found.hidden).item(),
        "fano/output": spike_trains.fano_factor(found.output).item(),
    }


def _two(rates: Sequence[float]) -> tuple[float, float]:
    require(len(rates) == 2 and min(rates) >= 0, "rates", list(rates), "must be two numbers of at least 0")
    return rates[0], rates[1]


def _layers(network: Network) -> tuple[Layer, Layer]:
    right = "matching needs one hidden layer, without recurrence"
    require(len(network.populations) == len(network.hidden) == 1, "network", len(network.hidden), right)
    (hidden,) = network.hidden
    require(hidden.recurrent_weight is None, "network.recurrent", True, right)
    output = network.output
    if not isinstance(output, Layer) or not output.spiking:
        raise UserError("procedure=match_spikes needs spikes of the output; add network/output=spiking")
    return hidden, output
