"""DECOLLE's neuron: hand-computed steps, a closed form, no gradient in time."""

import torch

from snnexp.neurons.refractory import Refractory
from snnexp.surrogates import fast_sigmoid
from snnexp.unroll import unroll

T, B, N = 40, 2, 3


def test_hand_computed_steps() -> None:
    currents = torch.tensor([1.0, 0.3, 0.3, 0.3, -1.0], dtype=torch.float64)[:, None, None]
    done = unroll(Refractory(1, 0.5, 0.25).double(), currents, None, fast_sigmoid, record=("r", "u"))
    # r: 0, -1/2 after a spike, then halved; u = current + r - 1/4.
    assert done.trace["r"].flatten().tolist() == [0, -0.5, -0.25, -0.125, -0.0625]
    torch.testing.assert_close(
        done.trace["u"].flatten(), torch.tensor([0.75, -0.45, -0.2, -0.075, -1.3125], dtype=torch.float64)
    )
    assert done.spikes.flatten().tolist() == [1, 0, 0, 0, 0]


def test_who_always_fires_loses_one() -> None:
    # r_t = -(1 - rho^t) where every step has a spike, and never less than -1.
    done = unroll(
        Refractory(N, 0.75, 0.0).double(), torch.full((T, B, N), 2.0).double(), None, fast_sigmoid, record=("r",)
    )
    expected = 0.75 ** torch.arange(T, dtype=torch.float64) - 1
    torch.testing.assert_close(done.trace["r"][:, 0, 0], expected)
    assert done.spikes.mean() == 1


def test_no_gradient_goes_back_in_time() -> None:
    x_TBN = torch.randn(T, B, N, generator=torch.Generator().manual_seed(0), dtype=torch.float64).requires_grad_()
    done = unroll(Refractory(N, 0.75, 0.0).double(), x_TBN, None, fast_sigmoid, record=("u",))
    assert 0 < done.spikes.mean() < 1
    (gradient,) = torch.autograd.grad(done.spikes.sum(), x_TBN)
    torch.testing.assert_close(gradient, fast_sigmoid(done.trace["u"].detach()))
