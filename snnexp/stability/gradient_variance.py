"""Condition IV: the moments of the surrogate with which the variance of the gradient is kept along time.

Shapes: N neurons, I inputs; the presynaptic axis of weights is the last.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from snnexp.errors import OptionError
from snnexp.neurons.reset import Reset
from snnexp.stability.moments import Moments
from snnexp.stability.terms import Formula, Lower, Value, real, reset_slope


class Demand(NamedTuple):
    """Condition IV as an equation in the surrogate's moments, square E[psi^2] + linear E[psi] = target.

    `linear` is zero in the main text; there E[psi^2] = target / square whatever the first moment.
    """

    square: Tensor
    linear: Tensor
    target: Tensor

    def second_moment(self, first_moment: Value) -> Tensor:
        """The E[psi^2] that is demanded of a surrogate with this E[psi]; not above 0, where nothing can meet it."""
        return (self.target - self.linear * real(first_moment)) / self.square

    def residual(self, moments: Moments) -> Tensor:
        """How far E[psi^2] lies above what is demanded, in units of E[psi^2]."""
        return moments.second - self.second_moment(moments.first)


def _power(weights_NM: Tensor) -> Tensor:
    """n E[w^2], [..., 1]: the mean over neurons of their sums of squared weights; n leaves out a zero diagonal."""
    return real(weights_NM).square().sum(-1).mean(-1, keepdim=True)


def demand(
    alpha: Value,
    recurrent_NN: Tensor,
    input_NI: Tensor,
    *,
    reset: Reset,
    lower: Lower = Lower.NONE,
    lower_moments: Moments | None = None,
    gradient_theta: Value | None = None,
    formula: Formula = Formula.DERIVED,
) -> Demand:
    """Condition IV: what the moments of psi must fulfil for the variance of the gradient to be kept.

        (S_rec + c^2) E[psi^2] - 2 k c alpha E[psi] + S_in E[psi_in^2] = a

        pre     a = 1 - alpha^2 / 2,  k = 1/2      the old voltage is kept by E[(1 - z)^2] = E[1 - z] = 1/2
        post    a = 2 - alpha^2                    everything is kept by 1/2, so both sides are doubled
        minus   a = 1 - alpha^2,      k = 1        (minus_immediate too)

    with S_rec = (n_rec - 1) E[w_rec^2], S_in = n_in E[w_in^2], means over the layer's weights.
    lower: whether S_in is left out, known (`lower_moments` of the layer below) or multiplies the same psi (shared).
    gradient_theta: the threshold, where the gradient passes through the reset, c from `reset_slope`; None for c = 0.
    code: takes the first moment E[psi_in] for the lower layer and leaves out the term in E[psi].
    For E[alpha^2] of a layer instead of each neuron's own, pass the root mean square of alpha.
    Raises `OptionError` for `layerwise` without lower_moments and for a gradient through post-reset.
    Source: Lemma 4, eqs 54-64; App. E (post, minus). The term in E[psi] is derived here.
    """
    alpha = real(alpha)
    match reset:
        case Reset.PRE:
            target, kept = 1 - alpha.square() / 2, 0.5
        case Reset.POST:
            target, kept = 2 - alpha.square(), 0.5
        case Reset.MINUS | Reset.MINUS_IMMEDIATE:
            target, kept = 1 - alpha.square(), 1.0
    square = _power(recurrent_NN)
    linear = torch.zeros_like(square)
    if gradient_theta is not None:
        slope = reset_slope(reset, alpha, real(gradient_theta))
        square = square + slope.square()
        if formula is Formula.DERIVED:
            linear = linear - 2 * kept * alpha * slope
    match lower, formula:
        case Lower.NONE, _:
            pass
        case Lower.SHARED, Formula.DERIVED:
            square = square + _power(input_NI)
        case Lower.SHARED, Formula.CODE:
            linear = linear + _power(input_NI)
        case Lower.LAYERWISE, _:
            if lower_moments is None:
                raise OptionError("lower", lower, "needs the moments of the layer below; the first layer takes none")
            below = lower_moments.second if formula is Formula.DERIVED else lower_moments.first
            target = target - _power(input_NI) * below
    return Demand(square, linear, target)
