"""The LIF neuron by hand, and against closed forms."""

import math
from itertools import pairwise

import pytest
import torch
from torch import Tensor

from snnexp.errors import OptionError
from snnexp.neurons.constants import Decay, PerNeuron
from snnexp.neurons.lif import LIF, LIFState
from snnexp.neurons.reset import Reset
from snnexp.surrogates import arctan
from snnexp.unroll import unroll


def real(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def voltages(neuron: LIF, currents_T: Tensor, state: LIFState | None = None) -> tuple[list[float], list[float]]:
    """v and z of one neuron, step by step."""
    output = unroll(neuron.double(), currents_T.view(-1, 1, 1), None, arctan, state, record=("v",))
    return output.trace["v"].flatten().tolist(), output.spikes.flatten().tolist()


@pytest.mark.parametrize(
    ("reset", "v", "z"),
    [
        ("pre", [0.75, 1.125, 0.75, 1.125, 0.0], [0, 1, 0, 1, 0]),
        ("post", [0.75, 1.125, 0.0, 0.75, 0.375], [0, 1, 0, 0, 0]),
        ("minus", [0.75, 1.125, 0.3125, 0.90625, 0.453125], [0, 1, 0, 0, 0]),
        ("minus_immediate", [0.75, 1.125, 0.8125, 1.15625, 0.078125], [0, 1, 0, 1, 0]),
    ],
)
def test_steps_by_hand(reset: str, v: list[float], z: list[float]) -> None:
    currents_T = real(0.75, 0.75, 0.75, 0.75, 0)
    assert voltages(LIF(1, 0.5, 1.0, reset=reset), currents_T) == (v, z)
    # The same with a part of the current in b.
    assert voltages(LIF(1, 0.5, 1.0, PerNeuron(0.25), reset=reset), currents_T - 0.25) == (v, z)


def test_a_voltage_at_threshold_does_not_fire() -> None:
    assert voltages(LIF(1, 0.5, 1.0), real(1.0, 0.5, 0.5 + 2**-52)) == ([1, 1, 1 + 2**-52], [0, 0, 1])


@pytest.mark.parametrize("reset", Reset)
def test_without_input_the_voltage_decays_as_alpha_to_the_t(reset: str) -> None:
    v = real(0.9).view(1, 1)
    decayed, z = voltages(LIF(1, 0.75, 1.0, reset=reset), torch.zeros(30).double(), LIFState(v, v - 1, 0 * v))
    assert decayed == pytest.approx([0.9 * 0.75 ** (t + 1) for t in range(30)], rel=1e-12)
    assert not any(z)


ALPHA, THETA = 0.875, 1.0


def first_above(start: float, current: float) -> int:
    """The least k >= 1 with alpha^k start + I (1 - alpha^k) / (1 - alpha) > theta: where a decaying voltage fires."""
    rest = current / (1 - ALPHA)
    return max(math.floor(math.log((rest - THETA) / (rest - start)) / math.log(ALPHA)) + 1, 1)


def fired_at(reset: str, current: float) -> tuple[list[int], list[float]]:
    v, z = voltages(LIF(1, ALPHA, THETA, reset=reset), torch.full((200,), current).double())
    return [t for t, spike in enumerate(z) if spike], v


@pytest.mark.parametrize("current", [0.13, 0.17, 0.31, 0.73, 1.5])
@pytest.mark.parametrize(("reset", "silent_steps"), [("pre", 0), ("post", 1)])
def test_interval_under_constant_current(reset: str, silent_steps: int, current: float) -> None:
    # A spike takes the voltage to 0; post-reset takes the current of that step as well.
    times, _ = fired_at(reset, current)
    interval = first_above(0.0, current)
    assert times == list(range(interval - 1, 200, interval + silent_steps))


@pytest.mark.parametrize("current", [0.13, 0.17, 0.31, 0.73])
@pytest.mark.parametrize(("reset", "taken"), [("minus", THETA / ALPHA), ("minus_immediate", THETA)])
def test_interval_under_constant_current_with_subtracting_resets(reset: str, taken: float, current: float) -> None:
    # v keeps what it had above theta, so each interval follows from the voltage at the spike before it.
    times, v = fired_at(reset, current)
    assert len(times) > 3
    for before, after in pairwise(times):
        assert after - before == first_above(v[before] - taken, current)


def test_rate_of_a_perfect_integrator() -> None:
    # Without leak, minus-reset loses nothing: after t steps t I = theta n + v with 0 <= v <= theta.
    v, z = voltages(LIF(1, 1.0, 1.0, reset="minus"), torch.full((800,), 0.3125).double())
    assert sum(z) * 1.0 + v[-1] == pytest.approx(250 + z[-1])
    assert sum(z) == pytest.approx(250, abs=1)


@pytest.mark.parametrize("detach", [True, False])
@pytest.mark.parametrize("reset", Reset)
def test_gradient_through_the_reset(reset: str, detach: bool) -> None:
    alpha, theta, i0, i1 = 0.75, 1.0, 1.25, 0.5
    currents_T = real(i0, i1).requires_grad_()
    neuron = LIF(1, alpha, theta, reset=reset, detach_reset=detach).double()
    v = unroll(neuron, currents_T.view(2, 1, 1), None, arctan, record=("v",)).trace["v"]
    (gradient,) = torch.autograd.grad(v[1].sum(), currents_T)
    psi = 1 / (1 + (math.pi * (i0 - theta)) ** 2)  # z_0 = 1
    leak, reset_part = {
        "pre": (0.0, -alpha * i0 * psi),
        "post": (0.0, -(alpha * i0 + i1) * psi),
        "minus": (alpha, -theta * psi),
        "minus_immediate": (alpha, -alpha * theta * psi),
    }[reset]
    direct = 0.0 if reset == "post" else 1.0
    assert gradient.tolist() == pytest.approx([leak + (0 if detach else reset_part), direct], rel=1e-12)


def test_learnable_constants_get_gradients() -> None:
    neuron = LIF(4, Decay(5.0, learnable=True), PerNeuron(1.0, learnable=True), PerNeuron(0.0, learnable=True))
    currents_TBG = torch.rand(10, 2, 4, generator=torch.Generator().manual_seed(0))
    torch.autograd.backward(unroll(neuron, currents_TBG, None, arctan).spikes.sum())
    gradients = {name: parameter.grad for name, parameter in neuron.named_parameters()}
    assert set(gradients) == {"membrane_decay.raw", "threshold.raw", "current.raw"}
    assert all(gradient is not None and (gradient != 0).all() for gradient in gradients.values())


def test_refused_options() -> None:
    with pytest.raises(OptionError, match=r"^reset=hard: must be one of pre, post, minus, minus_immediate$"):
        LIF(1, 0.5, 1.0, reset="hard")
    with pytest.raises(OptionError, match=r"^threshold=-0\.5: "):
        LIF(1, 0.5, -0.5)


def test_a_threshold_of_0_is_crossed_by_any_voltage_above_it() -> None:
    assert voltages(LIF(1, 0.5, 0.0, reset="minus"), real(0.0, 0.25, -0.25, 2**-52)) == (
        [0.0, 0.25, -0.125, -0.0625 + 2**-52],
        [0, 1, 0, 0],
    )
