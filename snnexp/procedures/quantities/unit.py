"""One unit over its voltage: the surrogate gradient beside the derivatives of what the noisy unit gives on average."""

import torch
from torch import Tensor

from snnexp.errors import require
from snnexp.estimators.unit import Slope, affine, left, probability, right, slope
from snnexp.procedures.analytic import Computed
from snnexp.surrogates import spike

SHOWN = 30  # trials of the raster


def unit(psi: Slope, steepness: float, trials: int, seed: int, reach: float = 1.0, points: int = 81) -> Computed:
    """A unit at voltages from -reach to reach, without noise and in so many trials with it.

    In the metrics, all as shares of the largest true derivative of the expected output: `sg/error` and `affine/error`
    are the largest errors of the surrogate and, over both outcomes, of the affine stochastic derivative; `right/error`,
    `left/error` and `numeric/error` the root mean square errors, over the voltages, of what is averaged over the
    trials: two stochastic derivatives, and the output, whose mean is then differentiated numerically; `right/bias` and
    `left/bias` the mean errors, with their sign. The curves named `one/` are of a single trial.
    """
    require(trials >= SHOWN, "trials", trials, f"must be at least {SHOWN}, which are drawn")
    u_U = torch.linspace(-reach, reach, points, dtype=torch.float64).requires_grad_()
    step_U = spike(u_U, psi)
    (sg_U,) = torch.autograd.grad(step_U.sum(), u_U)
    u_U = u_U.detach()
    p_U, true_U = probability(u_U, steepness), slope(u_U, steepness)
    fired_TU = torch.bernoulli(p_U.expand(trials, -1), generator=torch.Generator().manual_seed(seed))
    mean_U = fired_TU.mean(0)
    averaged = {name: of(u_U, fired_TU, steepness).mean(0) for name, of in (("right", right), ("left", left))}
    averaged["numeric"] = torch.gradient(mean_U, spacing=(u_U,))[0]
    outcomes = [affine(u_U, torch.full_like(u_U, fired), steepness) for fired in (0.0, 1.0)]

    peak = float(true_U.max())
    metrics = {
        "sg/error": float((sg_U - true_U).abs().max()) / peak,
        "affine/error": max(float((outcome - true_U).abs().max()) for outcome in outcomes) / peak,
        **{f"{name}/error": _rms(found_U - true_U) / peak for name, found_U in averaged.items()},
        **{f"{name}/bias": float((averaged[name] - true_U).mean()) / peak for name in ("right", "left")},
    }
    curves = {
        "u": u_U,
        "step": step_U.detach(),
        "probability": p_U,
        "mean": mean_U,
        "sg": sg_U,
        "derivative": true_U,
        "numeric": averaged["numeric"],
        **{f"one/{of.__name__}": of(u_U, fired_TU[0], steepness) for of in (right, left, affine)},
        "trial": torch.arange(1.0, SHOWN + 1),
        "raster/deterministic": step_U.detach().expand(SHOWN, -1),
        "raster/stochastic": fired_TU[:SHOWN],
    }
    return Computed(metrics, curves)


def _rms(error: Tensor) -> float:
    return float(error.square().mean().sqrt())
