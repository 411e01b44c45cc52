"""Distances of spike trains against closed forms, the Fano factor against known distributions."""

import math

import numpy as np
import pytest
import torch

from snnexp.errors import OptionError
from snnexp.spike_trains import (
    alpha_kernel,
    fano_factor,
    fano_factor_of_sums,
    filtered,
    filtered_back,
    squared,
    van_rossum,
    window_counts,
)

MEMBRANE, SYNAPSE = 10.0, 5.0


def draws(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def trains(*spikes: tuple[int, ...], steps: int = 189) -> torch.Tensor:
    """Trains [T, B, 1], each from the steps of its spikes."""
    made = torch.zeros(steps, len(spikes), 1, dtype=torch.float64)
    for trial, times in enumerate(spikes):
        made[list(times), trial] = 1
    return made


def overlap(distance: float) -> float:
    """Integral of eps(t) eps(t + d) over all t, in closed form."""
    a, b = MEMBRANE, SYNAPSE
    return (a * math.exp(-distance / a) - b * math.exp(-distance / b)) / (2 * (a + b) * (a - b))


def test_kernel_has_unit_area_and_the_peak_where_its_derivative_is_zero() -> None:
    fine = 100
    kernel_K = alpha_kernel(MEMBRANE * fine, SYNAPSE * fine, 40_000)
    assert kernel_K.sum().item() == pytest.approx(1, abs=1e-4)
    assert kernel_K.argmax().item() == round(fine * math.log(2) / (1 / SYNAPSE - 1 / MEMBRANE))
    with pytest.raises(OptionError, match=r"^synaptic_decay=10.0: must differ"):
        alpha_kernel(10.0, 10.0, 5)


def test_filters_are_convolutions_and_each_other_s_transpose() -> None:
    x_TBN, y_TBN, kernel_K = draws(30, 2, 3), draws(30, 2, 3).flip(0), alpha_kernel(MEMBRANE, SYNAPSE, 30)
    expected = np.apply_along_axis(lambda x: np.convolve(x, kernel_K.numpy())[:30], 0, x_TBN.numpy())
    np.testing.assert_allclose(filtered(x_TBN, kernel_K), expected, atol=1e-14)
    forth, back = (filtered(x_TBN, kernel_K) * y_TBN).sum(), (x_TBN * filtered_back(y_TBN, kernel_K)).sum()
    torch.testing.assert_close(forth, back, rtol=1e-12, atol=0)


@pytest.mark.parametrize("late", [1, 4, 20])
def test_distances_of_two_spikes(late: int) -> None:
    """A spike against one that is late by d: the integrals are C(0) - C(d), with steps that are short enough."""
    fine, target_TN = 10, trains((50,), steps=2400)[:, 0]
    kernel_K = alpha_kernel(MEMBRANE * fine, SYNAPSE * fine, 2400)
    found = van_rossum(trains((50 + late * fine,), (), (50,), steps=2400), target_TN, kernel_K) * fine
    assert found.tolist() == pytest.approx([overlap(0) - overlap(late), overlap(0) / 2, 0], rel=5e-3, abs=1e-12)
    assert squared(trains((10,), (), (10 + late,)), trains((10,))[:, 0]).tolist() == [0, 0.5, 1]


def test_distances_are_means_over_neurons_and_one_number_a_trial() -> None:
    trains_TBN, target_TN = (draws(20, 4, 3) > 0).double(), (draws(20, 3) > 0).double()
    each = [((trains_TBN[:, trial] != target_TN).sum() / 2 / 3).item() for trial in range(4)]
    assert squared(trains_TBN, target_TN).tolist() == pytest.approx(each)


def test_fano_factor_of_known_distributions() -> None:
    generator = torch.Generator().manual_seed(0)
    trials, rate = 4000, 0.3
    poisson = torch.poisson(torch.full((5, trials, 40), 3.0, dtype=torch.float64), generator=generator)
    assert fano_factor(poisson).item() == pytest.approx(1, abs=4 * math.sqrt(2 / trials / 200))
    coins = (torch.rand(5, trials, 40, generator=generator, dtype=torch.float64) < rate).double()
    assert fano_factor(coins).item() == pytest.approx(1 - rate, abs=0.005)
    assert fano_factor(torch.ones(3, 7, 2)).item() == 0


def test_fano_factor_leaves_out_what_never_fires() -> None:
    counts_XBN = torch.tensor([[[0.0, 2.0], [0.0, 4.0]]])
    assert fano_factor(counts_XBN).item() == pytest.approx(1 / 3)
    unbiased = fano_factor_of_sums(counts_XBN.sum(1), counts_XBN.square().sum(1), 2, 1)
    assert unbiased.item() == pytest.approx(2 / 3)
    assert math.isnan(fano_factor(torch.zeros(2, 3, 4)).item())


def test_windows_overlap() -> None:
    spikes_TBN = (draws(12, 2, 3) > 0).double()
    expected = np.lib.stride_tricks.sliding_window_view(spikes_TBN.numpy(), 5, 0).sum(-1)
    np.testing.assert_array_equal(window_counts(spikes_TBN, 5), expected)
    with pytest.raises(OptionError, match=r"^window=13: must lie between 1 and the number of steps, 12"):
        window_counts(spikes_TBN, 13)
