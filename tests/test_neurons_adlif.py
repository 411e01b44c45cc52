"""The adaptive LIF neurons by hand, as linear systems of two variables, and against their authors' recursions."""

import math
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from snnexp.errors import OptionError
from snnexp.neurons.adlif import AdLIF, AdLIFState, Integration
from snnexp.neurons.constants import Uniform, UniformDecay
from snnexp.neurons.plif import PLIF
from snnexp.neurons.reset import Reset
from snnexp.surrogates import arctan, zero
from snnexp.unroll import Backend, choose, unroll
from tests.kernels import case

T, B, N = 60, 3, 5


def one(**options: Any) -> AdLIF:
    given: dict[str, Any] = {
        "membrane_decay": 0.5,
        "adaptation_decay": 0.75,
        "voltage_adaptation": 1.0,
        "spike_adaptation": 2.0,
        "threshold": 1.0,
    }
    return AdLIF(1, **given | options).double()


@pytest.mark.parametrize(
    ("options", "v", "w"),
    [
        # v_t = v (1 - z) / 2 + (i_t - w) / 2 with i = 4, 0, 0, and w of the voltage that the spike leaves
        ({"integration": "symplectic"}, [2, -1, -0.75], [2, 0.5, -0.375]),
        ({"integration": "forward"}, [2, 0, -1], [0, 2, 1.5]),
        ({"integration": "symplectic", "scale": 2.0}, [2, -0.5, -0.5], [1, 0.5, 0.125]),
        ({"integration": "symplectic", "reset": "minus"}, [2, -2, -1.5], [4, 1, -0.75]),
        ({"integration": "symplectic", "reset": "minus_immediate"}, [2, -1.5, -1.5], [4, 1.5, -0.375]),
        ({"integration": "symplectic", "reset": "post"}, [2, 0, -0.75], [2, 1.5, 0.375]),
    ],
)
def test_steps_by_hand(options: dict[str, Any], v: list[float], w: list[float]) -> None:
    currents_TBG = torch.tensor([4.0, 0, 0]).double().view(3, 1, 1)
    output = unroll(one(**options), currents_TBG, None, arctan, record=("v", "w"))
    assert output.spikes.flatten().tolist() == [1, 0, 0]
    assert output.trace["v"].flatten().tolist() == v
    assert output.trace["w"].flatten().tolist() == w


def written_out(alpha: float, rho: float, a: float, integration: str) -> Tensor:
    """What multiplies (v, w) at every step without input and spikes."""
    if integration == Integration.FORWARD:
        return torch.tensor([[alpha, alpha - 1], [a, rho]], dtype=torch.float64)
    return torch.tensor([[alpha, alpha - 1], [a * alpha, rho - a * (1 - alpha)]], dtype=torch.float64)


def matrix(neuron: AdLIF) -> Tensor:
    """The same from the neuron's own step."""
    rest = torch.zeros(1, 1, dtype=torch.float64)
    columns = []
    for v, w in ((1.0, 0.0), (0.0, 1.0)):
        state = AdLIFState(rest + v, rest + w, rest, rest)
        after = neuron.step(rest, state, torch.zeros_like, neuron.constants())
        columns.append(torch.stack((after.v, after.w)).flatten())
    return torch.stack(columns, 1)


def growth(neuron: AdLIF) -> float:
    """The spectral radius."""
    return torch.linalg.eigvals(matrix(neuron)).abs().max().item()


