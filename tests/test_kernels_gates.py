"""The compiled recursions of the LSTMs against plain torch's, on several threads and in sizes beyond a vector."""

from collections.abc import Iterator
from itertools import product

import pytest
import torch
from torch import Tensor

from snnexp.kernels import gates as plain
from snnexp.kernels import tape
from snnexp.kernels.activations import Activations, Smooth, Spiking
from snnexp.kernels.gate_tier import fastest, lacking
from snnexp.kernels.kernel import coded
from snnexp.kernels.native import call
from snnexp.kernels.native import gates as compiled
from snnexp.neurons.lstm import LSTM
from snnexp.neurons.slstm import SLSTM
from snnexp.surrogates import fast_sigmoid

CPU = torch.device("cpu")
pytestmark = pytest.mark.skipif(bool(lacking(CPU, torch.float64)), reason=lacking(CPU, torch.float64))


@pytest.fixture(params=[1, 3])
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(call, "GRAIN", 1)
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("batch", [2, 5, 29])  # fewer than threads; some; more rows than a tile has
@pytest.mark.parametrize("size", [7, 70])  # less than a vector, and more than a panel
@pytest.mark.parametrize("activations", [Smooth(), Spiking(fast_sigmoid)], ids=["smooth", "spiking"])
def test_outputs_are_equal_and_gradients_close(
    activations: Activations, size: int, batch: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    T, B, N = 9, batch, size
    generator = torch.Generator().manual_seed(0)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    monkeypatch.setattr(tape, "PIECE", 4 * B * 4 * N)  # four steps, so 4 + 4 + 1
    # Tensors may lie in memory as they like.
    currents_TBG, bias, start = normal(B, T, 4 * N).transpose(0, 1), normal(4 * N), (normal(B, N), normal(N, B).t())
    recurrences, given_z = (None, normal(4 * N, N) / N**0.5), (None, normal(T, B, N))
    given_c = (None, normal(N, B).t())
    for recurrence_GN, through, of_z, of_c in product(recurrences, (False, True), given_z, given_c):
        tapes = [tier.forward(activations, bias, currents_TBG, recurrence_GN, *start) for tier in (plain, compiled)]
        assert torch.equal(tapes[0].z, tapes[1].z) or isinstance(activations, Smooth)
        torch.testing.assert_close(tapes[1], tapes[0], rtol=1e-12, atol=1e-12)
        learns = recurrence_GN is not None
        wanted, got = (
            tier.backward(recurrence_GN, *start, its, activations, of_z, of_c, through, learns)
            for tier, its in zip((plain, compiled), tapes, strict=True)
        )
        torch.testing.assert_close(got, wanted, rtol=1e-10, atol=1e-10)


def test_layers_say_that_they_are_compiled() -> None:
    for neuron in (LSTM(3), SLSTM(3)):
        assert coded(neuron, CPU, torch.float32) == "compiled"
        assert coded(neuron, CPU, torch.bfloat16) == "torch (not for torch.bfloat16)"
    assert fastest(CPU, torch.bfloat16) is plain
    assert fastest(CPU, torch.float32) is compiled
