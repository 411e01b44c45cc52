"""Optimisers that torch does not give, or not in the form that the papers need."""

import contextlib
import io
from collections.abc import Callable, Iterable
from typing import Any

import torch
from adabelief_pytorch import AdaBelief  # type: ignore[import-untyped]
from torch import Tensor
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

from snnexp.errors import require


def adabelief(
    params: Iterable[Tensor],
    lr: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-16,
    weight_decay: float = 0.0,
    decoupled: bool = True,
    rectify: bool = False,
    sgd_first: bool = False,
) -> Optimizer:
    """AdaBelief, from adabelief-pytorch, without what that package prints; steps shrink where gradients surprise.

    eps: added to the variance at every step, so it sums up and acts as sqrt(eps / (1 - betas[1])) does outside the
    root: 1e-16 as 3e-7; 1e-19 as the 1e-8 in the code of Herranz-Celotti & Rouat. At 1e-8 the optimiser is close to
    plain gradient descent.
    decoupled: weight decay shrinks the weights, not the gradients.
    rectify: the variance warm-up of RAdam.  sgd_first: under `rectify`, the first five steps are plain gradient
    descent, *not* normalised. A surrogate gradient of 1000 then moves a weight by 1000 lr, five times, and what is
    measured after that is no longer the initialisation; so it is off unless asked for.
    Source: Zhuang et al. 2020.
    """
    with contextlib.redirect_stdout(io.StringIO()):
        optimizer: Optimizer = AdaBelief(
            params,
            lr=lr,
            betas=tuple(betas),
            eps=eps,
            weight_decay=weight_decay,
            weight_decouple=decoupled,
            rectify=rectify,
            degenerated_to_sgd=sgd_first,
            print_change_log=False,
        )
    return optimizer


def adabelief_foreach(
    params: Iterable[Tensor],
    lr: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-16,
    weight_decay: float = 0.0,
    decoupled: bool = True,
) -> Optimizer:
    """`adabelief` from pytorch-optimizer, which updates all tensors at once: sooner where many are small, same numbers.

    It has no `rectify`, with which that package goes from tensor to tensor as well.
    """
    import pytorch_optimizer  # here, because it takes most of a second

    return pytorch_optimizer.AdaBelief(
        params,
        lr=lr,
        betas=(betas[0], betas[1]),
        eps=eps,
        weight_decay=weight_decay,
        weight_decouple=decoupled,
        rectify=False,
        foreach=True,
    )


class SMORMS3(Optimizer):
    """Squared mean over root mean squared cubed: the memory adapts to how steady each weight's gradient is.

        r = 1 / (m + 1),   g = (1 - r) g + r G,   s = (1 - r) s + r G^2,   x = g^2 / (s + eps)
        m = 1 + m (1 - x),   w = w - min(lr, x) G / (sqrt(s) + eps)         m = 1, g = s = 0 at the start

    with G the gradient. Source: Funk 2015; used by Gygax & Zenke 2025 and in stork.
    """

    def __init__(self, params: Iterable[Tensor], lr: float = 1e-3, eps: float = 1e-16) -> None:
        require(lr > 0, "lr", lr, "must be greater than 0")
        super().__init__(params, {"lr": lr, "eps": eps})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is not None:
                    self._update(weight, weight.grad, group["lr"], group["eps"])
        return loss

    def _update(self, weight: Tensor, gradient: Tensor, lr: float, eps: float) -> None:
        state = self.state[weight]
        if not state:
            state["memory"] = torch.ones_like(weight)
            state["mean"], state["square"] = torch.zeros_like(weight), torch.zeros_like(weight)
        rate = 1 / (state["memory"] + 1)
        mean = state["mean"].lerp_(gradient, rate)
        square = state["square"].lerp_(gradient.square(), rate)
        steadiness = mean.square() / (square + eps)
        state["memory"].mul_(1 - steadiness).add_(1)
        weight.sub_(steadiness.clamp_max(lr) * gradient / (square.sqrt() + eps))


def constant_rate(optimizer: Optimizer) -> None:
    """No schedule: the learning rate stays what it is."""
    return None


def drops(optimizer: Optimizer, interval: int, factor: float) -> LambdaLR:
    """The learning rate over factor n, where n is how often `interval` epochs have passed; before that, whole.

    Source: nmi-lab/decolle-public (30 epochs, 5).
    """
    require(interval > 0, "interval", interval, "must be at least 1")
    require(factor > 0, "factor", factor, "must be greater than 0")
    return LambdaLR(optimizer, lambda epoch: 1 / (factor * (epoch // interval)) if epoch >= interval else 1.0)


def every_batch(optimizer: Optimizer, schedule: Callable[[Optimizer], Any]) -> dict[str, Any]:
    """A schedule that goes on with every batch instead of every epoch, as Lightning is told so.

    With T_max of 10, `CosineAnnealingLR` goes from the learning rate to 0 in 10 batches and back in 10, time and again,
    and is on average half of it. Source: the code of Micheli et al. 2024 (AuroraMicheli/Weight-Initialization-SNN);
    their paper says "cosine annealing".
    """
    return {"scheduler": schedule(optimizer), "interval": "step"}
