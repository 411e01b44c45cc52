"""The time axis: a neuron model run over a whole sequence."""

from collections.abc import Callable, Sequence
from enum import StrEnum
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor

from snnexp.errors import OptionError, require
from snnexp.kernels.gpu import tier as gpu
from snnexp.kernels.kernel import in_little_memory, in_triton, kernel
from snnexp.kernels.projection import Projection, dense, like
from snnexp.neurons.neuron import Neuron
from snnexp.surrogates import spike

# Shapes: T time, B batch, N neurons, G pre-activations (gates x N).


class Backend(StrEnum):
    """Who walks the sequence: the loop over `Neuron.step`, or a hand-written kernel that equals it.

    triton: a kernel for GPUs, which no GPU has measured yet: its mathematics is tested through Triton's interpreter. So
    neither `auto` nor `fused` takes it.
    recompute: the kernel of the LIF family that keeps no voltages for its backward, which walks forward once more where
    it is compiled: less memory, more time.
    """

    AUTO = "auto"
    REFERENCE = "reference"
    FUSED = "fused"
    TRITON = "triton"
    RECOMPUTE = "recompute"


OTHERS = {Backend.TRITON: in_triton, Backend.RECOMPUTE: in_little_memory}
"""Backends that take another kernel of a neuron than `kernel`, and which."""

Feedback = Callable[[Tensor], Tensor]
"""The recurrent currents [B, G] from the spikes [B, N] of the step before, where these are no product with a matrix."""


class LayerOutput(NamedTuple):
    """What a layer did over a sequence.

    spikes: the outputs z [T, B, N].  state: the neuron's state after the last step.
    trace: for each recorded field of the state, its values [T, B, N].
    """

    spikes: Tensor
    state: Any
    trace: dict[str, Tensor]


def choose(
    neuron: Neuron, backend: Backend, recurrence: Tensor | Feedback | None = None, traced: bool = False
) -> Backend:
    """The backend that a sequence runs on: a kernel where there is one, else the reference loop.

    There are kernels for lif, alif, cuba_lif, plif, lstm and slstm, each with a matrix as recurrence or none, and for
    the leaky integrator without recurrence; in Triton for the first three. `traced`: a trace that has gradients is
    recorded, which the reference loop alone gives. `recompute` is there for the first three, too. A backend that is
    named and cannot be had is an `OptionError`, which says what has no kernel, or why this machine runs none in Triton.
    """
    lacking, instead = None, Backend.REFERENCE
    if kernel(neuron, recurrence is not None) is None:
        lacking = type(neuron).__name__
    elif recurrence is not None and not isinstance(recurrence, Tensor):
        lacking = "a recurrence that is no matrix"
    elif traced:
        lacking = "a trace with gradients"
    elif backend in OTHERS and OTHERS[backend](neuron) is None:
        lacking, instead = type(neuron).__name__, Backend.FUSED
    if backend in (Backend.FUSED, *OTHERS) and lacking is not None:
        raise OptionError("backend", backend, f"there is no {backend} kernel for {lacking}; take {instead}")
    if backend is Backend.TRITON:
        require(not gpu.lacking(), "backend", backend, f"{gpu.lacking()}; take auto")
    if backend in OTHERS:
        return backend
    return Backend.FUSED if backend is not Backend.REFERENCE and lacking is None else Backend.REFERENCE


def unroll(
    neuron: Neuron,
    currents: Tensor | Projection,
    recurrence: Tensor | Feedback | None,
    psi: Callable[[Tensor], Tensor],
    state: Any = None,
    *,
    noise_TBN: Tensor | None = None,
    detach_recurrent: bool = False,
    record: Sequence[str] = (),
    backend: Backend = Backend.AUTO,
) -> LayerOutput:
    """Run a neuron over a sequence of input currents: z_t from current_t + R z_{t-1}, step by step.

    currents: [T, B, G], or the factors that they are the product of.
    recurrence: the matrix R [G, N], or R as a function, or None for a feed-forward layer.
    psi: the surrogate, u -> psi(u).
    state: where to start; passing the state of one call to the next is the same as one long call.
    noise_TBN: escape noise, pre-drawn thresholds (see `escape`).
    detach_recurrent: no gradient flows through R to earlier spikes; R itself still learns.
    record: fields of the neuron's state to keep for every step.
    backend: see `choose`; kernels give the spikes and gradients of the loop here, up to rounding.
    """
    traced = torch.is_grad_enabled() and bool(set(record) - {"z"})
    if state is None:
        given = currents.x if isinstance(currents, Projection) else currents
        state = neuron.initial_state(given.shape[1], like(currents))
    taken = choose(neuron, backend, recurrence, traced)
    if taken is not Backend.REFERENCE:
        run = OTHERS[taken](neuron) if taken in OTHERS else kernel(neuron, recurrence is not None)
        assert run is not None
        assert not callable(recurrence)
        return LayerOutput(*run(neuron, currents, recurrence, psi, state, noise_TBN, detach_recurrent, record))
    constants, currents_TBG = neuron.constants(), dense(currents)
    noises = [None] * len(currents_TBG) if noise_TBN is None else noise_TBN.unbind(0)
    weight_NG = recurrence.t() if isinstance(recurrence, Tensor) else None
    spikes: list[Tensor] = []
    trace: dict[str, list[Tensor]] = {name: [] for name in record}
    # unbind, because the backward of indexing currents[t] fills a whole [T, B, G] tensor at every step.
    for current_BG, noise_BN in zip(currents_TBG.unbind(0), noises, strict=True):
        before_BN = state.z.detach() if detach_recurrent else state.z
        if weight_NG is not None:
            current_BG = torch.addmm(current_BG, before_BN, weight_NG)
        elif callable(recurrence):
            current_BG = current_BG + recurrence(before_BN)
        state = neuron.step(current_BG, state, partial(spike, psi=psi, noise=noise_BN), constants)
        spikes.append(state.z)
        for name in record:
            trace[name].append(getattr(state, name))
    return LayerOutput(torch.stack(spikes), state, {name: torch.stack(kept) for name, kept in trace.items()})
