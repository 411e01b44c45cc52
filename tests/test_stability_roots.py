"""Roots: planted ones are found, scipy agrees, the paper's have their values, and where there is none this is said."""

import math
from collections.abc import Callable
from functools import partial

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq  # type: ignore[import-untyped]
from torch import Tensor

from snnexp import surrogates
from snnexp.errors import OptionError
from snnexp.neurons.reset import Reset
from snnexp.stability import (
    Bounds,
    Demand,
    Extremes,
    Lower,
    Root,
    bisect,
    dampening,
    demand,
    moments,
    sharpness,
    tail,
    voltage_bounds,
)

SHAPES = [
    surrogates.rectangular,
    surrogates.triangular,
    surrogates.exponential,
    surrogates.gaussian,
    surrogates.sigmoid,
    surrogates.fast_sigmoid,
    surrogates.arctan,
]


def of(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def asked(second_moment: Tensor, linear: float = 0.0, first_moment: Tensor | float = 0.0) -> Demand:
    """A demand that surrogates with these moments fulfil."""
    ones = torch.ones_like(second_moment)
    return Demand(2 * ones, linear * ones, 2 * second_moment + linear * first_moment)


def test_bisection_finds_each_neurons_root_or_the_nearer_end() -> None:
    root = bisect(lambda x: x.log() - of(-5.0, 0.0, 3.0, 20.0, -20.0), (1e-3, 1e3))
    assert root.feasible.tolist() == [True, True, True, False, False]
    assert root.value.tolist() == pytest.approx([math.exp(-5), 1.0, math.exp(3), 1e3, 1e-3], rel=1e-14)
    assert root.residual[:3].tolist() == pytest.approx([0, 0, 0], abs=1e-14)
    assert root.residual[3:].tolist() == pytest.approx([math.log(1e3) - 20, math.log(1e-3) + 20])


@settings(deadline=None)
@given(st.floats(1e-3, 1e3))
def test_bisection_agrees_with_brent(planted: float) -> None:
    root = bisect(lambda x: x**3 - planted**3, (1e-4, 1e4))
    expected = brentq(lambda x: x**3 - planted**3, 1e-4, 1e4, xtol=1e-15, rtol=1e-14)
    assert root.value.item() == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("end", [0.5, 8.0])
def test_a_root_at_an_end_of_the_bracket_is_one(end: float) -> None:
    root = bisect(lambda x: x - end, (0.5, 8.0))
    assert root.feasible
    assert root.value.item() == pytest.approx(end)


@pytest.mark.parametrize("bracket", [(0.0, 1.0), (-1.0, 1.0), (2.0, 1.0), (1.0, 1.0), (math.nan, 1.0)])
def test_impossible_bracket_is_refused(bracket: tuple[float, float]) -> None:
    with pytest.raises(OptionError, match="bracket"):
        bisect(lambda x: x, bracket)
    with pytest.raises(OptionError, match="bracket"):
        tail(asked(of(0.3)), Bounds(of(-1.0), of(1.0)), bracket=(bracket[0] + 1 / 2, bracket[1]))


@pytest.mark.parametrize("linear", [0.0, -0.3])
@pytest.mark.parametrize("shape", SHAPES)
def test_planted_sharpness_is_found(shape: Callable[[Tensor], Tensor], linear: float) -> None:
    beta, gamma, voltage = of(0.7, 1.5, 9.0), of(0.9, 1.0, 3.0), Bounds(of(-1.0, -4.0, 0.05), of(1.0, 0.5, 6.0))
    psi = moments(shape, voltage, gamma, beta)
    root = sharpness(asked(psi.second, linear, psi.first), shape, voltage, gamma)
    assert root.feasible.all()
    assert root.value.tolist() == pytest.approx(beta.tolist(), rel=1e-8)
    assert root.residual.tolist() == pytest.approx([0, 0, 0], abs=1e-12)


def test_sharpness_agrees_with_brent_on_the_closed_form() -> None:
    def second_moment(beta: float) -> float:  # eq. 82 on [-2, 3]
        return (2 - math.exp(-8 * beta) - math.exp(-12 * beta)) / (20 * beta)

    root = sharpness(asked(of(0.13)), surrogates.exponential, Bounds(of(-2.0), of(3.0)))
    expected = brentq(lambda beta: second_moment(beta) - 0.13, 1e-3, 1e2, xtol=1e-14)
    assert root.value.item() == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("linear", [0.0, -0.3])
def test_planted_tail_is_found(linear: float) -> None:
    planted, gamma, beta = [1.05, 1.5, 2.0, 6.0], 0.8, 1.3
    voltage = Bounds(of(-1.0, -4.0, -0.3, -0.1), of(1.0, 0.5, 0.2, 0.6))

    psi = [moments(partial(surrogates.q_pseudospike, q=q), voltage, gamma, beta) for q in planted]
    first, second = (torch.stack([m[order][n] for n, m in enumerate(psi)]) for order in (0, 1))
    root = tail(asked(second, linear, first), voltage, gamma, beta)
    assert root.feasible.all()
    assert root.value.tolist() == pytest.approx(planted, rel=1e-8)
    assert root.residual.tolist() == pytest.approx([0] * 4, abs=1e-12)


def test_unreachable_demands_are_at_the_nearer_end() -> None:
    voltage = Bounds(of(-1.0, -1.0), of(1.0, 1.0))
    for root in (
        sharpness(asked(of(1.01, 1e-9)), surrogates.sigmoid, voltage, bracket=(1e-2, 1e2)),
        tail(asked(of(1.01, 1e-9)), voltage, bracket=(1.01, 101.0)),
    ):
        assert not root.feasible.any()
        assert root.residual[0] < 0 < root.residual[1]
    beta = sharpness(asked(of(1.01, 1e-9)), surrogates.sigmoid, voltage, bracket=(1e-2, 1e2)).value
    assert beta.tolist() == pytest.approx([1e-2, 1e2])
    q = tail(asked(of(1.01, 1e-9)), voltage, bracket=(1.01, 101.0)).value
    assert q.tolist() == pytest.approx([101.0, 1.01])


def glorot(seed: int, *size: int) -> Tensor:
    limit = math.sqrt(6 / (size[-1] + size[-2]))
    uniform: Tensor = 2 * torch.rand(size, generator=torch.Generator().manual_seed(seed), dtype=torch.float64) - 1
    return limit * uniform


def masked(weights_NN: Tensor) -> Tensor:
    return weights_NN * (1 - torch.eye(weights_NN.shape[-1], dtype=torch.float64))


def test_glorot_weights_have_a_root_only_where_their_power_is_above_the_target() -> None:
    draws, n = 100, 16
    recurrent, inputs = masked(glorot(1, draws, n, n)), glorot(2, draws, n, n)
    voltage = voltage_bounds(4e-4, 0.01, recurrent, inputs, reset=Reset.PRE)
    root = sharpness(demand(4e-4, recurrent, inputs, reset=Reset.PRE), surrogates.exponential, voltage)
    power = recurrent.square().sum((1, 2)) / n
    assert torch.equal(root.feasible.all(1), power > 1 - 4e-4**2 / 2)
    assert torch.equal(root.feasible.any(1), root.feasible.all(1))
    assert 3 <= root.feasible.all(1).sum() <= 23  # 13 % of the draws, within 3 standard errors


@pytest.mark.parametrize("reset", Reset)
def test_glorot_weights_with_the_dampening_of_condition_3_have_no_root(reset: Reset) -> None:
    recurrent, inputs = masked(glorot(3, 128, 128)), glorot(4, 128, 128)
    gamma = dampening(4e-4, recurrent, inputs, reset=reset).value
    requirement = demand(4e-4, recurrent, inputs, reset=reset)
    voltage = voltage_bounds(4e-4, 0.01, recurrent, inputs, reset=reset)
    for root in (
        sharpness(requirement, surrogates.exponential, voltage, gamma, bracket=(1e-4, 1e2)),
        tail(requirement, voltage, gamma),
    ):
        assert not root.feasible.any()
        assert (root.residual < -0.9).all()


def typical(n: int) -> Tensor:
    """Glorot weights whose extremes and power are no matter of chance: quantiles of their distribution, shuffled."""
    quantiles: Tensor = (torch.arange(n * n, dtype=torch.float64) + 0.5) / n**2 * 2 - 1
    shuffled = quantiles[torch.randperm(n * n, generator=torch.Generator().manual_seed(5))]
    return math.sqrt(3 / n) * shuffled.view(n, n)


def second_layer(extremes: Extremes, inputs: bool, solve: Callable[[Demand, Bounds], Root]) -> float:
    """The root for layer 2 of widths 128, 128 that shares its surrogate with layer 1."""
    n, alpha, theta = 128, 5e-3, 0.01
    weights = typical(n)
    requirement = demand(alpha, masked(weights), weights, reset=Reset.PRE, lower=Lower.SHARED)
    seen = weights if inputs else torch.zeros_like(weights)
    root = solve(requirement, voltage_bounds(alpha, theta, weights, seen, reset=Reset.PRE, extremes=extremes))
    assert root.feasible.all()
    return root.value.mean().item()


@pytest.mark.parametrize(
    ("extremes", "inputs", "beta"),
    [
        (Extremes.ENSEMBLE, True, 0.0101),
        (Extremes.REALISED, True, 0.0401),
        (Extremes.SINGLE, True, 1.283),
        (Extremes.SINGLE, False, 2.56),
    ],
)
def test_sharpness_of_a_second_layer(extremes: Extremes, inputs: bool, beta: float) -> None:
    found = second_layer(extremes, inputs, lambda requirement, v: sharpness(requirement, surrogates.exponential, v))
    assert found == pytest.approx(beta, rel=0.015)


@pytest.mark.parametrize(("inputs", "q"), [(True, 3.76), (False, 1.506)])
def test_tail_of_a_second_layer(inputs: bool, q: float) -> None:
    assert second_layer(Extremes.SINGLE, inputs, tail) == pytest.approx(q, rel=0.015)
