"""Condition III: the dampening with which the largest possible gradient neither grows nor decays along time.

Shapes: N neurons, I inputs; the presynaptic axis of weights is the last.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from snnexp.errors import OptionError, require
from snnexp.neurons.reset import Reset
from snnexp.stability.extremes import Extremes, input_bounds, largest, recurrent_bounds
from snnexp.stability.terms import Formula, Lower, Value, real, reset_slope


class Dampening(NamedTuple):
    """gamma as the condition gives it, [..., N] or [..., 1], and where it can be used, 0 < gamma < inf."""

    value: Tensor
    feasible: Tensor


def dampening(
    alpha: Value,
    recurrent_NN: Tensor,
    input_NI: Tensor,
    *,
    reset: Reset,
    extremes: Extremes = Extremes.REALISED,
    lower: Lower = Lower.NONE,
    lower_dampening: Value | None = None,
    gradient_theta: Value | None = None,
    formula: Formula = Formula.DERIVED,
) -> Dampening:
    """Condition III: the peak gamma of the surrogate that keeps the maximum of the gradient.

        none, layerwise   gamma = (1 - alpha - t) / s_rec             t = greatest sum of w_in gamma_in, or 0
        shared            gamma = (1 - alpha) / (s_rec + s_in)

    with s the greatest sums of weights (`Extremes`); alpha is each neuron's own (realised) or the largest (ensemble).
    lower_dampening: gamma_in of the layer below, for `layerwise` only; one value or one per input.
    gradient_theta: the threshold, where the gradient passes through the reset; None where it is stopped, as in the
        authors' runs. It puts in the place of s_rec, with s_- the greatest sum of -w_rec and c from `reset_slope`,

            derived   max(s_rec, s_-) + c          code   s_rec + c s_rec / s_-

        which are equal for symmetric weights; the code has the ratio of the two sums upside down.
    Each term is taken at its own maximum, as if they were independent.
    Nothing is clipped: with `layerwise` and usual initial weights the layer below takes all there is, and gamma <= 0.
    Raises `OptionError` for single extremes, `layerwise` without lower_dampening, a gradient through post-reset.
    Source: Lemma 3, eqs 38-53; App. E (minus).
    """
    require(extremes is not Extremes.SINGLE, "extremes", extremes, "condition III takes ensemble or realised")
    alpha = real(alpha)
    recurrent = recurrent_bounds(recurrent_NN, extremes)
    reach, taken = recurrent.high, torch.zeros_like(recurrent.high)
    if gradient_theta is not None:
        slope = reset_slope(reset, alpha, real(gradient_theta))
        if formula is Formula.DERIVED:
            reach = torch.maximum(recurrent.high, -recurrent.low) + slope
        else:
            reach = recurrent.high - slope * recurrent.high / recurrent.low
    match lower:
        case Lower.NONE:
            pass
        case Lower.SHARED:
            reach = reach + input_bounds(input_NI, extremes).high
        case Lower.LAYERWISE:
            if lower_dampening is None:
                raise OptionError("lower", lower, "needs the dampening of the layer below; the first layer takes none")
            taken = input_bounds(real(input_NI) * real(lower_dampening), extremes).high
    gamma = (1 - largest(alpha, extremes) - taken) / reach
    return Dampening(gamma, (gamma > 0) & gamma.isfinite())
