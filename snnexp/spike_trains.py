"""How alike two sets of spike trains are, and how much they vary from trial to trial.

Shapes: T steps, B trials, N neurons, K lags, X any further axes.
"""

import math

import torch
from torch import Tensor

from snnexp.errors import require


def alpha_kernel(membrane: float, synapse: float, steps: int) -> Tensor:
    """The potential that a spike makes, as a curve of unit area, [K]:

        eps_k = (exp(-k / membrane) - exp(-k / synapse)) / (membrane - synapse)

    membrane, synapse: time constants in steps.  The area is that over continuous time.
    Raises `OptionError` where they are equal. Source: Gygax & Zenke 2025, Eq. 25, with the constants of its code.
    """
    right = f"must differ from the membrane's {membrane:g} steps"
    require(not math.isclose(membrane, synapse), "synaptic_decay", synapse, right)
    k = torch.arange(steps, dtype=torch.float64)
    return (torch.exp(-k / membrane) - torch.exp(-k / synapse)) / (membrane - synapse)


def filtered(trains_TX: Tensor, kernel_K: Tensor) -> Tensor:
    """Every train convolved with a kernel, y_t = sum_{s <= t} kernel_{t-s} x_s; there are as many lags as steps."""
    return (_causal(kernel_K.to(trains_TX)) @ trains_TX.flatten(1)).view_as(trains_TX)


def filtered_back(errors_TX: Tensor, kernel_K: Tensor) -> Tensor:
    """The same towards the past, y_s = sum_{t >= s} kernel_{t-s} x_t: the transpose of `filtered`."""
    return (_causal(kernel_K.to(errors_TX)).t() @ errors_TX.flatten(1)).view_as(errors_TX)


def _causal(kernel_K: Tensor) -> Tensor:
    step = torch.arange(len(kernel_K), device=kernel_K.device)
    lag_TT = step[:, None] - step
    return torch.where(lag_TT >= 0, kernel_K[lag_TT.clamp_min(0)], 0)


def squared(trains_TBN: Tensor, target_TN: Tensor) -> Tensor:
    """The L2 distance of each trial from the target, mean_n 1/2 sum_t (S - z)^2, [B].

    Source: Gygax & Zenke 2025, Eq. 24; the half and the mean over the neurons are those of its code.
    """
    return (trains_TBN - target_TN.unsqueeze(1)).square().sum(0).mean(1) / 2


def van_rossum(trains_TBN: Tensor, target_TN: Tensor, kernel_K: Tensor) -> Tensor:
    """The distance of the filtered trains, mean_n 1/2 sum_t ((kernel * S) - (kernel * z))^2, [B].

    A spike that comes d steps late costs little where d is short, as it does not in `squared`.
    Source: van Rossum 2001; Gygax & Zenke 2025, Eq. 25.
    """
    return squared(filtered(trains_TBN, kernel_K), filtered(target_TN, kernel_K))


def fano_factor(counts_XBN: Tensor) -> Tensor:
    """Variance over mean of spike counts over the trials, averaged over windows and neurons.

    1 for Poisson counts, 0 where all trials are the same; where a mean is 0 it does not count, and it is not a number
    where nothing ever fires. The variance is the population's, as in the matching code of Gygax & Zenke.
    counts_XBN: of windows of one or more steps.
    """
    return fano_factor_of_sums(counts_XBN.sum(1), counts_XBN.square().sum(1), counts_XBN.shape[1], 0)


def fano_factor_of_sums(sum_XN: Tensor, squares_XN: Tensor, trials: int, correction: int) -> Tensor:
    """The same from sums over the trials, of counts and of their squares; correction 1 makes the variance unbiased."""
    mean_XN = sum_XN / trials
    variance_XN = (squares_XN - trials * mean_XN.square()) / (trials - correction)
    return (variance_XN / mean_XN)[mean_XN > 0].mean()


def window_counts(spikes_TBN: Tensor, steps: int) -> Tensor:
    """Spikes in every window of so many steps, [T - steps + 1, B, N]; the windows overlap."""
    require(
        0 < steps <= len(spikes_TBN), "window", steps, f"must lie between 1 and the number of steps, {len(spikes_TBN)}"
    )
    total_TBN = torch.cat([torch.zeros_like(spikes_TBN[:1]), spikes_TBN.cumsum(0)])
    return total_TBN[steps:] - total_TBN[:-steps]
