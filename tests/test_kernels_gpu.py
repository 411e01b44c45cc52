"""The kernels in Triton: their mathematics by Triton's interpreter, and that they compile for GPUs.

Triton reads TRITON_INTERPRET when it is imported, so what is interpreted runs in a process of its own.
"""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from snnexp.errors import OptionError
from snnexp.kernels import membrane as plain
from snnexp.kernels.gpu import tier
from snnexp.kernels.tape import Adjoint, Flow, Given, Tape
from snnexp.kernels.tier import fastest
from snnexp.neurons.lif import LIF
from snnexp.neurons.lstm import LSTM
from snnexp.neurons.membrane import Membrane, MembraneState
from snnexp.neurons.perceptron import Perceptron
from snnexp.neurons.reset import Reset
from snnexp.surrogates import arctan, fast_sigmoid
from snnexp.unroll import Backend, choose
from tests.kernels import Case, assert_equal_to_the_loop, case, gradients
from tests.test_kernels_lif import FAMILY, make
from tests.test_kernels_native import tensors

CPU = torch.device("cpu")
needs_triton = pytest.mark.skipif(find_spec("triton") is None, reason="the package triton is not installed")
Interpreted = Callable[..., None]


@pytest.fixture(scope="module")
def interpreted() -> Iterator[Interpreted]:
    """Calls a function of this module where Triton is interpreted."""
    with ProcessPoolExecutor(1, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("TRITON_INTERPRET", "1")
            pool.submit(int).result()  # the process has begun, and keeps what it was given
        yield lambda check, *arguments: pool.submit(check, *arguments).result()


def moved(made: Case, device: str, dtype: torch.dtype = torch.float64) -> Case:
    def there(part: Tensor | None) -> Tensor | None:
        return None if part is None else part.detach().to(device, dtype).requires_grad_(part.requires_grad)

    neuron: Any = made.neuron
    currents = there(made.currents)
    assert currents is not None
    state = None if made.state is None else made.state._make(map(there, made.state))
    return made._replace(
        neuron=neuron.to(device, dtype),
        currents=currents,
        recurrence=there(made.recurrence),
        state=state,
        noise=there(made.noise),
    )


def equals_the_loop(device: str, name: str, reset: str, detach_reset: bool, recurrence: str) -> None:
    for all_of_it in (True, False) if recurrence == "matrix" else (True,):
        made = case(
            make(name, reset, detach_reset, learnable=all_of_it),
            arctan,
            recurrent=recurrence != "none",
            detach_recurrent=recurrence == "detached",
            noisy=all_of_it,
            started=all_of_it,
        )
        rate = assert_equal_to_the_loop(moved(made, device), Backend.TRITON).spikes.mean().item()
        assert 0.05 < rate < 0.9


def one_step_in_float32(device: str, name: str, reset: str) -> None:
    # From where the loop in float64 is: free running, the first spike that a rounding moves would part the two.
    made = case(make(name, reset), arctan, (8, 4))
    fields = made.neuron.initial_state(1, made.currents)._fields
    exact = made.run(Backend.REFERENCE, fields).trace
    for t in range(1, 8):
        before = made.neuron.initial_state(4, made.currents)._make(exact[name][t - 1] for name in fields)
        step = made._replace(neuron=make(name, reset), currents=made.currents[t : t + 1], state=before)
        step = moved(step, device, torch.float32)
        done, loop = step.run(Backend.TRITON), step.run(Backend.REFERENCE)
        assert torch.equal(done.spikes[0].cpu().double(), exact["z"][t])
        torch.testing.assert_close(done.state.u.cpu(), exact["u"][t].float(), rtol=1e-5, atol=1e-5)
        theirs = gradients(loop, step.leaves)
        torch.testing.assert_close(gradients(done, step.leaves), theirs, rtol=1e-4, atol=1e-5)


def equals_torchs_in_many_tiles(reset: Reset, recurrent: bool, noisy: bool) -> None:
    from snnexp.kernels.gpu import membrane as triton

    steps, batch, size = 3, 5, 7
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    def decay() -> Tensor:
        return 0.3 + 0.6 * torch.rand(size, generator=generator, dtype=torch.float64)

    membrane = Membrane(decay(), 0.5 + decay(), 0.1 * normal(size), decay(), normal(size).abs(), decay())
    start, of_last = MembraneState(*normal(4, batch, size)), normal(3, batch, size)
    currents_TBN, of_spikes_TBN = 0.1 + 2 * normal(steps, batch, size), normal(steps, batch, size)
    recurrence_NN = normal(size, size) if recurrent else None
    noise_TBN = 0.3 * normal(steps, batch, size) if noisy else None
    given, flow = Given(of_spikes_TBN, *of_last), Flow(True, True, recurrent, True)
    with pytest.MonkeyPatch.context() as patch:
        for name, width in (("ROWS", 2), ("COLUMNS", 4), ("TERMS", 2)):  # neither divides what it cuts
            patch.setattr(triton, name, width)
        done = []
        for one in (plain, triton):
            tape = one.forward(membrane, reset, currents_TBN, recurrence_NN, start, noise_TBN)
            back = one.backward(membrane, reset, recurrence_NN, start, tape, fast_sigmoid, given, flow)
            done.append([*tensors(tape, back)])
    assert torch.equal(done[0][0], done[1][0])
    torch.testing.assert_close(done[1], done[0], rtol=1e-10, atol=1e-10)


def gradients_that_are_not_given_are_zero() -> None:
    from snnexp.kernels.gpu import membrane as triton

    alpha_N, rest_BN = torch.full((6,), 0.8), torch.zeros(4, 6)
    membrane, start = Membrane(alpha_N, alpha_N), MembraneState(rest_BN, rest_BN)
    tape = triton.forward(membrane, Reset.MINUS, torch.ones(3, 4, 6), None, start, None)
    nothing, flow = Given(None, None, None, None), Flow(False, True, False, False)
    back = triton.backward(membrane, Reset.MINUS, None, start, tape, fast_sigmoid, nothing, flow)
    assert back.recurrence is None
    assert back.constants is None
    assert not back.currents.any()


def is_taken_where_it_is_named() -> None:
    from snnexp.kernels.gpu import membrane as triton

    assert tier.lacking() == ""
    assert tier.tier(CPU, torch.float64) is triton
    assert tier.tier(CPU, torch.bfloat16) is plain
    assert fastest(CPU, torch.float64) is not triton
    lif = LIF(3, 0.5, 1.0)
    taken = [choose(lif, backend) for backend in (Backend.AUTO, Backend.FUSED, Backend.TRITON)]
    assert taken == [Backend.FUSED, Backend.FUSED, Backend.TRITON]


@needs_triton
@pytest.mark.parametrize("recurrence", ["none", "matrix", "detached"])
@pytest.mark.parametrize("detach_reset", [True, False])
@pytest.mark.parametrize("reset", Reset)
@pytest.mark.parametrize("name", FAMILY)
def test_interpreted_it_equals_the_loop(
    interpreted: Interpreted, name: str, reset: str, detach_reset: bool, recurrence: str
) -> None:
    interpreted(equals_the_loop, "cpu", name, reset, detach_reset, recurrence)


@needs_triton
@pytest.mark.parametrize(("recurrent", "noisy"), [(True, False), (False, True)])
@pytest.mark.parametrize("reset", Reset)
def test_interpreted_in_many_tiles(interpreted: Interpreted, reset: Reset, recurrent: bool, noisy: bool) -> None:
    interpreted(equals_torchs_in_many_tiles, reset, recurrent, noisy)


@needs_triton
@pytest.mark.parametrize("reset", Reset)
@pytest.mark.parametrize("name", FAMILY)
def test_interpreted_in_float32(interpreted: Interpreted, name: str, reset: str) -> None:
    interpreted(one_step_in_float32, "cpu", name, reset)


@needs_triton
@pytest.mark.parametrize("check", [gradients_that_are_not_given_are_zero, is_taken_where_it_is_named])
def test_interpreted(interpreted: Interpreted, check: Callable[[], None]) -> None:
    interpreted(check)


@pytest.fixture
def gpu() -> str:
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    return "cuda"


@pytest.mark.gpu
@needs_triton
@pytest.mark.parametrize("recurrence", ["none", "matrix", "detached"])
@pytest.mark.parametrize("detach_reset", [True, False])
@pytest.mark.parametrize("reset", Reset)
@pytest.mark.parametrize("name", FAMILY)
def test_on_a_gpu_it_equals_the_loop(gpu: str, name: str, reset: str, detach_reset: bool, recurrence: str) -> None:
    equals_the_loop(gpu, name, reset, detach_reset, recurrence)


@pytest.mark.gpu
@needs_triton
@pytest.mark.parametrize("reset", Reset)
@pytest.mark.parametrize("name", FAMILY)
def test_on_a_gpu_in_float32(gpu: str, name: str, reset: str) -> None:
    one_step_in_float32(gpu, name, reset)


def described(argument: object) -> Any:
    """The type of a kernel's argument, as Triton writes it; 1 and what is no number or tensor is compiled in."""
    if isinstance(argument, tuple):
        return type(argument)(*map(described, argument))
    if isinstance(argument, Tensor):
        return {torch.float32: "*fp32", torch.float64: "*fp64"}[argument.dtype]
    return "i32" if type(argument) is int and argument != 1 else "constexpr"


def compiled_in(argument: object, *place: int) -> Iterator[tuple[tuple[int, ...], object]]:
    """What is compiled in, and the place of each."""
    if isinstance(argument, tuple):
        for index, part in enumerate(argument):
            yield from compiled_in(part, *place, index)
    elif described(argument) == "constexpr":
        yield place, argument


@needs_triton
@pytest.mark.parametrize("sizes", [(100, 32, 256), (1, 1, 1)])
@pytest.mark.parametrize(("reset", "full"), [("minus_immediate", True), ("post", False)])
@pytest.mark.parametrize(("capability", "dtype"), [(80, torch.float32), (90, torch.float64)])
def test_it_compiles_for_gpus(
    capability: int,
    dtype: torch.dtype,
    reset: str,
    full: bool,
    sizes: tuple[int, int, int],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from triton import compile as built
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    from snnexp.kernels.gpu import membrane, sequence

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    some = torch.empty(1, dtype=dtype)
    part = some if full else None
    shared = (Membrane(some, some, part, part, part, part), MembraneState(some, some, part, part))
    tape, adjoint = Tape(some, some, part, part), Adjoint(some, some, some, some, part) if full else None
    tiles = (membrane.ROWS, membrane.COLUMNS, membrane.TERMS)
    for kernel, arguments, rules in (
        (sequence.forward, (*shared, tape, some, some, part, *sizes), (reset, *tiles)),
        (sequence.backward, (*shared, tape, some, part, part, some, adjoint, some, *sizes), (reset, full, *tiles)),
    ):
        types = [*map(described, arguments), *("constexpr" for _ in rules)]
        constants = dict(compiled_in(arguments)) | {(len(arguments) + n,): rule for n, rule in enumerate(rules)}
        source = ASTSource(kernel, dict(zip(kernel.arg_names, types, strict=True)), constants)
        done = built(source, target=GPUTarget("cuda", capability, 32), options=membrane.OPTIONS)
        assert done.asm["cubin"]
        assert done.metadata.shared <= 99 * 1024  # bytes that a program may have on small cards, too


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
@needs_triton
def test_without_a_gpu_it_is_refused() -> None:
    right = "there is no CUDA device (TRITON_INTERPRET=1 in the environment runs them without one, very slowly)"
    with pytest.raises(OptionError, match=rf"^backend=triton: {re.escape(right)}; take auto$"):
        choose(LIF(3, 0.5, 1.0), Backend.TRITON)


def test_without_the_package_it_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tier, "find_spec", lambda name: None)
    right = "the package triton is not installed (torch's CUDA builds for Linux bring it)"
    assert tier.lacking.__wrapped__() == right


def test_what_has_no_kernel_in_triton_is_told_what_to_take() -> None:
    for neuron, instead in ((LSTM(3), "fused"), (Perceptron(3, 1.0), "reference")):
        right = f"there is no triton kernel for {type(neuron).__name__}; take {instead}"
        with pytest.raises(OptionError, match=rf"^backend=triton: {right}$"):
            choose(neuron, Backend.TRITON)