@pytest.mark.parametrize("integration", Integration)
@pytest.mark.parametrize(
    ("alpha", "rho", "a"), [(0.875, 0.96875, 0.5), (0.75, 0.875, 1 / 64), (0.9375, 0.984375, -1 / 128)]
)
def test_impulse_response_is_a_power_of_a_matrix(alpha: float, rho: float, a: float, integration: str) -> None:
    neuron = one(
        membrane_decay=alpha, adaptation_decay=rho, voltage_adaptation=a, integration=integration, threshold=1e9
    )
    currents_TBG = torch.zeros(T, 1, 1, dtype=torch.float64)
    currents_TBG[0] = 1.0
    v_T, w_T = (part.flatten() for part in unroll(neuron, currents_TBG, None, arctan, record=("v", "w")).trace.values())
    expected = torch.tensor([1 - alpha, 0 if integration == Integration.FORWARD else a * (1 - alpha)]).double()
    for t in range(T):
        torch.testing.assert_close(torch.stack((v_T[t], w_T[t])), expected, rtol=1e-10, atol=1e-12)
        expected = written_out(alpha, rho, a, integration) @ expected


def bounds(alpha: float, rho: float, integration: str) -> tuple[float, float]:
    """Of g a, as the docstring of `AdLIF` has them."""
    if integration == Integration.FORWARD:
        return -(1 - rho), (1 - alpha * rho) / (1 - alpha)
    return -(1 - rho), (1 + alpha) * (1 + rho) / (1 - alpha)


@pytest.mark.parametrize("integration", Integration)
def test_it_is_stable_between_the_bounds_and_not_beyond(integration: str) -> None:
    for tau_v, tau_w in product((2.0, 5.0, 25.0), (10.0, 60.0, 300.0)):
        alpha, rho = math.exp(-1 / tau_v), math.exp(-1 / tau_w)

        def at(a: float, alpha: float = alpha, rho: float = rho) -> float:
            options = {"membrane_decay": alpha, "adaptation_decay": rho, "integration": integration}
            return growth(one(voltage_adaptation=a, **options))

        low, high = bounds(alpha, rho, integration)
        assert max(at(0.999 * low), at(0.0), at(0.5 * high), at(0.999 * high)) < 1
        assert min(at(1.001 * low), at(1.001 * high)) > 1


def test_symplectic_oscillations_shrink_as_the_differential_equations_have_it() -> None:
    # Baronig et al., Fig. 3a, b: tau_u = 25 ms, tau_w = 60 ms, a = 120, steps of 1 ms; continuous decay rate 0.972.
    alpha, rho = math.exp(-1 / 25), math.exp(-1 / 60)
    options: dict[str, Any] = {"membrane_decay": alpha, "adaptation_decay": rho, "voltage_adaptation": 120.0}
    symplectic, forward = (one(**options, scale=1.0, integration=each) for each in ("symplectic", "forward"))
    assert growth(symplectic) == pytest.approx(0.972, abs=5e-4)
    assert growth(symplectic) == pytest.approx(math.sqrt(alpha * rho), rel=1e-7)
    assert growth(forward) == pytest.approx(math.sqrt(alpha * rho + (1 - alpha) * (1 - rho) * 120), rel=1e-7)
    assert growth(forward) > 1


@pytest.mark.parametrize(
    ("scale", "integration", "stable"),
    [(120.0, "symplectic", True), (60.0, "forward", True), (120.0, "forward", False)],
)
def test_the_papers_scales_are_those_at_which_all_its_neurons_are_stable(
    scale: float, integration: str, stable: bool
) -> None:
    radii = []
    for tau_v, tau_w, a in product((5.0, 15.0, 25.0), (60.0, 180.0, 300.0), (0.0, 0.5, 1.0)):
        alpha, rho = math.exp(-1 / tau_v), math.exp(-1 / tau_w)
        options = {"membrane_decay": alpha, "adaptation_decay": rho, "voltage_adaptation": a}
        radii.append(growth(one(**options, scale=scale, integration=integration)))
    assert (max(radii) < 1) == stable


def injected(u: Tensor) -> Tensor:
    """Spikes with arctan's surrogate, by a product whose value is 0."""
    return (u > 0).double() + (u - u.detach()) * arctan(u.detach())


