"""Mean-field map and exact chain, against published values, simulation and sums by hand."""

import math

import pytest
import torch

from snnexp import chains
from snnexp.errors import OptionError

KAIMING = 2.0


@pytest.mark.parametrize(
    ("threshold", "probability", "slope"),
    [
        (0.0, 0.5, 0.0),
        (0.25, 0.4012936743, 0.1204),
        (0.5, 0.3085375387, 0.2853),
        (0.85, 0.1976625431, 0.5977),
        (1.0, 0.1586552539, 0.7626),
        (1.2, 0.1150696702, 1.0125),
        (2.0, 0.0227501319, 2.3732),
    ],
)
def test_rule_of_the_paper(threshold: float, probability: float, slope: float) -> None:
    assert chains.firing(threshold) == pytest.approx(probability, abs=1e-10)
    gain = chains.propagation_gain(threshold)
    assert chains.variance_map(1.0, threshold, gain) == pytest.approx(1, rel=1e-15)
    assert chains.slope(1.0, threshold, gain) == pytest.approx(slope, abs=6e-5)


def test_slope_is_the_derivative() -> None:
    for variance in (0.2, 1.0, 3.0):
        around = [chains.variance_map(variance + change, 0.7, 4.0) for change in (-1e-5, 1e-5)]
        assert chains.slope(variance, 0.7, 4.0) == pytest.approx((around[1] - around[0]) / 2e-5, rel=1e-8)


def test_where_activity_can_survive() -> None:
    assert chains.stable_threshold() == pytest.approx(1.1906, abs=5e-5)
    assert chains.critical_gain(1.0) == pytest.approx(6.0344, abs=5e-5)
    assert chains.critical_gain(0.5) == pytest.approx(6.0344 / 4, abs=2e-5)
    # The bound of stability is where the rule has just the gain that is needed.
    bound = chains.stable_threshold()
    assert chains.propagation_gain(bound) == pytest.approx(chains.critical_gain(bound), rel=1e-9)
    assert math.sqrt(KAIMING / chains.critical_gain(1.0)) == pytest.approx(0.5757, abs=5e-5)


@pytest.mark.parametrize(
    ("threshold", "stable"), [(0.0, 1.0), (0.2, 0.8258), (0.25, 0.7767), (0.4, 0.6079), (0.5, 0.4619), (0.55, 0.3579)]
)
def test_fixed_points_of_kaiming(threshold: float, stable: float) -> None:
    points = chains.fixed_points(threshold, KAIMING)
    assert points is not None
    assert points.stable == pytest.approx(stable, abs=6e-5)
    for start in (1.05 * points.unstable + 1e-9, 10.0):
        variance = start
        for _ in range(500):
            variance = chains.variance_map(variance, threshold, KAIMING)
        assert variance == pytest.approx(points.stable, rel=1e-6)
    if threshold:
        assert chains.variance_map(0.99 * points.unstable, threshold, KAIMING) < 0.99 * points.unstable


def test_fixed_points_of_the_rule() -> None:
    points = chains.fixed_points(1.0, chains.propagation_gain(1.0))
    assert points is not None
    assert points.stable == pytest.approx(1, rel=1e-9)
    assert points.unstable == pytest.approx(0.514, abs=5e-4)
    beyond = chains.fixed_points(1.5, chains.propagation_gain(1.5))
    assert beyond is not None
    assert beyond.unstable == pytest.approx(1, rel=1e-9)
    assert chains.fixed_points(0.58, KAIMING) is None


@pytest.mark.parametrize(("gain", "first"), [(2.0, [0.317, 0.0759, 2.8e-4]), (1.0, [0.159, 6.0e-3]), (1 / 3, [0.0529])])
def test_other_rules_die_in_a_few_layers(gain: float, first: list[float]) -> None:
    variance = 1.0
    for expected in first:
        variance = chains.variance_map(variance, 1.0, gain)
        assert variance == pytest.approx(expected, rel=0.02)


