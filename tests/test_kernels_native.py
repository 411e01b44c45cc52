"""The compiled kernels against plain torch's, which are tested against the reference loop."""

import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from snnexp.kernels import gate_tier, tape
from snnexp.kernels import membrane as plain
from snnexp.kernels.native import call, events, library, sequence
from snnexp.kernels.tape import Flow, Given, state_before
from snnexp.kernels.tier import fastest, lacking, linear
from snnexp.neurons.membrane import Membrane, MembraneState
from snnexp.neurons.reset import Reset
from snnexp.surrogates import fast_sigmoid, triangular

CPU, T = torch.device("cpu"), 9
pytestmark = pytest.mark.skipif(bool(lacking(CPU, torch.float64)), reason=lacking(CPU, torch.float64))


@pytest.fixture(params=[1, 3])
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(call, "GRAIN", 1)
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


def present(*values: Tensor | None) -> list[Tensor]:
    """Those that are there."""
    return [value for value in values if value is not None]


def tensors(*nested: object) -> Iterator[Tensor | None]:
    for one in nested:
        if isinstance(one, tuple):
            yield from tensors(*one)
        else:
            assert one is None or isinstance(one, Tensor)
            yield one


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("scale", [0.2, 3.0])  # few spikes, and many: sparse and dense products
@pytest.mark.parametrize("size", [7, 70])  # less than a vector, and more than a panel, of float64
@pytest.mark.parametrize("parts", [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("reset", Reset)
def test_spikes_are_equal_and_gradients_close(
    reset: Reset, parts: tuple[bool, bool], size: int, scale: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    adapts, synapse = parts
    B, N = 5, size
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    def decay() -> Tensor:
        return 0.3 + 0.6 * torch.rand(N, generator=generator, dtype=torch.float64)

    monkeypatch.setattr(tape, "PIECE", 4 * B * N // torch.get_num_threads())
    adaptation = (decay(), normal(N).abs()) if adapts else (None, None)
    membrane = Membrane(decay(), 0.5 + decay(), 0.1 * normal(N), *adaptation, decay() if synapse else None)
    start = MembraneState(*(normal(B, N) if there else None for there in (True, True, adapts, synapse)))
    of_last = [normal(B, N) if there else None for there in (True, adapts, synapse)]
    currents_TBN, of_spikes = 0.1 + scale * normal(T, B, N), normal(T, B, N)
    noise_TBN, matrix_NN = 0.3 * normal(T, B, N), normal(N, N) / N**0.5
    for noisy, recurrent, shape in product((False, True), (False, True), (fast_sigmoid, triangular)):
        noise, recurrence_NN = noise_TBN if noisy else None, matrix_NN if recurrent else None
        walked = plain.forward(membrane, reset, currents_TBN, recurrence_NN, start, noise)
        traced, last = sequence.trace(reset, currents_TBN, recurrence_NN, noise, membrane, start)
        assert torch.equal(walked.spikes, traced.spikes)
        torch.testing.assert_close(present(*traced), present(*walked), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(
            present(*last), present(*state_before(reset, start, walked, T)), rtol=1e-12, atol=1e-12
        )
        for through_reset, through_recurrence, recompute in product((False, True), (False, True), (False, True)):
            flow = Flow(through_reset, through_recurrence, recurrent, True)
            given = Given(of_spikes, *of_last)
            wanted = plain.backward(membrane, reset, recurrence_NN, start, walked, shape, given, flow)
            leaves = present(currents_TBN, recurrence_NN, *membrane, *start)
            for leaf in leaves:
                leaf.requires_grad_()
            rules = sequence.Rules(shape, reset, through_reset, through_recurrence, recompute)
            done = sequence.run(rules, currents_TBN, recurrence_NN, noise, membrane, start)
            assert torch.equal(done[0], walked.spikes)
            got = torch.autograd.grad(present(*done), leaves, present(*given), allow_unused=True)
            for leaf in leaves:
                leaf.requires_grad_(False)
            torch.testing.assert_close(list(got), present(*tensors(*wanted)), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("recompute", [False, True])
def test_a_gradient_that_is_not_given_is_zero(recompute: bool) -> None:
    alpha_N, rest_BN = torch.full((6,), 0.8), torch.zeros(4, 6)
    membrane, start = Membrane(alpha_N, alpha_N), MembraneState(rest_BN, rest_BN)
    currents_TBN = torch.ones(T, 4, 6).requires_grad_()
    rules = sequence.Rules(fast_sigmoid, Reset.MINUS, False, True, recompute)
    spikes_TBN, v_BN, _, _ = sequence.run(rules, currents_TBN, None, None, membrane, start)
    (of_spikes,) = torch.autograd.grad(spikes_TBN, currents_TBN, torch.zeros_like(spikes_TBN), retain_graph=True)
    assert not of_spikes.any()
    (of_last,) = torch.autograd.grad(v_BN.sum(), currents_TBN)
    torch.testing.assert_close(of_last[:, 0, 0], 0.8 ** torch.arange(T - 1.0, -1, -1))


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("density", [0.0, 0.03, 0.3, 1.0])  # nothing; by events; forward only; dense
@pytest.mark.parametrize("shape", [(4, 11, 5), (6, 40, 70)])
def test_linear_is_torchs(density: float, shape: tuple[int, int, int]) -> None:
    steps, inputs, size = shape
    generator = torch.Generator().manual_seed(0)
    x_TBI, weight_NI, bias_N, gradient_TBN = (
        torch.randn(*its, generator=generator, dtype=torch.float64)
        for its in ((steps, 9, inputs), (size, inputs), (size,), (steps, 9, size))
    )
    there = torch.rand(x_TBI.shape, generator=generator) < density
    for bias in (None, bias_N.requires_grad_()):
        leaves = [(x_TBI * there).requires_grad_(), weight_NI.requires_grad_(), *([] if bias is None else [bias])]
        results = []
        for product_of in (linear, functional.linear):
            out_TBN = product_of(leaves[0], leaves[1], bias)
            results.append([out_TBN, *torch.autograd.grad(out_TBN, leaves, gradient_TBN)])
        torch.testing.assert_close(results[0], results[1], rtol=1e-12, atol=1e-12)


def test_events_are_what_is_not_zero() -> None:
    x_KI = torch.tensor([[0.0, 2.0, 0.0], [0.0, 0.0, 0.0], [-1.0, 0.0, 0.5]])
    found = events.find(x_KI)
    assert found.begins.tolist() == [0, 1, 1]
    assert found.counts.tolist() == [1, 0, 2]
    assert found.indices.tolist() == [1, 0, 2]
    assert found.values.tolist() == [2.0, -1.0, 0.5]
    assert events.density(x_KI) == pytest.approx(1 / 3)


def test_where_there_is_no_compiler_torch_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(library.Unavailable, match=r"^no C\+\+ compiler$"):
        library.library.__wrapped__(torch.float32)
    with pytest.raises(library.Unavailable, match=r"^not for torch.bfloat16$"):
        library.library(torch.bfloat16)
    assert lacking(CPU, torch.bfloat16) == "not for torch.bfloat16"
    assert fastest(CPU, torch.bfloat16) is plain
    assert fastest(CPU, torch.float64) is None
    assert lacking(torch.device("meta"), torch.float32) == "none for meta"


@pytest.mark.slow
def test_two_processes_may_compile_at_once(tmp_path: Path) -> None:
    text = "import torch; from snnexp.kernels.native.library import library; library(torch.float32)"
    environment = os.environ | {"SNNEXP_CACHE": str(tmp_path)}
    processes = [subprocess.Popen([sys.executable, "-c", text], env=environment) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    assert [path.suffix for path in tmp_path.iterdir()] == [".so"]


MIXED = partial(torch.autocast, "cpu", dtype=torch.bfloat16)


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode, MIXED])
@pytest.mark.parametrize("asked", [lacking, gate_tier.lacking])
def test_in_whatever_mode_it_is_asked_for_first_it_is_the_same(asked: Any, mode: Any) -> None:
    for dtype in (torch.float32, torch.float64):
        asked.cache_clear()
        with mode():
            assert asked(CPU, dtype) == ""
