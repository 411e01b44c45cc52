"""The four stability conditions of a recurrent LIF layer, for its resets.

    weights            I, II   mean and variance of a recurrent weight: median voltage at threshold, equal drives
    gradient_maximum   III     dampening: the maximum of the gradient keeps its size from one time step to the next
    gradient_variance  IV      second moment that the surrogate must have: the variance of the gradient keeps its size
    extremes                   sums of weights and voltages at their least and greatest
    moments                    moments of a surrogate over uniform voltages
    roots                      sharpness and tail fatness that meet IV
    growth                     how fast gradients grow in the recursions of III and IV

The functions know of numbers and matrices only; they compute in float64, and leading axes of weights [..., N, M]
are independent layers.

Source: Herranz-Celotti & Rouat 2024 (arXiv 2202.00282), "Stabilizing Spiking Neuron Training"; for the reset
minus_immediate, which it does not have, the same derivations here.
"""

from snnexp.stability.extremes import Bounds, Extremes, sum_bounds, voltage_bounds
from snnexp.stability.gradient_maximum import Dampening, dampening
from snnexp.stability.gradient_variance import Demand, demand
from snnexp.stability.growth import greatest_growth, variance_growth
from snnexp.stability.moments import Moments, moments
from snnexp.stability.roots import Root, bisect, sharpness, tail
from snnexp.stability.terms import Formula, Lower, Value
from snnexp.stability.weights import recurrent_mean, recurrent_variance

__all__ = [
    "Bounds",
    "Dampening",
    "Demand",
    "Extremes",
    "Formula",
    "Lower",
    "Moments",
    "Root",
    "Value",
    "bisect",
    "dampening",
    "demand",
    "greatest_growth",
    "moments",
    "recurrent_mean",
    "recurrent_variance",
    "sharpness",
    "sum_bounds",
    "tail",
    "variance_growth",
    "voltage_bounds",
]
