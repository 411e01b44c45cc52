"""A differentiable network of five parameters, small enough to see where a surrogate gradient points the wrong way.

    g = f(w x),  h_k = f(v_k g),  y = f(u_1 h_1 + u_2 h_2),  f(a) = 1 / (1 + exp(-beta a))

p is (w, v_1, v_2, u_1, u_2) along the last axis; all other axes are points that are computed side by side. x is 1
in all of the paper's figures.

Source: Gygax & Zenke 2025, Eqs. 7-9; there are no biases or thresholds (its public code, surrogate-gradient-theory).
"""

import torch
from torch import Tensor

from snnexp.estimators.unit import Slope, probability


def output(p: Tensor, steepness: float, x: float = 1.0) -> Tensor:
    """y (Eq. 7)."""
    return probability(_forward(p, steepness, x)[-1], steepness)


def gradient(p: Tensor, steepness: float, slope: Slope, x: float = 1.0) -> Tensor:
    """dy/dp, [..., 5], with `slope` in the place of the activation's derivative at every unit (Eqs. 8 and 9).

    The slope is taken at the voltages of the forward pass. The activation's own derivative gives the true gradient, a
    surrogate the surrogate gradient.
    """
    v, u = p[..., 1:3], p[..., 3:]
    input_voltage, g, hidden_voltage, h, output_voltage = _forward(p, steepness, x)
    s_g, s_h, s_y = slope(input_voltage), slope(hidden_voltage), slope(output_voltage)
    d_w = x * s_g * s_y * (u * v * s_h).sum(-1)
    d_v = u * (s_y * g)[..., None] * s_h
    return torch.cat([d_w[..., None], d_v, h * s_y[..., None]], -1)


def _forward(p: Tensor, steepness: float, x: float) -> tuple[Tensor, ...]:
    """wx, g, (v_k g), (h_k), u_1 h_1 + u_2 h_2."""
    input_voltage = p[..., 0] * x
    g = probability(input_voltage, steepness)
    hidden_voltage = p[..., 1:3] * g[..., None]
    h = probability(hidden_voltage, steepness)
    return input_voltage, g, hidden_voltage, h, (p[..., 3:] * h).sum(-1)
