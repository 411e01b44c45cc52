"""Moments of a surrogate gradient over voltages that are uniformly distributed.

Shapes: N neurons, E panel edges, P panels (E - 1), K nodes of the quadrature in a panel.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from snnexp.errors import require
from snnexp.stability.extremes import Bounds
from snnexp.stability.terms import Value, real


class Moments(NamedTuple):
    """E[psi] and E[psi^2]."""

    first: Tensor
    second: Tensor


def _gauss_legendre(n: int) -> tuple[Tensor, Tensor]:
    """Nodes in [-1, 1] and weights of sum 2: eigenvalues of the Jacobi matrix of the Legendre polynomials.

    Source: Golub & Welsch 1969.
    """
    k = torch.arange(1, n, dtype=torch.float64)
    beside = k / (4 * k.square() - 1).sqrt()
    nodes, vectors = torch.linalg.eigh(beside.diag(1) + beside.diag(-1))
    return nodes, 2 * vectors[0].square()


_NODES, _WEIGHTS = _gauss_legendre(12)
_SMALLEST_EDGE = -10


def _edges(reach: float) -> Tensor:
    """0 and the powers of 2, of both signs, from 2^-10 to `reach`.

    The kinks of the shapes, at 0, 1/2 and 1, are edges; and as panels grow in proportion to their distance from 0, both
    peaks much narrower than 1 and long algebraic tails are smooth in each of them.
    """
    positive = 2.0 ** torch.arange(_SMALLEST_EDGE, math.ceil(math.log2(max(reach, 1.0))) + 1, dtype=torch.float64)
    return torch.cat([-positive.flip(0), positive.new_zeros(1), positive])


def check_voltage(voltage: Bounds) -> None:
    """Raises `OptionError` for a range without width, as zero weights give it, or without end, as alpha = 1 does."""
    width = voltage.high - voltage.low
    usable = bool(((width > 0) & width.isfinite()).all())
    require(usable, "voltage", f"{width.min().item():.3g} wide", "the range must be finite and wider than 0")


def moments(shape: Callable[[Tensor], Tensor], voltage: Bounds, gamma: Value = 1.0, beta: Value = 1.0) -> Moments:
    """E[psi^m], m = 1, 2, of psi = gamma f(beta v) for centred voltages v uniform on [v_min, v_max].

        E[psi^m] = gamma^m / (b - a)  integral_a^b f(u)^m du,     a = beta v_min, b = beta v_max

    By composite Gauss-Legendre quadrature, to about 1e-10, of shapes that are smooth between the edges of `_edges`.
    voltage, gamma, beta broadcast against each other: one value per neuron where any has.
    Raises `OptionError` for beta not above 0 and for a range that is empty or infinite.
    Source: eq. 1.
    """
    beta, gamma = real(beta), real(gamma)
    require(bool((beta > 0).all()), "beta", f"{beta.min().item():.3g}", "a sharpness with moments is greater than 0")
    check_voltage(voltage)
    a_N, b_N = beta * real(voltage.low), beta * real(voltage.high)
    edges_E = _edges(torch.maximum(a_N.abs(), b_N.abs()).max().item()).to(a_N.device)
    edges_NE = edges_E.clamp(a_N.unsqueeze(-1), b_N.unsqueeze(-1))
    half_NP = edges_NE.diff() / 2
    middle_NP = edges_NE[..., :-1] + half_NP
    f_NPK = shape(middle_NP.unsqueeze(-1) + half_NP.unsqueeze(-1) * _NODES.to(a_N.device))
    share_NPK = (half_NP / (b_N - a_N).unsqueeze(-1)).unsqueeze(-1) * _WEIGHTS.to(a_N.device)
    first_N, second_N = ((share_NPK * f_NPK.pow(m)).sum((-2, -1)) for m in (1, 2))
    return Moments(gamma * first_N, gamma.square() * second_N)
