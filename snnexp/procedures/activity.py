"""What an untrained network does with real inputs: firing rates, the middle of the voltages, operations.

Shapes: T time, B batch, I inputs, N neurons.
"""

from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from snnexp import energy
from snnexp.convolution import ConvLayer
from snnexp.decolle import Decolle
from snnexp.energy import Operations
from snnexp.errors import require
from snnexp.layers import Layer
from snnexp.network import Network
from snnexp.neurons.alif import ALIF
from snnexp.neurons.lif import LIF
from snnexp.neurons.lstm import LSTM
from snnexp.neurons.slstm import SLSTM
from snnexp.procedures import curves, inputs
from snnexp.procedures.inputs import TrainInputs


class Parts(Protocol):
    @property
    def network(self) -> Network: ...
    @property
    def data(self) -> TrainInputs: ...


@torch.no_grad()
def activity(parts: Parts, folder: Path, ledger: object, samples: int = 256) -> dict[str, Any]:
    """Run the network, without dropout, on the first training samples and measure each layer l.

        firing_rate/l        outputs other than 0, per neuron and step
        asymmetry/l          (mean - median)^2 / variance of the centred voltages of all neurons and samples at a step,
                             averaged over the steps from the first input of the layer on; asymmetry/l/max is the
                             largest. Below 3/5 if they are unimodal.
        macs/l, acs/l        operations per step and sample (`snnexp.energy`), and energy/l in accumulates
        energy/all           of all layers

    asymmetry only for neurons that spike; operations where they are counted (`operations`), of all layers where that is
    so of each. An encoder is no layer here. Curves over `step`: firing_rate/l and asymmetry/l.
    Raises `OptionError` for network=decolle.
    Source: Herranz-Celotti & Rouat, the assumption of Lemma 1 and Table S1.
    """
    network = parts.network.eval()
    right = "is no network for procedure=activity, which looks at layers that are driven by spikes, not by their traces"
    require(not isinstance(network, Decolle), "network", "decolle", right)
    x = inputs.first(parts.data, samples)
    ran = network(x, record=("u",) if network.hidden[0].spiking else ())
    received_TBI = network.received(x) if network.encoder is None else ran.layers[0].spikes
    kept: dict[str, Tensor] = {"step": torch.arange(len(received_TBI))}
    metrics: dict[str, float] = {}
    costs: list[Operations] = []
    for index, (layer, output) in enumerate(zip(network.hidden, network.of_hidden(ran), strict=True)):
        fired_T = (output.spikes != 0).double().mean((1, 2))
        kept[f"firing_rate/{index}"] = fired_T
        metrics[f"firing_rate/{index}"] = fired_T.mean().item()
        if layer.spiking:
            asymmetry_T = asymmetry(output.trace["u"])
            driven_T = (received_TBI != 0).flatten(1).any(1).cummax(0).values  # before, only the thresholds differ
            kept[f"asymmetry/{index}"] = asymmetry_T.where(driven_T, torch.nan)
            metrics[f"asymmetry/{index}"] = asymmetry_T[driven_T].mean().item()
            metrics[f"asymmetry/{index}/max"] = asymmetry_T.where(driven_T, 0.0).max().item()
        cost = operations(layer, received_TBI, metrics[f"firing_rate/{index}"])
        if cost is not None:
            costs.append(cost)
            metrics |= {f"macs/{index}": cost.macs, f"acs/{index}": cost.acs, f"energy/{index}": cost.energy}
        received_TBI = layer.send(output.spikes)
    if len(costs) == len(network.hidden):
        metrics["energy/all"] = sum(cost.energy for cost in costs)
    curves.save(folder, kept)
    return {"status": "finished", "metrics": metrics}


def asymmetry(u_TBN: Tensor) -> Tensor:
    """(mean - median)^2 / variance over samples and neurons, [T]; 0 at steps at which all voltages are equal."""
    u_TX = u_TBN.double().flatten(1)
    distance_T = (u_TX.mean(1) - u_TX.median(1).values).square()
    variance_T = u_TX.var(1, correction=0)
    return torch.where(variance_T > 0, distance_T / variance_T, 0.0)


def operations(layer: Layer, x_TBI: Tensor, rate: float) -> Operations | None:
    """Operations of a layer in a step, given its inputs and its own rate; None where nobody has counted them.

    That is so of neurons but these four, of convolutions, of spiking neurons that are driven by real numbers, and of an
    LSTM without recurrence.
    """
    recurrent = layer.recurrent_weight is not None
    counted = recurrent if isinstance(layer.neuron, LSTM) else bool(((x_TBI == 0) | (x_TBI.abs() == 1)).all())
    if isinstance(layer, ConvLayer) or not counted:
        return None
    input_rate, rate = (x_TBI != 0).double().mean().item(), rate if recurrent else 0.0
    match layer.neuron:
        case LIF():
            return energy.lif(layer.inputs, layer.size, input_rate, rate)
        case ALIF():
            return energy.alif(layer.inputs, layer.size, input_rate, rate)
        case SLSTM():
            return energy.slstm(layer.inputs, layer.size, input_rate, rate)
        case LSTM():
            return energy.lstm(layer.inputs, layer.size)
        case _:
            return None