# An independent implementation's: probability that no neuron of layer 100 spikes, as printed, by threshold and width.
DEAD = {
    0.75: {100: "0.025", 200: "4e-05", 400: "8e-11", 600: "2e-16"},
    0.85: {100: "0.417", 200: "0.028", 400: "8e-05", 600: "2e-07", 800: "5e-10"},
    0.9: {100: "0.743", 200: "0.190", 400: "0.0056", 600: "0.00015"},
    0.95: {100: "0.926", 200: "0.553", 400: "0.096", 600: "0.013"},
    1.0: {100: "0.984", 200: "0.853", 400: "0.450", 600: "0.190"},
    1.1: {100: "0.999", 200: "0.991", 400: "0.952", 600: "0.896"},
}


@pytest.mark.parametrize(
    ("threshold", "width"), [(threshold, width) for threshold in DEAD for width in DEAD[threshold]]
)
def test_extinction(threshold: float, width: int) -> None:
    dead, printed = chains.passage(101, width, threshold).dead[100].item(), DEAD[threshold][width]
    assert (f"{dead:.0e}" if "e" in printed else f"{dead:.{len(printed) - 2}f}") == printed


@pytest.mark.parametrize(
    ("width", "dead", "variance"), [(100, 0.984, 0.015), (600, 0.190, 0.770), (1000, 0.028, 0.946)]
)
def test_variance_at_threshold_1(width: int, dead: float, variance: float) -> None:
    found = chains.passage(101, width, 1.0)
    assert found.dead[100].item() == pytest.approx(dead, abs=5e-4)
    # The variance over n neurons is on average (n - 1) / n of what theirs is the expectation of.
    assert found.variance[100].item() * width / (width - 1) == pytest.approx(variance, abs=6e-4)


def test_transitions_are_probabilities_and_silence_is_final() -> None:
    step_KK = chains.transitions(40, 0.8, 3.0)
    assert step_KK.sum(1).tolist() == pytest.approx([1.0] * 41, abs=1e-12)
    assert step_KK[0].tolist() == [1.0] + [0.0] * 40
    # Two spikes of three: p = Q(0.8 / sqrt 2), and 3 p^2 (1 - p) for two again.
    p = chains.firing(0.8, 3.0 * 2 / 3)
    assert chains.transitions(3, 0.8, 3.0)[2, 2].item() == pytest.approx(3 * p**2 * (1 - p), rel=1e-12)
    assert chains.transitions(5, 0.0, 2.0)[0].tolist() == [1, 0, 0, 0, 0, 0]


def test_equals_simulated_networks() -> None:
    """2000 networks of 20 neurons in 6 layers with weights of their own; so few that mean field is far off."""
    runs, width, threshold, layers = 2000, 20, 0.9, 7
    generator = torch.Generator().manual_seed(0)
    gain = chains.propagation_gain(threshold)
    v_RN = torch.randn(runs, width, generator=generator, dtype=torch.float64)
    expected = chains.passage(layers, width, threshold)
    for layer in range(layers):
        z_RN = (v_RN > threshold).double()
        variance_R = v_RN.var(1, correction=0)
        error = runs**-0.5
        assert variance_R.mean().item() == pytest.approx(
            expected.variance[layer].item(), abs=4.5 * error * expected.sd[layer].item()
        )
        assert variance_R.std().item() == pytest.approx(expected.sd[layer].item(), rel=0.15)
        assert z_RN.sum(1).mean().item() == pytest.approx(
            expected.spikes[layer].item(), abs=4.5 * error * z_RN.sum(1).std().item()
        )
        dead = expected.dead[layer].item()
        assert (z_RN.sum(1) == 0).double().mean().item() == pytest.approx(
            dead, abs=4.5 * error * (dead * (1 - dead)) ** 0.5 + 1 / runs
        )
        w_RNN = torch.randn(runs, width, width, generator=generator, dtype=torch.float64) * (gain / width) ** 0.5
        v_RN = (w_RNN @ z_RN.unsqueeze(2)).squeeze(2)
    assert expected.dead[-1] > 0.3


def test_refused() -> None:
    with pytest.raises(OptionError, match=r"^width=0: "):
        chains.transitions(0, 1.0, 2.0)
