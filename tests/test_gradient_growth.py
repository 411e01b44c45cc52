"""Perturbations followed through time: against Jacobians by autograd, the paper's recursion, and closed forms."""

from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from snnexp import sharpness
from snnexp.dampening import Stability
from snnexp.errors import OptionError
from snnexp.layers import Layer
from snnexp.neurons.alif import ALIF
from snnexp.neurons.lif import LIF, LIFState
from snnexp.procedures.gradient_growth import gradient_growth, perturbed
from snnexp.procedures.inputs import first
from snnexp.reports.curves import read
from snnexp.stability import Moments, variance_growth
from snnexp.surrogates import spike
from tests.looked_at import LIF_LIKE, parts


def layer_and_inputs(reset: str, detach: bool) -> tuple[Layer, Tensor]:
    found = parts(steps=9, neuron=partial(LIF, **LIF_LIKE, reset=reset, detach_reset=detach))
    return found.network.double().hidden[0], first(found.data, 2).double()


def jacobians(layer: Layer, x_TBI: Tensor) -> list[Tensor]:
    """dv_t/dv_{t-1} of every sample, [B, N, N], for t = 1 ...: one step of the neuron, differentiated row by row."""
    neuron, constants, recurrence_NN = layer.neuron, layer.neuron.constants(), layer.recurrence
    assert recurrence_NN is not None
    v_TBN = layer(x_TBI, record=("v",)).trace["v"].detach()
    fire = partial(spike, psi=layer.psi)

    def step(v_N: Tensor, x_I: Tensor) -> Tensor:
        u_N = v_N - constants.theta
        state = LIFState(v_N[None], u_N[None], fire(u_N)[None])
        after: LIFState = neuron.step(layer.projection @ x_I + state.z @ recurrence_NN.T, state, fire, constants)
        return after.v[0]

    return [
        torch.stack(
            [torch.autograd.functional.jacobian(partial(step, x_I=x), v) for v, x in zip(v_BN, x_BI, strict=True)]
        )
        for v_BN, x_BI in zip(v_TBN[:-1], x_TBI[1:], strict=True)
    ]


@pytest.mark.parametrize("detach", [True, False])
@pytest.mark.parametrize("reset", ["pre", "post", "minus"])
def test_derivatives_are_products_of_jacobians(reset: str, detach: bool) -> None:
    layer, x_TBI = layer_and_inputs(reset, detach)
    moved_KBN, _ = perturbed(layer, x_TBI, None, 3)
    assert moved_KBN.shape == (9, 6, 12)
    expected_BN = moved_KBN[0]
    for moved_BN, jacobian_BNN in zip(moved_KBN[1:], jacobians(layer, x_TBI), strict=True):
        expected_BN = torch.einsum("bij,bj->bi", jacobian_BNN.repeat(3, 1, 1), expected_BN)
        torch.testing.assert_close(moved_BN, expected_BN, rtol=1e-12, atol=1e-14)


def test_the_recursion_of_the_paper() -> None:
    # dy_t = alpha (1 - x_{t-1}) dy_{t-1} + W psi_{t-1} dy_{t-1}, from a step in the middle of a sequence.
    layer, x_TBI = layer_and_inputs("pre", True)
    whole = layer(x_TBI, record=("u", "z")).trace
    moved_KBN, u_KBN = perturbed(layer, x_TBI[3:], layer(x_TBI[:3]).state, 1)
    torch.testing.assert_close(u_KBN, whole["u"][3:])
    assert set(moved_KBN[0].flatten().tolist()) == {-1.0, 1.0}
    alpha_N, recurrence_NN = layer.neuron.constants().alpha, layer.recurrence
    assert recurrence_NN is not None
    expected_BN = moved_KBN[0]
    for u_BN, z_BN, moved_BN in zip(whole["u"][3:], whole["z"][3:], moved_KBN[1:], strict=False):
        expected_BN = alpha_N * (1 - z_BN) * expected_BN + (layer.psi(u_BN) * expected_BN) @ recurrence_NN.T
        torch.testing.assert_close(moved_BN, expected_BN, rtol=1e-12, atol=1e-14)


def test_what_is_kept(tmp_path: Path) -> None:
    memoryless = partial(LIF, membrane_decay=4e-3, threshold=0.05)  # as the paper's; E[alpha^2] then matters little
    found = parts(widths=(64, 48), steps=40, neuron=memoryless, damping=Stability())
    result = gradient_growth(found, tmp_path, None, samples=12, directions=16, start=5, steps=10)
    curves, metrics = read(tmp_path), result["metrics"]
    assert curves["lag"].tolist() == list(range(11))
    for layer in (0, 1):
        assert metrics[f"maximum/{layer}/predicted"] == pytest.approx(1, abs=1e-6)
        assert metrics[f"maximum/{layer}"] < 0.5
        assert metrics[f"variance/{layer}"] == pytest.approx(metrics[f"variance/{layer}/predicted"], rel=0.15)
        for name in ("maximum", "variance"):
            curve = curves[f"{name}/{layer}"]
            assert curve[0] == 1
            assert curve[-1] == pytest.approx(metrics[f"{name}/{layer}"] ** 10)
            grown = curves[f"{name}/{layer}/predicted"]
            assert grown[1:] / grown[:-1] == pytest.approx([metrics[f"{name}/{layer}/predicted"]] * 10)


def test_biases_and_the_encoder_count(tmp_path: Path) -> None:
    found = parts(steps=12, neuron=partial(LIF, membrane_decay=0.9, threshold=1.05), encoder=True, bias=True)
    for layer in found.network.hidden:
        assert layer.bias is not None
        layer.bias.data.uniform_(-0.3, 0.3)
    seen = found.network.double().received(first(found.data, 3).double())
    assert not torch.equal(seen, first(found.data, 3).double())
    layer = found.network.hidden[0]
    _, u_KBN = perturbed(layer, seen[5:], layer(seen[:5]).state, 1)
    torch.testing.assert_close(u_KBN, layer(seen, record=("u",)).trace["u"][5:])
    moved = gradient_growth(found, tmp_path, None, samples=3, start=5, steps=4)["metrics"]
    psi_KBN = layer.psi(u_KBN[:4])  # the moments of psi at the voltages of the network as it is
    demand, _ = sharpness.Stability().question(layer, None)
    growth = variance_growth(demand, Moments(psi_KBN.mean(), psi_KBN.square().mean()), layer.neuron.reset)
    assert moved["variance/0/predicted"] == pytest.approx(growth.mean().item())


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"^start=5: there are 14 steps, of which 9 are to follow"):
        gradient_growth(parts(), tmp_path, None, start=5, steps=9)
    alif = partial(ALIF, **LIF_LIKE, adaptation_decay=0.5, adaptation_strength=1.0)
    for outside in (parts(neuron=alif), parts(recurrent=False)):
        with pytest.raises(OptionError, match=r"needs neuron=lif and network\.recurrent=true"):
            gradient_growth(outside, tmp_path, None, start=1, steps=5)
