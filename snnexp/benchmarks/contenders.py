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


class Loop(nn.Module):
    """LIF layers as one writes them: all layers at a step, then the next step, over unbind(0)."""

    def __init__(self, workload: Workload) -> None:
        super().__init__()
        drawn = weights(workload)
        self.sizes = workload.widths
        self.projections = nn.ParameterList(projection for projection, _ in drawn)
        self.recurrences = nn.ParameterList(recurrence for _, recurrence in drawn if recurrence is not None)

    def forward(self, x_TBI: Tensor) -> Tensor:
        v = [x_TBI.new_zeros(x_TBI.shape[1], size) for size in self.sizes]
        z, spikes = list(v), []
        for x_BI in x_TBI.unbind(0):
            seen = x_BI
            for n, projection in enumerate(self.projections):
                current = seen @ projection.t()
                if len(self.recurrences) > 0:
                    current = current + z[n] @ self.recurrences[n].t()
                v[n] = DECAY * v[n] + current - THRESHOLD * z[n].detach()
                z[n] = seen = spike(v[n] - THRESHOLD, _psi)
            spikes.append(seen)
        return torch.stack(spikes)


def _psi(u: Tensor) -> Tensor:
    return fast_sigmoid(SHARPNESS * u)
