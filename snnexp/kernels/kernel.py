"""Which neurons have a kernel for whole sequences."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol

import torch
from torch import Tensor

from snnexp.kernels import gate_tier, integrator, lif, lstm, plif, tier
from snnexp.kernels.gpu import tier as gpu
from snnexp.kernels.projection import Projection
from snnexp.neurons.alif import ALIF
from snnexp.neurons.cuba_lif import CubaLIF
from snnexp.neurons.leaky_integrator import LeakyIntegrator
from snnexp.neurons.lif import LIF
from snnexp.neurons.lstm import LSTM
from snnexp.neurons.neuron import Neuron
from snnexp.neurons.plif import PLIF
from snnexp.neurons.slstm import SLSTM


class Kernel(Protocol):
    """Runs neurons of one family over a sequence, as `unroll` does with `Neuron.step`: see there."""

    def __call__(
        self,
        neuron: Any,
        currents: Tensor | Projection,
        recurrence: Tensor | None,
        psi: Callable[[Tensor], Tensor],
        state: Any,
        noise: Tensor | None,
        detach_recurrent: bool,
        record: Sequence[str],
        /,
    ) -> tuple[Tensor, Any, dict[str, Tensor]]: ...


def kernel(neuron: Neuron, recurrent: bool) -> Kernel | None:
    """The kernel of this neuron, None where there is none; not of a subclass, which may make other steps.

    recurrent: whether its outputs come back to it.
    """
    if type(neuron) in (LIF, ALIF, CubaLIF):
        return lif.run
    if type(neuron) is PLIF:
        return plif.run
    if type(neuron) in (LSTM, SLSTM):
        return lstm.run
    if type(neuron) is LeakyIntegrator and not recurrent:
        return integrator.run
    return None


def in_triton(neuron: Neuron) -> Kernel | None:
    """The kernel of this neuron, in Triton on a GPU; None where there is none in Triton."""
    return _lif_in_triton if kernel(neuron, True) is lif.run else None


def in_little_memory(neuron: Neuron) -> Kernel | None:
    """The kernel of this neuron that walks forward twice; None where there is none."""
    return _lif_in_little_memory if kernel(neuron, True) is lif.run else None


_lif_in_little_memory = partial(lif.run, recompute=True)
_lif_in_triton = partial(lif.run, choose=gpu.tier)


def coded(neuron: Neuron, device: torch.device, dtype: torch.dtype) -> str:
    """In what a neuron's kernel is written that runs on such tensors: `compiled`, or `torch` and why."""
    run = kernel(neuron, recurrent=False)
    missing = (gate_tier if run is lstm.run else tier).lacking(device, dtype)
    return f"torch ({missing})" if missing else "compiled"
