"""The current-based LIF neuron against the papers' recursion, written out.

There spikes are read before the membrane is advanced, so their S[n] is z_{n-1} here.
"""

import math

import pytest
import torch
from torch import Tensor

from snnexp.neurons.cuba_lif import CubaLIF
from snnexp.surrogates import arctan
from snnexp.unroll import unroll

T, B, N = 60, 2, 5
SYNAPTIC, MEMBRANE, THETA = 0.75, 0.875, 1.0  # exact in float32 as well


def paper(drive_TBN: Tensor, recurrence_NN: Tensor, same_step: bool) -> tuple[Tensor, Tensor]:
    """U[n] and S[n], n = 0..T: Zenke & Vogels 2021, Eq. 4.1; Gygax & Zenke 2025, Eqs. 18-20 (next step), 23 (same)."""
    current = torch.zeros(B, N, dtype=torch.float64)
    voltage = torch.zeros(B, N, dtype=torch.float64)
    voltages, spikes = [], []
    for n in range(len(drive_TBN) + 1):
        fired = (voltage - THETA > 0).double()
        voltages.append(voltage)
        spikes.append(fired)
        if n == len(drive_TBN):
            break
        if same_step:
            voltage = MEMBRANE * voltage * (1 - fired) + (1 - MEMBRANE) * current
        else:
            voltage = (MEMBRANE * voltage + (1 - MEMBRANE) * current) * (1 - fired)
        current = SYNAPTIC * current + drive_TBN[n] + fired @ recurrence_NN.T
    return torch.stack(voltages), torch.stack(spikes)


def draws() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    drive_TBN = 3 * torch.rand(T, B, N, generator=generator, dtype=torch.float64)
    recurrence_NN = torch.randn(N, N, generator=generator, dtype=torch.float64)
    return drive_TBN, recurrence_NN, torch.randn(N, N, generator=generator, dtype=torch.float64).abs() * 3


@pytest.mark.parametrize(("reset", "same_step"), [("post", False), ("pre", True)])
def test_equals_the_papers_recursion_one_step_later(reset: str, same_step: bool) -> None:
    drive_TBN, recurrence_NN, weight_NN = draws()
    neuron = CubaLIF(N, SYNAPTIC, MEMBRANE, THETA, reset).double()
    output = unroll(neuron, drive_TBN, recurrence_NN, arctan, record=("v",))
    voltages, spikes = paper(drive_TBN, recurrence_NN, same_step)
    assert 0.05 < spikes.mean() < 0.9
    assert torch.equal(output.spikes, spikes[1:])
    torch.testing.assert_close(output.trace["v"], voltages[1:], rtol=1e-12, atol=1e-12)

    # In a second layer the shift adds up: theirs sees S[n] at step n, ours the same spikes at step n - 1.
    _, second = paper(spikes[:-1] @ weight_NN.T, recurrence_NN, same_step)
    ours = unroll(neuron, output.spikes @ weight_NN.T, recurrence_NN, arctan).spikes
    assert second.sum() > 10
    assert torch.equal(ours[: T - 1], second[2:])


def test_minus_reset_by_hand() -> None:
    currents_T = torch.tensor([4.0, 4.0, 0.0, 0.0], dtype=torch.float64)
    neuron = CubaLIF(1, 0.5, 0.5, THETA, "minus").double()
    output = unroll(neuron, currents_T.view(4, 1, 1), None, arctan, record=("i", "v"))
    assert output.trace["i"].flatten().tolist() == [4, 6, 3, 1.5]
    assert output.trace["v"].flatten().tolist() == [0, 2, 1 + 3 - 1, 1.5 + 1.5 - 1]
    assert output.spikes.flatten().tolist() == [0, 1, 1, 1]


def test_response_to_one_spike_is_a_double_exponential() -> None:
    # v_t = (1 - m) (m^t - s^t) / (m - s) for an input at t = 0, with the membrane one step behind the synapse.
    currents_T = torch.zeros(40, 1, 1, dtype=torch.float64)
    currents_T[0] = 1.0
    neuron = CubaLIF(1, SYNAPTIC, MEMBRANE, THETA).double()
    v = unroll(neuron, currents_T, None, arctan, record=("v",)).trace["v"].flatten().tolist()
    kernel = [(1 - MEMBRANE) * (MEMBRANE**t - SYNAPTIC**t) / (MEMBRANE - SYNAPTIC) for t in range(40)]
    assert v == pytest.approx(kernel, rel=1e-12)


@pytest.mark.parametrize("detach", [True, False])
def test_gradient_through_the_reset(detach: bool) -> None:
    # v_1 = (1 - m) x_0 fires, v_2 = (m v_1 + (1 - m) i_1)(1 - z_1) with i_1 = s x_0 + x_1.
    x0, x1 = 3.0, 1.0
    currents_T = torch.tensor([x0, x1, 0.0], dtype=torch.float64, requires_grad=True)
    neuron = CubaLIF(1, 0.5, 0.5, THETA, detach_reset=detach).double()
    v = unroll(neuron, currents_T.view(3, 1, 1), None, arctan, record=("v",)).trace["v"]
    (gradient,) = torch.autograd.grad(v[2].sum(), currents_T)
    psi = 1 / (1 + (math.pi * (0.5 * x0 - THETA)) ** 2)
    kept = 0.5 * 0.5 * x0 + 0.5 * (0.5 * x0 + x1)
    assert gradient.tolist() == pytest.approx([0 if detach else -kept * psi * 0.5, 0, 0], rel=1e-12)
