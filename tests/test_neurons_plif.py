"""The parametric LIF neuron against its authors' recursion, and its kernel against the loop."""

import math
from itertools import product

import pytest
import torch
from torch import Tensor

from snnexp.kernels.projection import Projection
from snnexp.layers import Layer
from snnexp.neurons.constants import Decay, DecayConstant, PerNeuron, SharedDecay
from snnexp.neurons.lif import LIF
from snnexp.neurons.plif import PLIF
from snnexp.neurons.reset import Reset
from snnexp.surrogates import Surrogate, arctan
from snnexp.unroll import Backend, unroll
from tests.kernels import assert_equal_to_the_loop, case, gradients

T, B, N = 40, 3, 4
DECAYS: dict[str, DecayConstant] = {
    "shared": SharedDecay(3.0, learnable=True),
    "drawn": Decay(3.0, sd=0.5, learnable=True),
    "fixed": 0.7,
}


def test_equals_the_authors_recursion_with_all_gradients() -> None:
    """PLIFNode of the paper's code, restated: v += (x - v) sigmoid(w); a spike; then v is 0 where there was one."""
    neuron = PLIF(N, SharedDecay(2.0, learnable=True), 1.0).double()
    (w,) = neuron.parameters()
    assert w.tolist() == [0.0]  # -log(tau_0 - 1)
    generator = torch.Generator().manual_seed(0)
    x_TBN = 3 * torch.randn(T, B, N, generator=generator, dtype=torch.float64).requires_grad_()
    toward_TBN = torch.randn(T, B, N, generator=generator, dtype=torch.float64)
    v, spikes = torch.zeros(B, N, dtype=torch.float64), []
    for x in x_TBN:
        v = v + (x - v) * w.sigmoid()
        u = v - 1.0
        spikes.append((u > 0).double() + (u - u.detach()) * arctan(u.detach()))
        v = v * (1 - spikes[-1].detach())
    theirs_TBN = torch.stack(spikes)
    ours_TBN = unroll(neuron, x_TBN, None, arctan).spikes
    assert 0.1 < ours_TBN.mean() < 0.9
    assert torch.equal(ours_TBN, theirs_TBN.detach())
    ours, wanted = (torch.autograd.grad((z * toward_TBN).sum(), (x_TBN, w)) for z in (ours_TBN, theirs_TBN))
    torch.testing.assert_close(ours, wanted, rtol=1e-10, atol=1e-12)


def test_a_constant_current_is_what_the_voltage_comes_to() -> None:
    # v_t = i (1 - alpha^(t + 1)), whatever alpha is.
    currents_TBG = torch.full((T, 1, 1), 0.75, dtype=torch.float64)
    v_TBN = unroll(PLIF(1, 0.875, 1.0).double(), currents_TBG, None, arctan, record=("v",)).trace["v"]
    assert v_TBN.flatten().tolist() == pytest.approx([0.75 * (1 - 0.875 ** (t + 1)) for t in range(T)], rel=1e-12)


@pytest.mark.parametrize("reset", Reset)
def test_it_is_a_lif_neuron_of_weaker_currents(reset: str) -> None:
    currents_TBN = 3 * torch.randn(T, B, N, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    plif = unroll(PLIF(N, 0.75, 0.5, reset).double(), currents_TBN, None, arctan).spikes
    lif = unroll(LIF(N, 0.75, 0.5, reset=reset).double(), 0.25 * currents_TBN, None, arctan).spikes
    assert plif.sum() > 20
    assert torch.equal(plif, lif)


@pytest.mark.parametrize("recurrence", ["none", "matrix", "detached"])
@pytest.mark.parametrize("detach_reset", [True, False])
@pytest.mark.parametrize("reset", Reset)
@pytest.mark.parametrize("kind", DECAYS)
def test_its_kernel_equals_the_loop(kind: str, reset: str, detach_reset: bool, recurrence: str) -> None:
    rates = []
    for noisy, started in product([True, False], repeat=2):
        torch.manual_seed(3)
        neuron = PLIF(N, DECAYS[kind], PerNeuron(0.1, sd=0.02, learnable=True), reset, detach_reset).double()
        made = case(
            neuron,
            arctan,
            (9, 2),
            recurrent=recurrence != "none",
            detach_recurrent=recurrence == "detached",
            noisy=noisy,
            started=started,
        )
        rates.append(assert_equal_to_the_loop(made).spikes.mean().item())
    assert min(rates) > 0.05
    assert max(rates) < 0.9


def test_its_kernel_takes_currents_as_factors_too() -> None:
    generator = torch.Generator().manual_seed(1)
    neuron = PLIF(N, DECAYS["shared"], 0.2).double()
    x_TBI, weight_NI, bias_N = (
        torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_()
        for shape in ((9, 2, 6), (N, 6), (N,))
    )
    leaves: list[Tensor] = [x_TBI, weight_NI, bias_N, *neuron.parameters()]
    currents = Projection(x_TBI, weight_NI, bias_N)
    loop, kernel = (
        unroll(neuron, currents, None, arctan, backend=backend) for backend in (Backend.REFERENCE, Backend.FUSED)
    )
    assert loop.spikes.sum() > 5
    assert torch.equal(kernel.spikes, loop.spikes)
    torch.testing.assert_close(gradients(kernel, leaves), gradients(loop, leaves), rtol=1e-10, atol=1e-10)


def test_a_layer_takes_the_kernel_and_has_one_decay() -> None:
    neuron = lambda size: PLIF(size, SharedDecay(2.0, learnable=True), 1.0)  # noqa: E731
    layer = Layer(6, N, neuron, Surrogate(arctan), recurrent=True, backend=Backend.FUSED)
    assert layer.backend_taken(torch.device("cpu")).startswith("fused")
    assert [weight.numel() for weight in layer.parameters()] == [N * 6, N * N, 1]
    alpha_N = layer.neuron.constants().membrane
    assert alpha_N.tolist() == [0.5] * N
    assert math.isclose(torch.autograd.grad(alpha_N.sum(), list(layer.neuron.parameters()))[0].item(), -N / 4)
