"""What the tests of the kernels share: one sequence, run by the loop over `step` and by a kernel."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from snnexp.neurons.neuron import Neuron
from snnexp.unroll import Backend, LayerOutput, unroll


class Case(NamedTuple):
    """Everything a sequence is made of; `state` and R may be None. All of it that can learn does."""

    neuron: Neuron
    currents: Tensor
    recurrence: Tensor | None
    psi: Callable[[Tensor], Tensor]
    state: Any = None
    noise: Tensor | None = None
    detach_recurrent: bool = False

    def run(self, backend: Backend, record: Sequence[str] = ()) -> LayerOutput:
        return unroll(
            self.neuron,
            self.currents,
            self.recurrence,
            self.psi,
            self.state,
            noise_TBN=self.noise,
            detach_recurrent=self.detach_recurrent,
            record=record,
            backend=backend,
        )

    @property
    def leaves(self) -> list[Tensor]:
        """All that gradients go to."""
        assert isinstance(self.neuron, torch.nn.Module)
        return [
            leaf
            for leaf in (self.currents, self.recurrence, *(self.state or ()), *self.neuron.parameters())
            if leaf is not None and leaf.requires_grad
        ]


def case(
    neuron: Neuron,
    psi: Callable[[Tensor], Tensor],
    shape: tuple[int, int] = (7, 2),
    *,
    recurrent: bool = True,
    detach_recurrent: bool = False,
    noisy: bool = False,
    started: bool = False,
    seed: int = 0,
) -> Case:
    """A case in float64 for T and B, drawn so that about a third of the outputs are spikes.

    started: from a state of random numbers, z among them.
    """
    generator = torch.Generator().manual_seed(seed)

    def normal(*size: int) -> Tensor:
        return torch.randn(*size, generator=generator, dtype=torch.float64)

    steps, batch = shape
    size, inputs = neuron.size, neuron.gates * neuron.size
    currents = normal(steps, batch, inputs).requires_grad_()
    recurrence = normal(inputs, size).requires_grad_() if recurrent else None
    state = None
    if started:
        kind = neuron.initial_state(batch, currents)
        state = kind._make(normal(batch, size).requires_grad_() for _ in kind)
    noise = 0.5 * normal(steps, batch, size) if noisy else None
    return Case(neuron, currents, recurrence, psi, state, noise, detach_recurrent)


def gradients(
    output: LayerOutput, leaves: Sequence[Tensor], seed: int = 1, dtype: torch.dtype | None = None
) -> list[Tensor]:
    """Those of a random sum over all spikes and all fields of the last state.

    dtype: in which the numbers are drawn; None: in that of the output.
    """
    generator = torch.Generator().manual_seed(seed)
    parts = [
        (torch.randn(part.shape, generator=generator, dtype=dtype or part.dtype).to(part.device) * part).sum()
        for part in (output.spikes, *output.state)
    ]
    found = torch.autograd.grad(torch.stack(parts).sum(), leaves, allow_unused=True)
    return [torch.zeros_like(leaf) if grad is None else grad for leaf, grad in zip(leaves, found, strict=True)]


def assert_equal_to_the_loop(given: Case, backend: Backend = Backend.FUSED) -> LayerOutput:
    """Spikes to the bit, other outputs, last state and all gradients within 1e-10; returns what the loop did."""
    loop, kernel = given.run(Backend.REFERENCE), given.run(backend)
    near = 0 if given.neuron.spiking else 1e-12
    torch.testing.assert_close(kernel.spikes, loop.spikes, rtol=near, atol=near)
    assert type(kernel.state) is type(loop.state)
    torch.testing.assert_close(tuple(kernel.state), tuple(loop.state), rtol=1e-12, atol=1e-12)
    ours, theirs = gradients(kernel, given.leaves), gradients(loop, given.leaves)
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)
    return loop
