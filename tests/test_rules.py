"""Two learning rules: each against its own definition, step by step, and against one another where they must agree."""

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

from snnexp.errors import OptionError
from snnexp.layers import Layer
from snnexp.neurons.cuba_lif import CubaLIF
from snnexp.neurons.lif import LIF
from snnexp.rules import back_propagation, potential, three_factor
from snnexp.surrogates import Surrogate, constant, fast_sigmoid

T, B, I, H, O = 40, 3, 6, 5, 4  # noqa: E741
SYNAPTIC, MEMBRANE = 0.75, 0.875  # exact in float32 as well


def pair(thresholds: tuple[float, float], **neuron: Any) -> tuple[Layer, Layer]:
    generator = torch.Generator().manual_seed(0)
    layers = []
    for inputs, size, threshold, surrogate in (
        (I, H, thresholds[0], Surrogate(fast_sigmoid)),
        (H, O, thresholds[1], Surrogate(constant, dampening_unit=3.0)),
    ):
        constants = {"synaptic_decay": SYNAPTIC, "membrane_decay": MEMBRANE, "reset": "pre", **neuron}
        layer = Layer(inputs, size, partial(CubaLIF, threshold=threshold, **constants), surrogate).double()
        layer.projection.data = 3 * torch.randn(size, inputs, generator=generator, dtype=torch.float64)
        layers.append(layer)
    return layers[0], layers[1]


def data() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    x_TBI = (torch.rand(T, B, I, generator=generator, dtype=torch.float64) < 0.3).double()
    return x_TBI, (torch.rand(T, O, generator=generator, dtype=torch.float64) < 0.3).double()


@torch.no_grad()
def online(hidden: Layer, output: Layer, x_TBI: Tensor, target_TO: Tensor, resets: bool) -> tuple[Tensor, Tensor]:
    """The rule as a loop over time, with every trace at its synapse; `resets`: a spike clears its neuron's traces."""
    below = hidden(x_TBI, record=("u",))
    above = output(below.spikes)
    steps = torch.zeros(H, I).double(), torch.zeros(O, H).double()
    for trial in range(B):
        i_I, p_HI, i_H, p_OH = (torch.zeros(n).double() for n in ((I,), (H, I), (H,), (O, H)))
        eligible_HI, filtered_HI = torch.zeros(H, I).double(), torch.zeros(H, I).double()
        z_H, z_O = torch.zeros(H).double(), torch.zeros(O).double()
        for t in range(T):
            kept_H, kept_O = (1 - z_H, 1 - z_O) if resets else (torch.ones(H), torch.ones(O))
            p_HI = MEMBRANE * p_HI * kept_H[:, None] + (1 - MEMBRANE) * i_I
            p_OH = MEMBRANE * p_OH * kept_O[:, None] + (1 - MEMBRANE) * i_H
            filtered_HI = MEMBRANE * filtered_HI + (1 - MEMBRANE) * eligible_HI
            eligible_HI = SYNAPTIC * eligible_HI + hidden.psi(below.trace["u"][t, trial])[:, None] * p_HI
            i_I = SYNAPTIC * i_I + x_TBI[t, trial]
            z_H, z_O = below.spikes[t, trial], above.spikes[t, trial]
            i_H = SYNAPTIC * i_H + z_H
            error_O = 3.0 * (target_TO[t] - z_O)
            steps[0].add_((error_O @ output.projection)[:, None] * filtered_HI / B)
            steps[1].add_(error_O[:, None] * p_OH / B)
    return steps


def test_three_factors_online() -> None:
    hidden, output = pair((1.0, 1.0))
    found, expected = three_factor(hidden, output, *data()), online(hidden, output, *data(), resets=False)
    assert found.hidden.mean() > 0.05
    assert found.output.mean() > 0.05
    torch.testing.assert_close((found.hidden_step, found.output_step), expected, rtol=1e-12, atol=1e-12)


def test_a_lead_tells_the_hidden_layer_of_the_errors_one_step_early() -> None:
    hidden, output = pair((1.0, 1.0))
    x_TBI, target_TO = data()
    early, in_time = (three_factor(hidden, output, x_TBI, target_TO, lead=lead) for lead in (1, 0))
    assert torch.equal(early.output_step, in_time.output_step)
    # By the chain rule, where a hidden spike could move the output's voltage in its own step.
    below = hidden(x_TBI, record=("u",))
    above = output(below.spikes)
    error_TBO, weight_T = 3.0 * (target_TO.unsqueeze(1) - above.spikes), potential(output, T + 1)[1:]
    expected_HI = torch.zeros(H, I).double()
    for s in range(T):
        blame_BH = torch.einsum("t,tbo,oh->bh", weight_T[: T - s], error_TBO[s:], output.projection)
        seen_BI = torch.einsum("t,tbi->bi", potential(hidden, T)[: s + 1].flip(0), x_TBI[: s + 1])
        expected_HI += torch.einsum("bh,bi->hi", blame_BH * hidden.psi(below.trace["u"][s]), seen_BI) / B
    torch.testing.assert_close(early.hidden_step, expected_HI, rtol=1e-12, atol=1e-12)
    with pytest.raises(OptionError, match=r"^lead=-1: must not be negative"):
        three_factor(hidden, output, x_TBI, target_TO, lead=-1)


