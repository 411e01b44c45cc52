"""Whose recursions an LSTM's sequence takes: plain torch's, or compiled ones."""

from functools import cache
from typing import Protocol, cast

import torch
from torch import Tensor

from snnexp.kernels import gates
from snnexp.kernels.activations import Activations, GateTape, Spiking
from snnexp.kernels.gates import GateGradients
from snnexp.kernels.native import gates as compiled
from snnexp.kernels.native import library

# Shapes: T time, B batch, N neurons, G = 4 N: input gate, forget gate, output gate, candidate.


class GateTier(Protocol):
    """The recursions of `snnexp.kernels.gates`, where they are specified."""

    def forward(
        self,
        activations: Activations,
        bias: Tensor,
        currents_TBG: Tensor,
        recurrence_GN: Tensor | None,
        c_BN: Tensor,
        z_BN: Tensor,
    ) -> GateTape: ...

    def backward(
        self,
        recurrence_GN: Tensor | None,
        c_BN: Tensor,
        z_BN: Tensor,
        tape: GateTape,
        activations: Activations,
        given_z_TBN: Tensor | None,
        given_c_BN: Tensor | None,
        through_recurrence: bool,
        to_recurrence: bool,
    ) -> GateGradients: ...


@cache
def lacking(device: torch.device, dtype: torch.dtype) -> str:
    """Why there are no compiled recursions for such tensors; empty where there are, and they do what torch does.

    Compiles them at the first call, which takes some seconds.
    """
    return library.refused(device, dtype, _agree)


def fastest(device: torch.device, dtype: torch.dtype) -> GateTier:
    """Compiled recursions where there are any, else torch's."""
    return cast(GateTier, gates if lacking(device, dtype) else compiled)


def _agree(dtype: torch.dtype) -> bool:
    """Whether both do the same on a tiny case of odd sizes."""
    generator = torch.Generator().manual_seed(0)
    T, B, N = 6, 3, 37

    def normal(*size: int) -> Tensor:
        return torch.randn(*size, generator=generator, dtype=torch.float64).to(dtype)

    currents_TBG, recurrence_GN, bias, given_TBN = normal(T, B, 4 * N), normal(4 * N, N), normal(4 * N), normal(T, B, N)
    activations, start = Spiking(lambda u: (1 - u.abs()).clamp_min(0)), (normal(B, N), normal(B, N))
    done = []
    for tier in (cast(GateTier, gates), cast(GateTier, compiled)):
        tape = tier.forward(activations, bias, currents_TBG, recurrence_GN, *start)
        gradients = tier.backward(recurrence_GN, *start, tape, activations, given_TBN, None, True, True)
        done.append([*tape, *gradients])
    near = 1e-3 if dtype == torch.float32 else 1e-10
    return all(torch.allclose(ours, theirs, rtol=near, atol=near) for ours, theirs in zip(*done, strict=True))
