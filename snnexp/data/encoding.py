"""Latency codes: at most one spike a channel, early where the intensity is high.

Shapes: T steps, B samples of a batch, I input channels.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from snnexp.errors import require

NEVER = -1
"""The spike step of a channel that stays silent."""

LONGEST = 2**15 - 1
"""The most steps that a spike time held as int16 can count."""


def latency(
    intensity: Tensor, tau: float, threshold: float, steps: int, whole: Callable[[Tensor], Tensor] = torch.round
) -> Tensor:
    """Step at which a unit charged by a constant intensity x reaches its threshold, as int16; `NEVER` without a spike.

    T = tau log(x / (x - threshold)) for x > threshold, the first crossing of a leaky integrator with time constant
    `tau` (in steps). `whole` makes T a step, the nearest one (half to even) or for example the one that T falls into
    (`torch.floor`), and the spike is dropped when that is not below `steps`: with tau 50, threshold 0.2 and the nearest
    the faintest pixel of 255 to spike within 100 steps is 60. Give the intensity in float64, so that the rounding is
    the same everywhere.

    Raises OptionError where tau or threshold is not positive, or steps not within 1 and 32767.

    Source: Zenke & Vogels 2021; the default rounding is that of the code of Herranz-Celotti & Rouat
    2022.
    """
    require(tau > 0, "tau", tau, "must be greater than 0")
    require(threshold > 0, "threshold", threshold, "must be greater than 0")
    require(1 <= steps <= LONGEST, "steps", steps, f"must lie in [1, {LONGEST}]")
    step = whole(tau * torch.log(intensity / (intensity - threshold)))
    return torch.where((intensity > threshold) & (step < steps), step, NEVER).to(torch.int16)


def first_spike_frames(times_BI: Tensor, steps: int) -> Tensor:
    """Dense frames x_TBI (float32, 0 or 1) of one spike a channel, none where the time is `NEVER`."""
    samples, channels = (times_BI != NEVER).nonzero(as_tuple=True)
    x_TBI = torch.zeros(steps, *times_BI.shape)
    x_TBI[times_BI[samples, channels].long(), samples, channels] = 1
    return x_TBI
