"""Propagation: what an untrained network does to activity, layer by layer and step by step."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from snnexp.chains import Passage
from snnexp.errors import OptionError, require
from snnexp.network import Network
from snnexp.procedures import curves, inputs
from snnexp.procedures.record import Ledger

# Shapes: L layers, T time, B batch, N neurons.

LAYERS = (0, 1, 2, 3, 4, 5, 10, 20, 50, 75, 100)
"""Layers whose values become metrics, where the network has them."""


class Data(Protocol):
    """What gives the input."""

    def train_inputs(self) -> Iterator[Tensor]: ...


class Parts(Protocol):
    """What propagation is given; `snnexp.run.Parts` is one."""

    @property
    def network(self) -> Network: ...
    @property
    def data(self) -> Data: ...


class Activity(NamedTuple):
    """Statistics over the neurons of a layer; each [L, T, B].

    variance, skewness, kurtosis: of the voltage as the threshold sees it, after the input and the reset by earlier
    spikes and before any by its own; population moments, the excess kurtosis. The last two are NaN where all voltages
    are equal.  spikes: their number.
    """

    variance: Tensor
    spikes: Tensor
    skewness: Tensor
    kurtosis: Tensor


def propagate(
    parts: Parts, folder: Path, ledger: Ledger, theory: Callable[[int], Passage] | None = None
) -> dict[str, Any]:
    """Run the untrained network on the first training batch and keep its `Activity`.

    theory: predicts single-step activity for a number of layers, to be drawn beside it.

    Statistics are taken of every sample and then averaged. Layer 0 is the first population: the encoder, where there is
    one. curves.npz: each statistic over `layer`, averaged over the steps, and the share of samples in which the layer
    spikes (`alive`); for more than one step also maps, layers by steps (`variance_map`); what the theory expects
    (`expected_variance`). All voltages are held at once, 2 L T B N floats.

    Returns metrics: each curve at the layers of `LAYERS` (`variance/layer_10`), its mean over the layers that have
    weights (`variance/mean`), and the last layer that spikes, -1 for none (`alive/last_layer`).
    Raises `OptionError` for a neuron without a voltage and for a theory beside more than one step.
    """
    network = parts.network.eval()
    x = inputs.like(next(iter(parts.data.train_inputs())), next(network.parameters()))
    for population in network.populations:
        if "v" not in population.neuron.initial_state(1, next(network.parameters()))._fields:
            raise OptionError("neuron", type(population.neuron).__name__, "has no voltage v, which propagate asks for")
    activity = measure(network, x)
    layers, steps, _ = activity.variance.shape
    require(theory is None or steps == 1, "theory", "given", f"is about one step, the data have {steps}")
    live_LB = activity.spikes.sum(1) > 0
    found = {name: value_LTB.nanmean((1, 2)) for name, value_LTB in activity._asdict().items()}
    found["alive"] = live_LB.double().mean(1)
    if theory is not None:
        expected = theory(layers)
        found |= {"expected_variance": expected.variance, "expected_spikes": expected.spikes}
        found |= {"expected_sd": expected.sd, "expected_alive": 1 - expected.dead}
    maps = {f"{name}_map": value_LTB.nanmean(2) for name, value_LTB in activity._asdict().items() if steps > 1}
    places = {"layer": torch.arange(layers), "step": torch.arange(steps)}
    curves.save(folder, {**places, **found, **maps})
    metrics = {
        f"{name}/layer_{at}": value_L[at].item() for name, value_L in found.items() for at in LAYERS if at < layers
    }
    weighted = len(network.hidden)
    metrics |= {f"{name}/mean": value_L[-weighted:].nanmean().item() for name, value_L in found.items()}
    last_B = (live_LB * torch.arange(1, layers + 1).unsqueeze(1)).amax(0) - 1
    return {"status": "finished", "metrics": {**metrics, "alive/last_layer": last_B.double().mean().item()}}


@torch.no_grad()
def measure(network: Network, x: Tensor) -> Activity:
    """The statistics of every layer of a network, in float64."""
    output = network(x, record=("v",))
    rows = [_statistics(layer.trace["v"], layer.spikes) for layer in output.layers]
    return Activity(*(torch.stack(column) for column in zip(*rows, strict=True)))


def _statistics(v_TBN: Tensor, spikes_TBN: Tensor) -> Activity:
    centred_TBN = v_TBN.double().flatten(2)
    centred_TBN = centred_TBN - centred_TBN.mean(-1, keepdim=True)
    second, third, fourth = (centred_TBN.pow(order).mean(-1) for order in (2, 3, 4))
    count_TB = (spikes_TBN.flatten(2) != 0).double().sum(-1)
    return Activity(second, count_TB, third / second**1.5, fourth / second**2 - 3)
