from functools import partial

import pytest
import torch

from snnexp.errors import OptionError
from snnexp.losses import mean_squared
from snnexp.schedules import always, ramp
from snnexp.sparsity import SELT, Bounds, none

SPIKES = [torch.ones(4, 2, 3), torch.zeros(4, 2, 5)]


def test_term_is_the_sum_over_layers_times_factor_and_schedule() -> None:
    selt = SELT(target=0.25, factor=0.8, schedule=partial(ramp, start=0.2, end=0.6), penalty=mean_squared)
    penalty = 0.75**2 + 0.25**2
    assert [selt(SPIKES, progress).item() for progress in (0.0, 0.2, 0.4, 0.6, 1.0)] == pytest.approx(
        [0, 0, 0.4 * penalty, 0.8 * penalty, 0.8 * penalty]
    )


def test_no_term() -> None:
    assert none(SPIKES, 1.0).item() == 0
    assert SELT(0.5, 0.0, always, mean_squared)(SPIKES, 1.0).item() == 0
    assert SELT(0.5, 1.0, always, mean_squared)([], 1.0).item() == 0


def test_refused_options() -> None:
    with pytest.raises(OptionError, match=r"^target=1\.5: "):
        SELT(1.5, 1.0, always, mean_squared)
    with pytest.raises(OptionError, match=r"^factor=-1: "):
        SELT(0.5, -1, always, mean_squared)
    with pytest.raises(OptionError, match=r"^start=0\.6: "):
        SELT(0.5, 1.0, partial(ramp, start=0.6, end=0.2), mean_squared)


def test_bounds_by_hand() -> None:
    # Counts: layer of two neurons, (3, 0) in the first sample and (1, 0) in the second; layer of one neuron, 2 and 2.
    first_TBN = torch.tensor([[[1.0, 0], [1, 0]], [[1, 0], [0, 0]], [[1, 0], [0, 0]]])
    second_TBN = torch.tensor([[[1.0], [1]], [[0], [1]], [[1], [0]]])
    lower = Bounds(lower=10.0, fewest=2.0, upper=0.0, most=0.0, power=1)
    assert lower([first_TBN, second_TBN], 0.3).item() == pytest.approx(10 * (0 + 4 + 1 + 4) / 4)
    layers = [first_TBN, second_TBN]  # means over the neurons: (1.5, 0.5) and (2, 2)
    assert Bounds(0.0, 0.0, 2.0, 1.0, 1)(layers, 0.3).item() == pytest.approx(2 * (0.5 / 2 + 1))
    assert Bounds(0.0, 0.0, 2.0, 1.0, 2)(layers, 0.3).item() == pytest.approx(2 * (0.25 / 2 + 1))
    assert Bounds(10.0, 2.0, 2.0, 1.0, 1)(layers, 1.0).item() == pytest.approx(22.5 + 2.5)


def test_bounds_pull_only_what_is_outside() -> None:
    """A silent neuron is pulled up by each of its steps, a busy layer is pushed down as a whole."""
    spikes_TBN = torch.zeros(5, 2, 4, dtype=torch.float64)
    spikes_TBN[:3, :, 0] = 1
    spikes_TBN.requires_grad_()
    (pull,) = torch.autograd.grad(Bounds(100.0, 1e-3, 0.0, 0.0, 1)([spikes_TBN], 0.0), spikes_TBN)
    assert (pull[..., 0] == 0).all()
    torch.testing.assert_close(pull[..., 1:], torch.full_like(pull[..., 1:], -100 * 2 * 1e-3 / 8))
    for power, slope in ((1, 1.0), (2, 2 * (0.75 - 0.5))):
        (push,) = torch.autograd.grad(Bounds(0.0, 0.0, 0.6, 0.5, power)([spikes_TBN], 0.0), spikes_TBN)
        torch.testing.assert_close(push, torch.full_like(push, 0.6 * slope / 8))
        (none_at_all,) = torch.autograd.grad(Bounds(0.0, 0.0, 0.6, 1.0, power)([spikes_TBN], 0.0), spikes_TBN)
        assert (none_at_all == 0).all()


def test_refused_bounds() -> None:
    with pytest.raises(OptionError, match=r"^most=-1: "):
        Bounds(1.0, 0.0, 1.0, -1, 1)
    with pytest.raises(OptionError, match=r"^power=3: must be 1 or 2"):
        Bounds(1.0, 0.0, 1.0, 1.0, 3)
