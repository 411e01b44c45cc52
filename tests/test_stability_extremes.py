"""Extreme sums by enumeration of all inputs, extreme voltages by simulation."""

from itertools import product

import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from snnexp.neurons.reset import Reset
from snnexp.stability import Extremes, sum_bounds, voltage_bounds


def matrix(seed: int, n: int, m: int) -> torch.Tensor:
    return torch.randn(n, m, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@settings(deadline=None)
@given(seed=st.integers(0, 1000), m=st.integers(1, 6))
def test_realised_bounds_are_the_extremes_over_all_inputs(seed: int, m: int) -> None:
    weights_NM = matrix(seed, 3, m)
    sums = weights_NM @ torch.tensor(list(product([0.0, 1.0], repeat=m)), dtype=torch.float64).T
    bounds = sum_bounds(weights_NM, m, Extremes.REALISED)
    torch.testing.assert_close(bounds.low, sums.amin(1))
    torch.testing.assert_close(bounds.high, sums.amax(1))


def test_three_definitions_by_hand() -> None:
    weights_NM = torch.tensor([[1.0, -2.0, 3.0], [-4.0, 0.5, 1.0]])
    realised = sum_bounds(weights_NM, 3, Extremes.REALISED)
    assert realised.low.tolist() == [-2, -4]
    assert realised.high.tolist() == [4, 1.5]
    assert [bound.tolist() for bound in sum_bounds(weights_NM, 2, Extremes.ENSEMBLE)] == [[-8], [6]]
    assert [bound.tolist() for bound in sum_bounds(weights_NM, 2, Extremes.SINGLE)] == [[-4], [3]]
    assert sum_bounds(weights_NM.abs(), 2, Extremes.ENSEMBLE).low.tolist() == [0]


@pytest.mark.parametrize("extremes", Extremes)
def test_layers_on_a_leading_axis_are_independent(extremes: Extremes) -> None:
    recurrent, inputs = torch.stack([matrix(s, 4, 4) for s in (1, 2)]), torch.stack([matrix(s, 4, 3) for s in (3, 4)])
    alpha, theta, bias = (matrix(s, 2, 4).sigmoid() for s in (5, 6, 7))
    both = voltage_bounds(alpha, theta, recurrent, inputs, bias, reset=Reset.PRE, extremes=extremes)
    for r in range(2):
        one = voltage_bounds(alpha[r], theta[r], recurrent[r], inputs[r], bias[r], reset=Reset.PRE, extremes=extremes)
        torch.testing.assert_close(both.low[r], one.low, rtol=0, atol=0)
        torch.testing.assert_close(both.high[r], one.high, rtol=0, atol=0)


def test_voltages_by_hand() -> None:
    recurrent_NN, input_NI = torch.tensor([[0.0, -2.0], [4.0, 0.0]]), torch.tensor([[1.0, -1.0], [0.0, 3.0]])
    constants = (
        torch.tensor([0.5, 0.75]),
        torch.tensor([0.25, 0.5]),
        recurrent_NN,
        input_NI,
        torch.tensor([0.5, -0.5]),
    )
    realised = voltage_bounds(*constants, reset=Reset.PRE)
    assert realised.low.tolist() == [-2.5 / 0.5 - 0.25, -0.5 / 0.25 - 0.5]
    assert realised.high.tolist() == [1.5 / 0.5 - 0.25, 6.5 / 0.25 - 0.5]
    ensemble = voltage_bounds(*constants, reset=Reset.MINUS, extremes=Extremes.ENSEMBLE)
    assert ensemble.low.tolist() == [-4.75 / 0.25 - 0.25, -5 / 0.25 - 0.5]
    assert ensemble.high.tolist() == [10.5 / 0.25 - 0.25, 10.5 / 0.25 - 0.5]


@pytest.mark.parametrize("extremes", [Extremes.ENSEMBLE, Extremes.REALISED])
@pytest.mark.parametrize("reset", Reset)
@settings(deadline=None, max_examples=30)
@given(seed=st.integers(0, 1000))
def test_voltages_of_a_network_stay_within_the_bounds(reset: Reset, extremes: Extremes, seed: int) -> None:
    generator, n, batch = torch.Generator().manual_seed(seed), 5, 50
    recurrent_NN, input_NI = matrix(seed, n, n).fill_diagonal_(0), matrix(seed + 1, n, n)
    alpha, theta, bias = 0.9, 0.5, 0.1 * matrix(seed + 2, 1, n)[0]
    rows_NM = torch.cat([recurrent_NN, input_NI], 1)
    least_N, most_N = (rows_NM.clamp(max=0).sum(1) + bias, rows_NM.clamp(min=0).sum(1) + bias)
    assume(bool((least_N <= 0).all() and (most_N >= 0).all()))
    low, high = voltage_bounds(alpha, theta, recurrent_NN, input_NI, bias, reset=reset, extremes=extremes)
    y, x = torch.zeros(2, batch, n, dtype=torch.float64)
    for _ in range(60):
        current = x @ recurrent_NN.T + torch.randint(2, (batch, n), generator=generator).double() @ input_NI.T + bias
        y = reset.apply(torch.tensor(alpha), y, current, x, torch.tensor(theta), detach=True)
        x = (y > theta).double()
        assert ((low <= y - theta) & (y - theta <= high)).all()