def baronig(neuron: AdLIF, symplectic: bool, x_TBN: Tensor, recurrence_NN: Tensor) -> Tensor:
    """SEAdLIF and EFAdLIF of IGITUGraz/SE-adlif, restated: there u and z are the voltage after the reset and spikes."""
    u = z = w = torch.zeros(B, N, dtype=torch.float64)
    share_v, share_w = neuron.membrane_decay.raw, neuron.adaptation_decay.raw
    decay_u, decay_w = (
        torch.exp(-1 / (s * top + (1 - s) * low)) for s, low, top in ((share_v, 5, 25), (share_w, 60, 300))
    )
    a, b = neuron.voltage_adaptation.raw, neuron.spike_adaptation.raw
    assert neuron.scale is not None
    spikes = []
    for x in x_TBN:
        held = u if symplectic else u * (1 - z.detach())
        soma = x + functional.linear(z, recurrence_NN)
        u_new = decay_u * held + (1 - decay_u) * (soma - w)
        z_new = injected(u_new - 1.0)
        if symplectic:
            u_new = u_new * (1 - z_new.detach())
            w = decay_w * w + (1 - decay_w) * (a * u_new + b * z_new) * neuron.scale
        else:
            w = decay_w * w + (1 - decay_w) * (a * held + b * z) * neuron.scale
        u, z = u_new, z_new
        spikes.append(z)
    return torch.stack(spikes)


def sparch(neuron: AdLIF, x_TBN: Tensor, recurrence_NN: Tensor) -> Tensor:
    """The cell of idiap/sparch, restated, from rest."""
    u = s = w = torch.zeros(B, N, dtype=torch.float64)
    alpha, beta, a, b = (
        values.raw
        for values in (
            neuron.membrane_decay,
            neuron.adaptation_decay,
            neuron.voltage_adaptation,
            neuron.spike_adaptation,
        )
    )
    spikes = []
    for x in x_TBN:
        w = beta * w + a * u + b * s
        u = alpha * (u - s) + (1 - alpha) * (x + functional.linear(s, recurrence_NN) - w)
        s = injected(u - 1.0)
        spikes.append(s)
    return torch.stack(spikes)


def drawn(**options: Any) -> AdLIF:
    torch.manual_seed(3)
    given: dict[str, Any] = {
        "membrane_decay": UniformDecay(5.0, 25.0, learnable=True),
        "adaptation_decay": UniformDecay(60.0, 300.0, learnable=True),
        "voltage_adaptation": Uniform(0.0, 1.0, learnable=True),
        "spike_adaptation": Uniform(0.0, 2.0, learnable=True),
        "threshold": 1.0,
    }
    return AdLIF(N, **given | options).double()


