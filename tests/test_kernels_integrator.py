"""The kernel of the leaky integrator against the loop over `step`."""

from collections.abc import Iterator

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from snnexp.errors import OptionError
from snnexp.kernels import integrator
from snnexp.kernels.integrator import _filter
from snnexp.kernels.native import call
from snnexp.kernels.tier import lacking
from snnexp.neurons.constants import Decay
from snnexp.neurons.leaky_integrator import LeakyIntegrator
from snnexp.surrogates import arctan
from snnexp.unroll import Backend, choose
from tests.kernels import assert_equal_to_the_loop, case


@pytest.fixture(params=["torch", "compiled on one thread", "compiled on two"], autouse=True, scope="module")
def walked_by(request: pytest.FixtureRequest) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "torch":
            patch.setattr(integrator, "lacking", lambda device, dtype: "not here")
        elif missing := lacking(torch.device("cpu"), torch.float64):
            pytest.skip(missing)
        patch.setattr(call, "GRAIN", 1)
        before = torch.get_num_threads()
        torch.set_num_threads(2 if "two" in request.param else 1)
        yield
        torch.set_num_threads(before)


@settings(max_examples=40)
@given(
    synaptic=st.sampled_from([0.0, 0.3, 0.9]),
    learnable=st.booleans(),
    started=st.booleans(),
    steps=st.integers(1, 9),
    batch=st.integers(1, 4),
    size=st.integers(1, 5),
    seed=st.integers(0, 2**31),
)
def test_equals_the_loop(
    synaptic: float, learnable: bool, started: bool, steps: int, batch: int, size: int, seed: int
) -> None:
    neuron = LeakyIntegrator(size, synaptic, Decay(time=5.0, learnable=learnable), -1e-3).double()
    assert sum(p.requires_grad for p in neuron.parameters()) == learnable
    made = case(neuron, arctan, (steps, batch), recurrent=False, started=started, seed=seed)
    assert_equal_to_the_loop(made)


def test_the_filter_has_the_gradients_of_finite_differences() -> None:
    generator = torch.Generator().manual_seed(0)
    tensors = [
        torch.rand(*shape, generator=generator, dtype=torch.float64).requires_grad_()
        for shape in ((6, 2, 3), (3,), (2, 3))
    ]
    assert torch.autograd.gradcheck(_filter, tensors)


def test_the_trace_is_that_of_the_loop() -> None:
    made = case(LeakyIntegrator(3, 0.5, 0.75).double(), arctan, recurrent=False, started=True)
    with torch.no_grad():
        ours, theirs = (made.run(backend, ("i", "z")) for backend in (Backend.FUSED, Backend.REFERENCE))
    torch.testing.assert_close(ours.trace, theirs.trace, rtol=1e-12, atol=1e-12)


def test_there_is_none_with_a_recurrence() -> None:
    neuron = LeakyIntegrator(3, 0.5, 0.75)
    assert choose(neuron, Backend.AUTO) is Backend.FUSED
    assert choose(neuron, Backend.AUTO, torch.zeros(3, 3)) is Backend.REFERENCE
    with pytest.raises(OptionError, match="no fused kernel for LeakyIntegrator"):
        choose(neuron, Backend.FUSED, torch.zeros(3, 3))
