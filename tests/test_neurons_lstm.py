"""LSTM against torch, spiking LSTM by hand."""

import pytest
import torch

from snnexp.neurons.lstm import LSTM
from snnexp.neurons.slstm import SLSTM, SLSTMState
from snnexp.surrogates import arctan
from snnexp.unroll import unroll

T, B, I, N = 12, 3, 4, 5  # noqa: E741


def test_lstm_equals_torch() -> None:
    torch.manual_seed(0)
    oracle = torch.nn.LSTMCell(I, N).double()
    x_TBI = torch.randn(T, B, I, dtype=torch.float64, requires_grad=True)
    # torch's order is i, f, g, o; here it is i, f, o, g.
    order = torch.cat([torch.arange(2 * N), torch.arange(3 * N, 4 * N), torch.arange(2 * N, 3 * N)])
    neuron = LSTM(N).double()
    neuron.bias.data = (oracle.bias_ih + oracle.bias_hh).detach()[order]
    ours = unroll(neuron, x_TBI @ oracle.weight_ih[order].T, oracle.weight_hh[order], arctan)
    state = (torch.zeros(B, N, dtype=torch.float64), torch.zeros(B, N, dtype=torch.float64))
    outputs = []
    for x_BI in x_TBI:
        state = oracle(x_BI, state)
        outputs.append(state[0])
    torch.testing.assert_close(ours.spikes, torch.stack(outputs), rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(ours.state.c, state[1], rtol=1e-12, atol=1e-14)
    (of_ours,) = torch.autograd.grad(ours.spikes.square().sum(), x_TBI, retain_graph=True)
    (of_torch,) = torch.autograd.grad(torch.stack(outputs).square().sum(), x_TBI)
    torch.testing.assert_close(of_ours, of_torch, rtol=1e-11, atol=1e-14)


@pytest.mark.parametrize(
    ("gates", "before", "c", "z"),
    [
        ([1, 1, 1, 1], 2, 3, 1),  # all gates open, candidate +1
        ([1, 1, 1, -1], 2, 1, 1),  # candidate -1
        ([1, -1, 1, -1], 2, -1, -1),  # forgotten
        ([-1, 1, 1, 1], -2, -2, -1),  # nothing comes in
        ([1, 1, -1, 1], 2, 3, 0),  # nothing goes out
        ([0, 0, 1, 1], 2, 0, -1),  # at threshold: closed, and a cell of 0 is -1
    ],
)
def test_slstm_by_hand(gates: list[float], before: float, c: float, z: float) -> None:
    cell = torch.tensor([[before]], dtype=torch.float64)
    currents_TBG = torch.tensor(gates, dtype=torch.float64).view(1, 1, 4)
    output = unroll(SLSTM(1).double(), currents_TBG, None, arctan, SLSTMState(cell, cell, 0 * cell), record=("c", "u"))
    assert (output.trace["c"].item(), output.trace["u"].item(), output.spikes.item()) == (c, c, z)


def test_gradients_of_the_spiking_lstm() -> None:
    # z = o (2 H(c) - 1), c = f c_0 + i (2 H(g) - 1): every +-1 activation brings a factor 2 psi.
    x = torch.tensor([0.3, 0.2, 0.5, -0.4], dtype=torch.float64, requires_grad=True)
    c0 = torch.full((1, 1), 1.5, dtype=torch.float64)
    z = unroll(SLSTM(1).double(), x.view(1, 1, 4), None, arctan, SLSTMState(c0, c0, 0 * c0)).spikes
    (gradient,) = torch.autograd.grad(z.sum(), x)
    at_i, at_f, at_o, at_g = arctan(x.detach()).tolist()
    c = 1.5 - 1
    of_cell = 2 * arctan(torch.tensor(c, dtype=torch.float64)).item()
    by_hand = [of_cell * -1 * at_i, of_cell * 1.5 * at_f, 1 * at_o, of_cell * 2 * at_g]
    assert gradient.tolist() == pytest.approx(by_hand, rel=1e-12)


def test_scale_of_the_surrogate_is_the_neurons_own() -> None:
    # Dampening differs between the two neurons; the gates of the second must not see that of the first.
    gamma_N = torch.tensor([1.0, 3.0], dtype=torch.float64)
    x_TBG = torch.full((1, 1, 8), 0.25, dtype=torch.float64, requires_grad=True)
    z = unroll(SLSTM(2).double(), x_TBG, None, lambda u: gamma_N * arctan(u)).spikes
    (gradient,) = torch.autograd.grad(z.sum(), x_TBG)
    i, _, o, g = gradient.view(4, 2)
    assert (o[1] / o[0]).item() == pytest.approx(3)
    assert [(i[1] / i[0]).item(), (g[1] / g[0]).item()] == pytest.approx([9, 9])


def test_biases_shift_the_gates() -> None:
    neuron = SLSTM(2).double()
    x_TBG = torch.randn(T, B, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    neuron.bias.data = torch.linspace(-1, 1, 8, dtype=torch.float64)
    shifted = unroll(neuron, x_TBG, None, arctan).spikes
    assert torch.equal(shifted, unroll(SLSTM(2).double(), x_TBG + neuron.bias, None, arctan).spikes)
    assert set(shifted.flatten().tolist()) == {-1, 0, 1}
