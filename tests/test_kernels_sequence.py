"""The compiled node, which walks time in pieces, against the loop over `step`."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from snnexp.kernels import tape
from snnexp.kernels.native import call
from snnexp.kernels.projection import Projection
from snnexp.kernels.tier import lacking
from snnexp.neurons.alif import ALIF
from snnexp.neurons.constants import Decay, PerNeuron
from snnexp.neurons.cuba_lif import CubaLIF
from snnexp.neurons.lif import LIF
from snnexp.neurons.reset import Reset
from snnexp.surrogates import arctan, fast_sigmoid, rectangular, triangular
from snnexp.unroll import Backend, unroll
from tests.kernels import assert_equal_to_the_loop, case, gradients

CPU, EXACT = torch.device("cpu"), {"rtol": 1e-10, "atol": 1e-10}
FAMILY: dict[str, Callable[..., Any]] = {"lif": LIF, "alif": ALIF, "cuba_lif": CubaLIF}
pytestmark = pytest.mark.skipif(bool(lacking(CPU, torch.float64)), reason=lacking(CPU, torch.float64))


@pytest.fixture(params=[1, 2], autouse=True)
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Small sequences on so many threads, in pieces of a few steps."""
    monkeypatch.setattr(call, "GRAIN", 1)
    monkeypatch.setattr(tape, "PIECE", 3 * 4 * 11 // request.param)
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


def make(name: str, reset: str, detach_reset: bool, learnable: bool, size: int) -> Any:
    torch.manual_seed(3)
    decay = partial(Decay, sd=0.5, learnable=learnable)
    constant = partial(PerNeuron, sd=0.1, learnable=learnable)
    others: dict[str, Any] = {
        "lif": {"current": constant(0.2)},
        "alif": {"current": constant(0.2), "adaptation_decay": decay(4.0), "adaptation_strength": constant(0.7)},
        "cuba_lif": {"synaptic_decay": decay(2.0)},
    }[name]
    constants = {"membrane_decay": decay(3.0), "threshold": constant(0.4)}
    return FAMILY[name](size, **constants, **others, reset=reset, detach_reset=detach_reset).double()


@pytest.mark.parametrize("detach_reset", [True, False])
@pytest.mark.parametrize("reset", Reset)
@pytest.mark.parametrize("name", FAMILY)
def test_equals_the_loop(name: str, reset: str, detach_reset: bool) -> None:
    recurrences = [(True, False), (True, True), (False, False)]
    for (recurrent, detached), learnable, noisy, started in product(recurrences, *[[True, False]] * 3):
        made = case(
            make(name, reset, detach_reset, learnable, 11),
            arctan,
            (10, 4),
            recurrent=recurrent,
            detach_recurrent=detached,
            noisy=noisy,
            started=started,
        )
        backend = Backend.RECOMPUTE if noisy else Backend.FUSED
        assert 0.05 < assert_equal_to_the_loop(made, backend).spikes.mean() < 0.9


@settings(max_examples=60)
@given(
    name=st.sampled_from(list(FAMILY)),
    reset=st.sampled_from(list(Reset)),
    flags=st.tuples(*[st.booleans()] * 6),
    shape=st.sampled_from([fast_sigmoid, rectangular, triangular, arctan]),
    density=st.sampled_from([0.0, 0.1, 1.0]),
    kernel=st.sampled_from([Backend.FUSED, Backend.RECOMPUTE]),
    steps=st.integers(1, 9),
    batch=st.integers(1, 4),
    inputs=st.integers(1, 20),
    size=st.integers(1, 40),
    seed=st.integers(0, 2**31),
)
# As many inputs as neurons: their gradients take the place of the voltages.
@example("alif", "post", (False, True, True, False, True, True), arctan, 0.1, Backend.FUSED, 9, 4, 11, 11, 0)
def test_a_projection_that_the_kernel_computes_is_one_computed_before(
    name: str,
    reset: str,
    flags: tuple[bool, ...],
    shape: Callable[[Tensor], Tensor],
    density: float,
    kernel: Backend,
    steps: int,
    batch: int,
    inputs: int,
    size: int,
    seed: int,
) -> None:
    detach_reset, learnable, recurrent, detached, started, biased = flags
    made = case(
        make(name, reset, detach_reset, learnable, size),
        shape,
        (steps, batch),
        recurrent=recurrent,
        detach_recurrent=detached,
        started=started,
    )
    generator = torch.Generator().manual_seed(seed)
    x_TBI, weight_NI, bias_N = (
        torch.randn(*its, generator=generator, dtype=torch.float64)
        for its in ((steps, batch, inputs), (size, inputs), (size,))
    )
    x_TBI *= torch.rand(x_TBI.shape, generator=generator) < density
    factors = [part.requires_grad_() for part in ((x_TBI, weight_NI, bias_N) if biased else (x_TBI, weight_NI))]
    leaves = [*factors, *made.leaves[1:]]
    projection = Projection(x_TBI, weight_NI, bias_N if biased else None)
    outputs = [
        unroll(
            made.neuron,
            currents,
            made.recurrence,
            made.psi,
            made.state,
            detach_recurrent=detached,
            backend=backend,
        )
        for currents, backend in (
            (projection, kernel),
            (functional.linear(*projection), Backend.REFERENCE),
        )
    ]
    assert torch.equal(outputs[0].spikes, outputs[1].spikes)
    torch.testing.assert_close(gradients(outputs[0], leaves), gradients(outputs[1], leaves), **EXACT)


@pytest.mark.parametrize("reset", Reset)
@pytest.mark.parametrize("name", FAMILY)
def test_float32_is_close_where_the_spikes_are_given(name: str, reset: str) -> None:
    # Escape noise far from 0, of the sign that the loop in float64 decides, makes the spikes: roundings cannot.
    exact = case(make(name, reset, False, True, 11), arctan, (30, 4))
    fired_TBN = exact.run(Backend.REFERENCE).spikes
    exact = exact._replace(noise=torch.where(fired_TBN > 0, -1e9, 1e9).double())
    assert exact.recurrence is not None
    single = exact._replace(
        neuron=make(name, reset, False, True, 11).float(),
        currents=exact.currents.detach().float().requires_grad_(),
        recurrence=exact.recurrence.detach().float().requires_grad_(),
        noise=exact.noise.float() if exact.noise is not None else None,
    )
    done, expected = single.run(Backend.FUSED), exact.run(Backend.REFERENCE)
    assert torch.equal(done.spikes.double(), expected.spikes)
    assert torch.equal(expected.spikes, fired_TBN)
    ours, theirs = gradients(done, single.leaves, dtype=torch.float64), gradients(expected, exact.leaves)
    for got, wanted in zip(ours, theirs, strict=True):
        torch.testing.assert_close(got.double(), wanted, rtol=1e-3, atol=1e-4 * float(wanted.abs().max()))


def test_a_backward_that_may_run_again_leaves_what_it_needs_as_it_was() -> None:
    made = case(make("alif", "post", False, True, 11), arctan, (10, 4))
    spikes = made.run(Backend.FUSED).spikes
    first, *others = (
        torch.autograd.grad(spikes.square().sum(), made.leaves, retain_graph=again) for again in (True, True, False)
    )
    assert all(torch.equal(got, wanted) for other in others for got, wanted in zip(other, first, strict=True))


def test_little_is_kept_where_the_backward_walks_forward_once_more() -> None:
    made, kept = case(make("alif", "minus", False, True, 11), arctan, (60, 4)), {}
    for backend in (Backend.FUSED, Backend.RECOMPUTE):
        sizes: list[int] = []
        with torch.autograd.graph.saved_tensors_hooks(partial(_note, sizes), lambda tensor: tensor):
            made.run(backend)
        kept[backend] = sum(sizes)
    # Next to the currents: u, a and bits, or v, z and a of every third step.
    once = made.currents.nbytes
    assert kept[Backend.FUSED] > 3 * once
    assert 2 * once < kept[Backend.RECOMPUTE] < 2.2 * once


def _note(sizes: list[int], tensor: Tensor) -> Tensor:
    sizes.append(tensor.nbytes)
    return tensor


def test_a_kernel_is_differentiated_once() -> None:
    made = case(make("lif", "minus", True, False, 11), arctan)
    (gradient,) = torch.autograd.grad(made.run(Backend.FUSED).spikes.square().sum(), made.currents, create_graph=True)
    with pytest.raises(RuntimeError, match="differentiate twice"):
        torch.autograd.backward(gradient.sum())