def test_without_spikes_the_rule_is_the_gradient() -> None:
    layers = pair((50.0, 50.0))
    rule, gradient = three_factor(*layers, *data()), back_propagation(*layers, *data())
    assert rule.hidden.sum() == rule.output.sum() == 0
    assert rule.hidden_step.abs().min() > 1e-4
    torch.testing.assert_close(rule, gradient, rtol=1e-12, atol=1e-12)


def test_for_the_layer_above_only_its_own_resets_matter() -> None:
    layers = pair((1.0, 200.0))  # the hidden neurons fire, the output does not
    rule, gradient = three_factor(*layers, *data()), back_propagation(*layers, *data())
    assert rule.hidden.mean() > 0.05
    torch.testing.assert_close(rule.output_step, gradient.output_step, rtol=1e-12, atol=1e-12)
    assert not torch.allclose(rule.hidden_step, gradient.hidden_step, rtol=1e-3)


def test_where_spikes_clear_the_traces_the_rule_is_the_gradient_of_a_detached_reset() -> None:
    hidden, output = pair((1.0, 1.0))
    gradient = back_propagation(hidden, output, *data())
    assert gradient.output.mean() > 0.05
    cleared = online(hidden, output, *data(), resets=True)
    torch.testing.assert_close(gradient.output_step, cleared[1], rtol=1e-12, atol=1e-12)
    assert not torch.allclose(three_factor(hidden, output, *data()).output_step, cleared[1], rtol=1e-3)
    through = back_propagation(*pair((1.0, 1.0), detach_reset=False), *data())
    assert not torch.allclose(through.output_step, cleared[1], rtol=1e-3)


def test_with_spikes_the_rule_still_points_downhill() -> None:
    layers = pair((1.0, 1.0))
    rule, gradient = three_factor(*layers, *data()), back_propagation(*layers, *data())
    for ours, theirs in ((rule.hidden_step, gradient.hidden_step), (rule.output_step, gradient.output_step)):
        assert torch.cosine_similarity(ours.flatten(), theirs.flatten(), 0) > 0.5


def test_gradient_of_the_output_weights_is_that_of_a_smooth_potential() -> None:
    """With a silent output, the step is psi (z - S) times dU/dW, which finite differences of the voltage give."""
    hidden, output = pair((1.0, 200.0))
    x_TBI, target_TO = data()
    z_TBH = hidden(x_TBI).spikes
    before_TBO = output(z_TBH, record=("v",)).trace["v"].detach()
    with torch.no_grad():
        output.projection[2, 1] += 1e-3
    slope_TBO = (output(z_TBH, record=("v",)).trace["v"].detach() - before_TBO) / 1e-3
    expected = (3.0 * target_TO.unsqueeze(1) * slope_TBO).sum() / B
    assert three_factor(hidden, output, x_TBI, target_TO).output_step[2, 1].item() == pytest.approx(expected.item())


def test_potential_is_the_neuron_s_own() -> None:
    _, output = pair((1.0, 200.0))
    with torch.no_grad():
        output.projection.copy_(torch.eye(O, H))
    pulse_TBH = torch.zeros(T, 1, H).double()
    pulse_TBH[0] = 1
    v_T = output(pulse_TBH, record=("v",)).trace["v"][:, 0, 0].detach()
    torch.testing.assert_close(potential(output, T), v_T, rtol=1e-12, atol=0)


def test_neurons_that_have_no_such_potential() -> None:
    lif = Layer(2, 3, partial(LIF, membrane_decay=0.9, threshold=1.0), Surrogate(fast_sigmoid))
    with pytest.raises(OptionError, match=r"^neuron=LIF: has no synaptic current; take neuron=cuba_lif"):
        potential(lif, 5)
    hidden, _ = pair((1.0, 1.0))
    hidden.neuron.membrane_decay.raw[0] = 0.5
    with pytest.raises(OptionError, match=r"^membrane_decay=drawn: must be the same for all neurons here"):
        potential(hidden, 5)