SPARCH: dict[str, Any] = {
    "membrane_decay": Uniform(0.82, 0.96, learnable=True),
    "adaptation_decay": Uniform(0.967, 0.992, learnable=True),
    "voltage_adaptation": Uniform(-0.01, 1.0, learnable=True),
    "reset": "minus_immediate",
    "detach_reset": False,
}
PUBLISHED: dict[str, tuple[AdLIF, Callable[..., Tensor]]] = {
    "se": (drawn(scale=120.0), lambda *rest: baronig(rest[0], True, *rest[1:])),
    "ef": (drawn(scale=60.0, integration="forward"), lambda *rest: baronig(rest[0], False, *rest[1:])),
    "sparch": (drawn(**SPARCH), sparch),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_equals_the_authors_recursion_with_all_gradients(name: str) -> None:
    neuron, theirs = PUBLISHED[name]
    generator = torch.Generator().manual_seed(0)
    x_TBN = 12 * torch.randn(T, B, N, generator=generator, dtype=torch.float64)
    recurrence_NN = torch.randn(N, N, generator=generator, dtype=torch.float64)
    toward_TBN = torch.randn(T, B, N, generator=generator, dtype=torch.float64)
    leaves = [x_TBN.requires_grad_(), recurrence_NN.requires_grad_(), *neuron.parameters()]
    ours_TBN = unroll(neuron, x_TBN, recurrence_NN, arctan).spikes
    theirs_TBN = theirs(neuron, x_TBN, recurrence_NN)
    assert 0.05 < ours_TBN.mean() < 0.5
    assert torch.equal(ours_TBN, theirs_TBN.detach())
    ours, wanted = (torch.autograd.grad((z_TBN * toward_TBN).sum(), leaves) for z_TBN in (ours_TBN, theirs_TBN))
    assert len(wanted) == 6
    assert all(gradient.abs().max() > 1e-6 for gradient in wanted)
    torch.testing.assert_close(ours, wanted, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("integration", Integration)
@pytest.mark.parametrize("reset", Reset)
def test_with_smooth_spikes_the_gradients_are_derivatives(reset: str, integration: str) -> None:
    neuron = drawn(scale=10.0, reset=reset, integration=integration, detach_reset=False)
    made = case(neuron, zero, (6, 2), started=True)
    parameters = list(neuron.parameters())

    def run(currents_TBN: Tensor, *_: Tensor) -> tuple[Tensor, ...]:
        state, constants = AdLIFState(*made.state), neuron.constants()
        for current_BN in currents_TBN:
            state = neuron.step(current_BN, state, lambda u: torch.sigmoid(3 * u), constants)
        return state.v, state.w, state.z

    assert torch.autograd.gradcheck(run, (made.currents, *made.state, *parameters))


@pytest.mark.parametrize("detach", [True, False])
def test_gradient_through_the_reset_and_through_what_it_leaves(detach: bool) -> None:
    # v_0 = x_0 / 2 fires, y_0 = v_0 (1 - z_0) = 0, w_0 = a y_0 + b z_0, v_1 = v_0 (1 - z_0) / 2 + (x_1 - w_0) / 2.
    a, b = 1.0, 2.0
    currents_T = torch.tensor([4.0, 0.0], dtype=torch.float64, requires_grad=True)
    neuron = one(voltage_adaptation=a, spike_adaptation=b, detach_reset=detach)
    v = unroll(neuron, currents_T.view(2, 1, 1), None, arctan, record=("v",)).trace["v"]
    (gradient,) = torch.autograd.grad(v[1].sum(), currents_T)
    psi = 1 / (1 + math.pi**2)  # at v_0 - theta = 1
    by_reset = 0.0 if detach else -0.5 * 2 * psi + 0.5 * a * 2 * psi
    assert gradient.tolist() == pytest.approx([0.5 * (by_reset - 0.5 * b * psi), 0.5], rel=1e-12)


@pytest.mark.parametrize("reset", Reset)
def test_without_adaptation_it_is_a_parametric_lif_neuron(reset: str) -> None:
    currents_TBG = 4 * torch.rand(T, B, 1, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    without = one(voltage_adaptation=0.0, spike_adaptation=0.0, reset=reset)
    adlif = unroll(without, currents_TBG, None, arctan).spikes
    plif = unroll(PLIF(1, 0.5, 1.0, reset=reset).double(), currents_TBG, None, arctan).spikes
    assert plif.sum() > 5
    assert torch.equal(adlif, plif)


def test_what_it_refuses() -> None:
    with pytest.raises(OptionError, match=r"^integration=euler: must be one of forward, symplectic"):
        one(integration="euler")
    with pytest.raises(OptionError, match=r"^scale=0: must be greater than 0, or null"):
        one(scale=0)
    with pytest.raises(OptionError, match=r"^membrane_decay=\[0\.5, 1\.5\]: .* take UniformDecay"):
        one(membrane_decay=Uniform(0.5, 1.5))


def test_there_is_no_kernel_and_fused_says_so() -> None:
    assert choose(one(), Backend.AUTO) is Backend.REFERENCE
    with pytest.raises(OptionError, match=r"^backend=fused: there is no fused kernel for AdLIF; take reference"):
        choose(one(), Backend.FUSED)
