"""Least and greatest sums of weights, and the voltages that they can drive a neuron to.

Shapes: N neurons, M presynaptic units, I inputs; weights are [..., N, M], the presynaptic axis last.
"""

from enum import StrEnum
from typing import NamedTuple

from torch import Tensor

from snnexp.neurons.reset import Reset
from snnexp.stability.terms import Value, other_neurons, real


class Extremes(StrEnum):
    """What is taken for the greatest sum of weights over the inputs that spike (the least: the same of -w).

    ensemble: every weight as large as the largest of the layer, n max w.
    realised: this neuron's own positive weights, sum_j max(w_ij, 0). The published dampening 0.204 is this one.
    single: one weight, max w, without the number of inputs; the authors' code has it in the equation for the tail.

    Source: App. D.7, eqs 88-101 (ensemble); authors' code (realised, single).
    """

    ENSEMBLE = "ensemble"
    REALISED = "realised"
    SINGLE = "single"


class Bounds(NamedTuple):
    """Least and greatest value, each [..., N] or, where all neurons share it, [..., 1]."""

    low: Tensor
    high: Tensor


def largest(value_N: Tensor, extremes: Extremes) -> Tensor:
    """Each neuron's own value for realised extremes, else the largest of the layer, [..., 1]."""
    return value_N if extremes is Extremes.REALISED else value_N.amax(-1, keepdim=True)


def _greatest(weights_NM: Tensor, fan_in: int, extremes: Extremes) -> Tensor:
    excitatory_NM = weights_NM.clamp_min(0)
    match extremes:
        case Extremes.REALISED:
            return excitatory_NM.sum(-1)
        case Extremes.ENSEMBLE:
            return fan_in * excitatory_NM.flatten(-2).amax(-1, keepdim=True)
        case Extremes.SINGLE:
            return excitatory_NM.flatten(-2).amax(-1, keepdim=True)


def sum_bounds(weights_NM: Tensor, fan_in: int, extremes: Extremes) -> Bounds:
    """Least and greatest sum_j w_ij x_j over inputs x_j in [0, 1], in the sense of `extremes`.

    fan_in: the number of inputs that count, n_rec - 1 for recurrent weights whose diagonal is zero.
    """
    weights_NM = real(weights_NM)
    return Bounds(-_greatest(-weights_NM, fan_in, extremes), _greatest(weights_NM, fan_in, extremes))


def recurrent_bounds(recurrent_NN: Tensor, extremes: Extremes) -> Bounds:
    """`sum_bounds` of recurrent weights with zero diagonal."""
    return sum_bounds(recurrent_NN, other_neurons(recurrent_NN.shape[-1]), extremes)


def input_bounds(input_NI: Tensor, extremes: Extremes) -> Bounds:
    """`sum_bounds` of input weights."""
    return sum_bounds(input_NI, input_NI.shape[-1], extremes)


def voltage_bounds(
    alpha: Value,
    theta: Value,
    recurrent_NN: Tensor,
    input_NI: Tensor,
    bias: Value = 0.0,
    *,
    reset: Reset,
    extremes: Extremes = Extremes.REALISED,
) -> Bounds:
    """Bounds of the centred voltage v = y - theta of a LIF neuron.

        v_max = (s_rec,max + s_in,max + b) / (1 - alpha) - theta
        v_min = (s_rec,min + s_in,min + b - r) / (1 - alpha) - theta

    with s the sums of `sum_bounds` and r what a reset subtracts: theta for minus, alpha theta for minus_immediate, else
    0. alpha and b are each neuron's own (realised) or the layer's extreme. They bound v as long as the sums with b have
    opposite signs, and are not reached: a neuron near v_max spikes and is reset.
    Source: App. D.7, eqs 88-101; minus-reset: App. E. The authors' code leaves out b.
    """
    alpha, theta, bias = real(alpha), real(theta), real(bias)
    recurrent, inputs = recurrent_bounds(recurrent_NN, extremes), input_bounds(input_NI, extremes)
    subtracted = {Reset.MINUS: theta, Reset.MINUS_IMMEDIATE: largest(alpha, extremes) * theta}.get(reset, real(0.0))
    low = recurrent.low + inputs.low - largest(-bias, extremes) - subtracted
    high = recurrent.high + inputs.high + largest(bias, extremes)
    kept = 1 - largest(alpha, extremes)
    return Bounds(low / kept - theta, high / kept - theta)
