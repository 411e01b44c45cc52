from functools import partial

import pytest
import torch

from snnexp.errors import OptionError
from snnexp.losses import mean_squared
from snnexp.schedules import always, ramp
from snnexp.sparsity import SELT, none

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
