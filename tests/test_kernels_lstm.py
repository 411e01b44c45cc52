"""The kernel of the LSTMs, in torch and compiled, against the loop over `step`, in every combination."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from snnexp.kernels import gates, lstm, tape
from snnexp.kernels.gate_tier import lacking
from snnexp.kernels.native import gates as compiled
from snnexp.neurons.lstm import LSTM
from snnexp.neurons.neuron import Neuron
from snnexp.neurons.slstm import SLSTM
from snnexp.surrogates import Surrogate, arctan, fast_sigmoid, rectangular, triangular
from snnexp.unroll import Backend
from tests.kernels import Case, assert_equal_to_the_loop, case, gradients

N = 3
FAMILY = {"lstm": LSTM, "slstm": SLSTM}
CPU = torch.device("cpu")


@pytest.fixture(scope="module", autouse=True, params=[gates, compiled], ids=["torch", "compiled"])
def recursions(request: pytest.FixtureRequest) -> Iterator[None]:
    if request.param is compiled and lacking(CPU, torch.float64):
        pytest.skip(lacking(CPU, torch.float64))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lstm, "fastest", lambda device, dtype: request.param)
        yield


def make(name: str, size: int = N) -> Neuron:
    neuron: Any = FAMILY[name](size).double()
    torch.nn.init.normal_(neuron.bias, generator=torch.Generator().manual_seed(5))
    made: Neuron = neuron
    return made


@pytest.mark.parametrize("started", [True, False])
@pytest.mark.parametrize("recurrence", ["none", "matrix", "detached"])
@pytest.mark.parametrize("name", FAMILY)
def test_equals_the_loop(name: str, recurrence: str, started: bool) -> None:
    made = case(
        make(name), arctan, recurrent=recurrence != "none", detach_recurrent=recurrence == "detached", started=started
    )
    assert (assert_equal_to_the_loop(made).spikes != 0).double().mean() > 0.2


@settings(max_examples=40)
@given(
    name=st.sampled_from(list(FAMILY)),
    recurrent=st.booleans(),
    detach_recurrent=st.booleans(),
    started=st.booleans(),
    shape=st.sampled_from([fast_sigmoid, rectangular, triangular, arctan]),
    steps=st.integers(1, 9),
    batch=st.integers(1, 4),
    size=st.integers(1, 5),
    seed=st.integers(0, 2**31),
)
def test_equals_the_loop_for_any_shape_and_surrogate(
    name: str,
    recurrent: bool,
    detach_recurrent: bool,
    started: bool,
    shape: Any,
    steps: int,
    batch: int,
    size: int,
    seed: int,
) -> None:
    scale_N = 1 + torch.arange(size, dtype=torch.float64) / size
    psi = partial(Surrogate(shape), dampening=0.5 * scale_N, sharpness=1 / scale_N)
    flow = {"recurrent": recurrent, "detach_recurrent": detach_recurrent, "started": started}
    assert_equal_to_the_loop(case(make(name, size), psi, (steps, batch), **flow, seed=seed))


@pytest.mark.parametrize("name", FAMILY)
def test_a_sequence_in_parts_has_the_gradients_of_the_whole(name: str) -> None:
    whole = case(make(name), arctan, (9, 2), started=True)
    at_once = whole.run(Backend.FUSED)
    for cut in (1, 4, 8):
        early = whole._replace(currents=whole.currents[:cut]).run(Backend.FUSED)
        late = whole._replace(currents=whole.currents[cut:], state=early.state).run(Backend.FUSED)
        joined = late._replace(spikes=torch.cat((early.spikes, late.spikes)))
        assert torch.equal(joined.spikes, at_once.spikes)
        ours, theirs = gradients(joined, whole.leaves), gradients(whole.run(Backend.FUSED), whole.leaves)
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", FAMILY)
def test_the_backward_of_a_long_sequence_goes_by_pieces(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tape, "PIECE", 3 * 2 * 4 * N)  # three steps, so 3 + 3 + 1
    assert_equal_to_the_loop(case(make(name), arctan, (7, 2), started=True))


@pytest.mark.parametrize("name", FAMILY)
def test_a_backward_leaves_what_it_needs_as_it_was(name: str) -> None:
    made = case(make(name), arctan)
    z_TBN = made.run(Backend.FUSED).spikes
    twice = [torch.autograd.grad(z_TBN.square().sum(), made.leaves, retain_graph=True) for _ in range(2)]
    assert all(torch.equal(first, second) for first, second in zip(*twice, strict=True))


@pytest.mark.parametrize("recurrent", [True, False])
def test_without_spikes_the_gradients_are_derivatives(recurrent: bool) -> None:
    made = case(make("lstm"), arctan, (4, 2), recurrent=recurrent, started=True)

    def run(*leaves: Any) -> tuple[Any, ...]:
        output = made.run(Backend.FUSED)
        return output.spikes, *output.state

    assert torch.autograd.gradcheck(run, made.leaves)


@pytest.mark.parametrize("name", FAMILY)
def test_traces_are_those_of_the_loop_when_no_gradient_is_asked_for(name: str) -> None:
    made = case(make(name), arctan, started=True)
    fields = made.state._fields
    with torch.no_grad():
        loop, kernel = (made.run(backend, fields) for backend in (Backend.REFERENCE, Backend.FUSED))
    assert tuple(kernel.trace) == fields
    for field in fields:
        assert torch.equal(kernel.trace[field], loop.trace[field]), field


@pytest.mark.parametrize("name", FAMILY)
def test_one_step_in_float32_from_where_the_loop_in_float64_is(name: str) -> None:
    made = case(make(name), arctan, (20, 4))
    exact = made.run(Backend.REFERENCE, ("c", "z")).trace
    neuron: Any = make(name)
    neuron = neuron.float()
    assert made.recurrence is not None
    for t in range(1, 20):
        before = made.neuron.initial_state(4, made.currents)
        parts = {"c": exact["c"][t - 1].float(), "u": exact["c"][t - 1].float(), "z": exact["z"][t - 1].float()}
        before = before._make(parts[field] for field in before._fields)
        currents_1BG, recurrence_GN = (
            part.detach().float().requires_grad_() for part in (made.currents[t : t + 1], made.recurrence)
        )
        step = Case(neuron, currents_1BG, recurrence_GN, arctan, before)
        done = step.run(Backend.FUSED)
        torch.testing.assert_close(done.state.c, exact["c"][t].float(), rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(done.spikes[0], exact["z"][t].float(), rtol=1e-5, atol=1e-5)
        theirs = gradients(step.run(Backend.REFERENCE), step.leaves)
        torch.testing.assert_close(gradients(done, step.leaves), theirs, rtol=1e-4, atol=1e-5)
