"""Whose recursions a sequence takes: plain torch's, or compiled ones."""

from collections.abc import Callable
from functools import cache
from typing import Protocol, cast

import torch
from torch import Tensor
from torch.nn import functional

from snnexp.kernels import membrane
from snnexp.kernels.native import events, library, sequence
from snnexp.kernels.tape import Flow, Given, Gradients, Tape
from snnexp.neurons.membrane import Membrane, MembraneState
from snnexp.neurons.reset import Reset

# Shapes: T time, B batch, I inputs, N neurons.


class Tier(Protocol):
    """The recursions of `snnexp.kernels.membrane`, where they are specified."""

    def forward(
        self,
        membrane: Membrane,
        reset: Reset,
        currents_TBN: Tensor,
        recurrence_NN: Tensor | None,
        start: MembraneState,
        noise_TBN: Tensor | None,
    ) -> Tape: ...

    def backward(
        self,
        membrane: Membrane,
        reset: Reset,
        recurrence_NN: Tensor | None,
        start: MembraneState,
        tape: Tape,
        psi: Callable[[Tensor], Tensor],
        given: Given,
        flow: Flow,
    ) -> Gradients: ...


@cache
def lacking(device: torch.device, dtype: torch.dtype) -> str:
    """Why there are no compiled kernels for such tensors; empty where there are, and they do what torch does.

    Compiles them at the first call, which takes some seconds.
    """
    return library.refused(device, dtype, _agree)


def fastest(device: torch.device, dtype: torch.dtype) -> Tier | None:
    """Torch's recursions; None where there is a compiled sequence, which takes their place as a whole."""
    return cast(Tier, membrane) if lacking(device, dtype) else None


def linear(x: Tensor, weight_NI: Tensor, bias_N: Tensor | None) -> Tensor:
    """x W^T + bias, x [..., I]; compiled, it costs what the values that are not 0 cost."""
    plain = torch.is_autocast_enabled(x.device.type) or x.dtype != weight_NI.dtype
    if plain or lacking(x.device, x.dtype):
        return functional.linear(x, weight_NI, bias_N)
    return events.linear(x, weight_NI, bias_N)


@torch.inference_mode(False)
@torch.enable_grad()
def _agree(dtype: torch.dtype) -> bool:
    """Whether both do the same on a tiny case that walks every branch of a product: odd sizes, many and few spikes.

    With gradients, whatever the mode of the first call: a run evaluates before it trains.
    """
    generator = torch.Generator().manual_seed(0)
    T, B, N = 6, 3, 37
    draws_TBN = torch.randn(T, B, N, generator=generator, dtype=torch.float64)
    recurrence_NN = (torch.randn(N, N, generator=generator, dtype=torch.float64) / N).to(dtype)
    constants = Membrane(*(torch.full((N,), value, dtype=dtype) for value in (0.9, 0.7, 0.1, 0.8, 0.5)))
    rest_BN = torch.zeros(B, N, dtype=dtype)
    start = MembraneState(rest_BN, rest_BN, rest_BN)
    currents_TBN = (draws_TBN + torch.linspace(-1, 2, T, dtype=torch.float64).view(-1, 1, 1)).to(dtype)
    flow, psi = Flow(True, True, True, True), lambda u: (1 - u.abs()).clamp_min(0)
    tape = membrane.forward(constants, Reset.MINUS, currents_TBN, recurrence_NN, start, None)
    given = Given(draws_TBN.to(dtype), None, None, None)
    gradients = membrane.backward(constants, Reset.MINUS, recurrence_NN, start, tape, psi, given, flow)
    theirs = [tape.spikes, gradients.currents, gradients.recurrence, *(gradients.constants or ())]
    leaves = [of.requires_grad_() for of in (currents_TBN, recurrence_NN, *constants) if of is not None]
    rules = sequence.Rules(psi, Reset.MINUS, True, True)
    spikes_TBN = sequence.run(rules, currents_TBN, recurrence_NN, None, constants, start)[0]
    ours = [spikes_TBN, *torch.autograd.grad(spikes_TBN, leaves, given.spikes)]
    near = 1e-3 if dtype == torch.float32 else 1e-10
    pairs = zip(ours, (value for value in theirs if value is not None), strict=True)
    return all(torch.allclose(our, their, rtol=near, atol=near) for our, their in pairs)
