"""The hidden layers that are measured: this project's on their backends, and a loop as one writes it by hand."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from snnexp.benchmarks.workloads import DECAY, SHARPNESS, THRESHOLD, Workload, weights
from snnexp.layers import Layer
from snnexp.surrogates import Surrogate, fast_sigmoid, spike
from snnexp.unroll import Backend

# Shapes: T time, B batch, I inputs, N neurons.


class Ours(nn.Module):
    """The project's layers on one of their backends."""

    def __init__(self, workload: Workload, backend: Backend, shape: Callable[[Tensor], Tensor] = fast_sigmoid) -> None:
        super().__init__()
        layers = []
        for projection, recurrence in weights(workload):
            size = projection.shape[0] // workload.neuron(1).gates
            recurrent = recurrence is not None
            layer = Layer(
                projection.shape[1],
                size,
                workload.neuron,
                Surrogate(shape),
                recurrent,
                zero_diagonal=False,
                backend=backend,
            )
            layer.projection.data.copy_(projection)
            layer.sharpness.fill_(SHARPNESS)
            if layer.recurrent_weight is not None and recurrence is not None:
                layer.recurrent_weight.data.copy_(recurrence)
            layers.append(layer)
        self.layers = nn.ModuleList(layers)

    def forward(self, x_TBI: Tensor) -> Tensor:
        for layer in self.layers:
            x_TBI = layer(x_TBI).spikes
        return x_TBI


Walk = Callable[[Tensor, list[Tensor], list[Tensor]], Tensor]


def walk(x_TBI: Tensor, projections: list[Tensor], recurrences: list[Tensor]) -> Tensor:
    """LIF layers as one writes them: all layers at a step, then the next step, over unbind(0). No recurrence: []."""
    v = [x_TBI.new_zeros(x_TBI.shape[1], len(projection)) for projection in projections]
    z, spikes = list(v), []
    for x_BI in x_TBI.unbind(0):
        seen = x_BI
        for n, projection in enumerate(projections):
            current = seen @ projection.t()
            if recurrences:
                current = current + z[n] @ recurrences[n].t()
            v[n] = DECAY * v[n] + current - THRESHOLD * z[n].detach()
            z[n] = seen = spike(v[n] - THRESHOLD, _psi)
        spikes.append(seen)
    return torch.stack(spikes)


class Loop(nn.Module):
    """The weights of such layers, and who walks them: `walk`, or a compiled one."""

    def __init__(self, workload: Workload, walk: Walk = walk) -> None:
        super().__init__()
        drawn = weights(workload)
        self.walk = walk
        self.projections = nn.ParameterList(projection for projection, _ in drawn)
        self.recurrences = nn.ParameterList(recurrence for _, recurrence in drawn if recurrence is not None)

    def forward(self, x_TBI: Tensor) -> Tensor:
        return self.walk(x_TBI, list(self.projections), list(self.recurrences))


def _psi(u: Tensor) -> Tensor:
    return fast_sigmoid(SHARPNESS * u)
