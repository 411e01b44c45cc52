"""LIF layers of other libraries, with the weights, the leak and the surrogate of ours as far as these have them.

They are made for a look at speed: where a library has another model of the neuron, or other units, so be it.
"""

from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from snnexp.benchmarks.workloads import DECAY, SHARPNESS, Workload, weights

# Shapes: T time, B batch, I inputs, N neurons.

Run = Callable[[Any, Tensor], Tensor]
"""A neuron over its currents [T, B, N], to its spikes."""


class Stack(nn.Module):
    """Projections, each followed by a neuron of another library; scale: of its currents, in units of ours."""

    def __init__(
        self, workload: Workload, neuron: Callable[[int, Tensor | None], nn.Module], run: Run, scale: float = 1.0
    ) -> None:
        super().__init__()
        self.projections, self.neurons, self.run = nn.ModuleList(), nn.ModuleList(), run
        for weight, recurrence in weights(workload):
            projection = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
            projection.weight.data.copy_(scale * weight)
            self.projections.append(projection)
            self.neurons.append(neuron(weight.shape[0], recurrence))

    def forward(self, x_TBI: Tensor) -> Tensor:
        for projection, neuron in zip(self.projections, self.neurons, strict=True):
            x_TBI = self.run(neuron, projection(x_TBI))
        return x_TBI


def snntorch(workload: Workload) -> nn.Module:
    """`RLeaky` and `Leaky`, step by step."""
    library, surrogate = import_module("snntorch"), import_module("snntorch.surrogate")
    options: dict[str, Any] = {"beta": DECAY, "spike_grad": surrogate.fast_sigmoid(slope=2 * SHARPNESS)}

    def neuron(size: int, recurrence: Tensor | None) -> nn.Module:
        if recurrence is None:
            return library.Leaky(**options)  # type: ignore[no-any-return]
        made = library.RLeaky(**options, linear_features=size)
        made.recurrent.weight.data.copy_(recurrence)
        return made  # type: ignore[no-any-return]

    def run(neuron: Any, currents_TBN: Tensor) -> Tensor:
        before = neuron.reset_mem() if workload.recurrent else (neuron.reset_mem(),)
        spikes = []
        for current_BN in currents_TBN.unbind(0):
            z_BN, v_BN = neuron(current_BN, *before)
            before = (z_BN, v_BN) if workload.recurrent else (v_BN,)
            spikes.append(z_BN)
        return torch.stack(spikes)

    return Stack(workload, neuron, run)


def norse(workload: Workload) -> nn.Module:
    """`LIFRecurrent` and `LIF` with a synapse that forgets at once; the recurrent one has a second projection in it."""
    library = import_module("norse.torch")
    per_second, scale = 1000, 1 / (1 - DECAY)  # a step is a millisecond, and the voltage moves by decay times current
    parameters = library.LIFParameters(
        tau_syn_inv=torch.tensor(1.0 * per_second),
        tau_mem_inv=torch.tensor((1 - DECAY) * per_second),
        alpha=torch.tensor(2 * SHARPNESS),
    )

    def neuron(size: int, recurrence: Tensor | None) -> nn.Module:
        if recurrence is None:
            return library.LIF(parameters)  # type: ignore[no-any-return]
        made = library.LIFRecurrent(size, size, parameters)
        made.input_weights.data.copy_(torch.eye(size))
        made.recurrent_weights.data.copy_(scale * recurrence)
        return made  # type: ignore[no-any-return]

    return Stack(workload, neuron, lambda neuron, currents_TBN: neuron(currents_TBN)[0], scale)


def spikingjelly(workload: Workload) -> nn.Module:
    """`LIFNode` in multi-step mode, in a `LinearRecurrentContainer` where recurrent, which has a second projection."""
    neurons, layers, functional, surrogates = (
        import_module(f"spikingjelly.activation_based.{name}")
        for name in ("neuron", "layer", "functional", "surrogate")
    )

    def neuron(size: int, recurrence: Tensor | None) -> nn.Module:
        node = neurons.LIFNode(
            tau=1 / (1 - DECAY),
            decay_input=False,
            v_reset=None,
            surrogate_function=surrogates.SoftSign(2 * SHARPNESS),
            detach_reset=True,
            step_mode="m" if recurrence is None else "s",
        )
        if recurrence is None:
            return node  # type: ignore[no-any-return]
        made = layers.LinearRecurrentContainer(node, in_features=size, out_features=size, bias=False, step_mode="m")
        made.rc.weight.data.copy_(torch.cat([torch.eye(size), recurrence], dim=1))
        return made  # type: ignore[no-any-return]

    def run(neuron: Any, currents_TBN: Tensor) -> Tensor:
        functional.reset_net(neuron)
        return neuron(currents_TBN)  # type: ignore[no-any-return]

    return Stack(workload, neuron, run)


class Peer(NamedTuple):
    """Another library: the package that has to be installed, and its hidden layers [T, B, I] -> [T, B, N]."""

    package: str
    build: Callable[[Workload], nn.Module]


PEERS = [Peer("snntorch", snntorch), Peer("norse", norse), Peer("spikingjelly", spikingjelly)]
