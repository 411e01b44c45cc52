"""The kernel of the LIF family in torch against the loop over `step`, in every combination of what it takes."""

from collections.abc import Iterator
from functools import partial
from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from snnexp.kernels import lif, membrane, tape
from snnexp.neurons.alif import ALIF
from snnexp.neurons.constants import Decay, PerNeuron
from snnexp.neurons.cuba_lif import CubaLIF
from snnexp.neurons.lif import LIF
from snnexp.neurons.neuron import Neuron
from snnexp.neurons.reset import Reset
from snnexp.surrogates import Surrogate, arctan, fast_sigmoid, rectangular, triangular, zero
from snnexp.unroll import Backend, unroll
from tests.kernels import Case, assert_equal_to_the_loop, case, gradients

N = 3
FAMILY = {"lif": LIF, "alif": ALIF, "cuba_lif": CubaLIF}
EXACT = {"rtol": 1e-10, "atol": 1e-10}


@pytest.fixture(scope="module", autouse=True)
def in_torch() -> Iterator[None]:
    """Compiled recursions, which round otherwise, are compared with torch's in tests of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lif, "fastest", lambda device, dtype: membrane)
        yield


def make(name: str, reset: str = "minus", detach_reset: bool = False, learnable: bool = True, size: int = N) -> Neuron:
    """A neuron with different constants for every one of its neurons."""
    torch.manual_seed(3)
    decay = partial(Decay, sd=0.5, learnable=learnable)
    constant = partial(PerNeuron, sd=0.1, learnable=learnable)
    others: dict[str, Any] = {
        "lif": {"current": constant(0.2)},
        "alif": {"current": constant(0.2), "adaptation_decay": decay(4.0), "adaptation_strength": constant(0.7)},
        "cuba_lif": {"synaptic_decay": decay(2.0)},
    }[name]
    neuron: Any = FAMILY[name](
        size, membrane_decay=decay(3.0), threshold=constant(0.4), **others, reset=reset, detach_reset=detach_reset
    )
    made: Neuron = neuron.double()
    return made


@pytest.mark.parametrize("recurrence", ["none", "matrix", "detached"])
@pytest.mark.parametrize("detach_reset", [True, False])
@pytest.mark.parametrize("reset", Reset)
@pytest.mark.parametrize("name", FAMILY)
def test_equals_the_loop(name: str, reset: str, detach_reset: bool, recurrence: str) -> None:
    rates = []
    for learnable, noisy, started in product([True, False], repeat=3):
        made = case(
            make(name, reset, detach_reset, learnable),
            arctan,
            recurrent=recurrence != "none",
            detach_recurrent=recurrence == "detached",
            noisy=noisy,
            started=started,
        )
        rates.append(assert_equal_to_the_loop(made).spikes.mean().item())
    assert min(rates) > 0.05
    assert max(rates) < 0.9


@settings(max_examples=60)
@given(
    name=st.sampled_from(list(FAMILY)),
    reset=st.sampled_from(list(Reset)),
    detach_reset=st.booleans(),
    recurrent=st.booleans(),
    detach_recurrent=st.booleans(),
    noisy=st.booleans(),
    started=st.booleans(),
    shape=st.sampled_from([fast_sigmoid, rectangular, triangular, arctan]),
    steps=st.integers(1, 9),
    batch=st.integers(1, 4),
    size=st.integers(1, 5),
    dampening=st.floats(0.1, 2.0),
    sharpness=st.floats(0.1, 3.0),
    seed=st.integers(0, 2**31),
)
def test_equals_the_loop_for_any_shape_and_surrogate(
    name: str,
    reset: str,
    detach_reset: bool,
    recurrent: bool,
    detach_recurrent: bool,
    noisy: bool,
    started: bool,
    shape: Any,
    steps: int,
    batch: int,
    size: int,
    dampening: float,
    sharpness: float,
    seed: int,
) -> None:
    scale_N = 1 + torch.arange(size, dtype=torch.float64) / size
    psi = partial(Surrogate(shape), dampening=dampening * scale_N, sharpness=sharpness / scale_N)
    assert_equal_to_the_loop(
        case(
            make(name, reset, detach_reset, size=size),
            psi,
            (steps, batch),
            recurrent=recurrent,
            detach_recurrent=detach_recurrent,
            noisy=noisy,
            started=started,
            seed=seed,
        )
    )


@pytest.mark.parametrize("reset", Reset)
@pytest.mark.parametrize("name", FAMILY)
def test_a_sequence_in_parts_has_the_gradients_of_the_whole(name: str, reset: str) -> None:
    whole = case(make(name, reset), arctan, (9, 2), started=True)
    for cut in (1, 4, 8):
        early = whole._replace(currents=whole.currents[:cut]).run(Backend.FUSED)
        late = whole._replace(currents=whole.currents[cut:], state=early.state).run(Backend.FUSED)
        joined = late._replace(spikes=torch.cat((early.spikes, late.spikes)))
        at_once = whole.run(Backend.FUSED)
        assert torch.equal(joined.spikes, at_once.spikes)
        torch.testing.assert_close(gradients(joined, whole.leaves), gradients(at_once, whole.leaves), **EXACT)


@pytest.mark.parametrize("recurrent", [True, False])
@pytest.mark.parametrize("reset", Reset)
@pytest.mark.parametrize("name", FAMILY)
def test_where_spikes_are_given_the_gradients_are_derivatives(name: str, reset: str, recurrent: bool) -> None:
    # Thresholds far away, of random sign, make the spikes; they depend on nothing, and their surrogate says so.
    # What is left of the equations is smooth: finite differences are what its gradients should be.
    made = case(make(name, reset), zero, (5, 2), recurrent=recurrent, started=True)
    forced_TBN = torch.rand(made.currents.shape, generator=torch.Generator().manual_seed(2)) < 0.4
    made = made._replace(noise=torch.where(forced_TBN, -1e9, 1e9).double())
    assert torch.equal(made.run(Backend.FUSED).spikes, forced_TBN.double())
    # The arguments are the leaves themselves, moved in place.
    assert torch.autograd.gradcheck(lambda *_: tuple(made.run(Backend.FUSED).state), made.leaves)


@pytest.mark.parametrize("reset", Reset)
@pytest.mark.parametrize("name", FAMILY)
def test_traces_are_those_of_the_loop_when_no_gradient_is_asked_for(name: str, reset: str) -> None:
    made = case(make(name, reset), arctan, started=True)
    fields = made.state._fields
    with torch.no_grad():
        loop, kernel = (made.run(backend, fields) for backend in (Backend.REFERENCE, Backend.FUSED))
    assert tuple(kernel.trace) == fields
    for field in fields:
        assert torch.equal(kernel.trace[field], loop.trace[field]), field
        assert torch.equal(getattr(kernel.state, field), kernel.trace[field][-1]), field


@pytest.mark.parametrize("reset", Reset)
@pytest.mark.parametrize("name", FAMILY)
def test_one_step_in_float32_from_where_the_loop_in_float64_is(name: str, reset: str) -> None:
    # Free running, the first spike that a rounding moves would part the two.
    made = case(make(name, reset), arctan, (20, 4))
    fields = made.neuron.initial_state(1, made.currents)._fields
    exact = made.run(Backend.REFERENCE, fields).trace
    neuron: Any = make(name, reset).float()
    agreeing = 0
    for t in range(1, 20):
        before = made.neuron.initial_state(4, made.currents)._make(exact[name][t - 1].float() for name in fields)
        assert made.recurrence is not None
        currents_1BN, recurrence_NN = (
            part.detach().float().requires_grad_() for part in (made.currents[t : t + 1], made.recurrence)
        )
        step = Case(neuron, currents_1BN, recurrence_NN, arctan, before)
        done = step.run(Backend.FUSED)
        torch.testing.assert_close(done.state.u, exact["u"][t].float(), rtol=1e-5, atol=1e-5)
        agreeing += int(torch.equal(done.spikes[0].double(), exact["z"][t]))
        theirs = gradients(step.run(Backend.REFERENCE), step.leaves)
        torch.testing.assert_close(gradients(done, step.leaves), theirs, rtol=1e-4, atol=1e-5)
    assert agreeing == 19


@pytest.mark.parametrize("reset", Reset)
@pytest.mark.parametrize("name", FAMILY)
def test_the_backward_of_a_long_sequence_goes_by_pieces(name: str, reset: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tape, "PIECE", 3 * 2 * N)  # three steps, so 3 + 3 + 1
    assert_equal_to_the_loop(case(make(name, reset), arctan, (7, 2), started=True))


@pytest.mark.parametrize("name", FAMILY)
def test_a_backward_leaves_what_it_needs_as_it_was(name: str) -> None:
    made = case(make(name), arctan)
    spikes = made.run(Backend.FUSED).spikes
    twice = [torch.autograd.grad(spikes.square().sum(), made.leaves, retain_graph=True) for _ in range(2)]
    assert all(torch.equal(first, second) for first, second in zip(*twice, strict=True))


def test_the_surrogate_is_evaluated_once_for_the_whole_sequence() -> None:
    shapes = []

    def psi(u: Tensor) -> Tensor:
        shapes.append(u.shape)
        return arctan(u)

    made = case(make("lif"), psi, (7, 2))
    torch.autograd.backward(made.run(Backend.FUSED).spikes.sum())
    assert shapes == [(7, 2, N)]


def test_mixed_precision_keeps_voltages_in_the_precision_of_the_constants() -> None:
    neuron: Any = make("lif").float()
    currents_TBN = torch.randn(6, 2, N, generator=torch.Generator().manual_seed(0)).bfloat16().requires_grad_()
    recurrence_NN = torch.randn(N, N, generator=torch.Generator().manual_seed(1)).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        output = unroll(neuron, currents_TBN, recurrence_NN, arctan, backend=Backend.FUSED)
        torch.autograd.backward(output.spikes.sum())
    plain = Case(neuron, currents_TBN.detach().float().requires_grad_(), recurrence_NN, arctan)
    expected = plain.run(Backend.REFERENCE)
    assert output.spikes.dtype == output.state.v.dtype == torch.float32
    assert torch.equal(output.spikes, expected.spikes)
    (gradient,) = torch.autograd.grad(expected.spikes.sum(), recurrence_NN)
    torch.testing.assert_close(recurrence_NN.grad, gradient, rtol=1e-5, atol=1e-6)


def test_a_kernel_is_differentiated_once() -> None:
    made = case(make("lif"), arctan)
    (gradient,) = torch.autograd.grad(made.run(Backend.FUSED).spikes.square().sum(), made.currents, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice"):
        torch.autograd.backward(gradient.sum())
