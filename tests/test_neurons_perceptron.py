"""The perceptron: a threshold on the input of the same step, and nothing else."""

import torch

from snnexp.escape import Sigmoid
from snnexp.neurons.perceptron import Perceptron
from snnexp.surrogates import arctan
from snnexp.unroll import unroll

T, B, N = 30, 4, 5


def currents() -> torch.Tensor:
    return torch.randn(T, B, N, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_fires_where_the_input_exceeds_the_threshold() -> None:
    neuron = Perceptron(N, 0.25).double()
    done = unroll(neuron, currents(), None, arctan, record=("v", "u"))
    assert torch.equal(done.spikes, (currents() > 0.25).double())
    assert torch.equal(done.trace["v"], currents())
    assert torch.equal(done.trace["u"], currents() - 0.25)


def test_remembers_nothing() -> None:
    neuron = Perceptron(N, 0.25).double()
    order = torch.randperm(T, generator=torch.Generator().manual_seed(1))
    shuffled = unroll(neuron, currents()[order], None, arctan).spikes
    assert torch.equal(shuffled, unroll(neuron, currents(), None, arctan).spikes[order])


def test_gradient_is_the_surrogate_of_its_own_step() -> None:
    x_TBN = currents().requires_grad_()
    (gradient,) = torch.autograd.grad(unroll(Perceptron(N, 0.25).double(), x_TBN, None, arctan).spikes.sum(), x_TBN)
    torch.testing.assert_close(gradient, arctan(x_TBN.detach() - 0.25))


def test_expected_output_of_the_stochastic_unit_has_the_surrogate_as_derivative() -> None:
    # Gygax & Zenke 2025, Eqs. 4 and 5: E[z] = sigmoid(beta (i - theta)).
    draws, x = 200_000, torch.linspace(-0.5, 1.0, N, dtype=torch.float64)
    torch.manual_seed(2)
    x_TBN = x.expand(1, draws, N)
    z_TBN = unroll(Perceptron(N, 0.25).double(), x_TBN, None, arctan, noise_TBN=Sigmoid(4.0)(x_TBN)).spikes
    p = torch.sigmoid(4 * (x - 0.25))
    assert ((z_TBN.mean((0, 1)) - p).abs() < 4.5 * (p * (1 - p) / draws).sqrt()).all()
