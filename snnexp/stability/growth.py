"""How fast a gradient grows from one time step to the next, in the recursions behind conditions III and IV.

Shapes: N neurons; the presynaptic axis of weights is the last.
"""

import torch
from torch import Tensor

from snnexp.neurons.reset import Reset
from snnexp.stability.gradient_variance import Demand
from snnexp.stability.moments import Moments
from snnexp.stability.terms import Value, real


def greatest_growth(alpha: Value, recurrent_NN: Tensor, gamma: Value) -> Tensor:
    """Growth per step of the largest possible gradient, the same for all resets: the recursion of condition III.

        m_i <- alpha_i m_i + sum_j max(w_ij, 0) gamma_j m_j

    is the worst case, in which no neuron that matters is reset and every surrogate is at its peak gamma; its growth is
    the spectral radius. Under condition III with realised extremes that is exactly 1, for any weights and decays,
    since the perturbation m = 1 / gamma then is kept. The gradient through a reset is left out.
    Source: Lemma 3, eq. 38; the spectral radius is derived here.
    """
    recurrent_NN = real(recurrent_NN)
    own_N, gamma_N = (real(value).expand(recurrent_NN.shape[-1]) for value in (alpha, gamma))
    step_NN = own_N.diag_embed() + recurrent_NN.clamp_min(0) * gamma_N
    radius: Tensor = torch.linalg.eigvals(step_NN).abs().amax(-1)
    return radius


def variance_growth(demand: Demand, moments: Moments, reset: Reset) -> Tensor:
    """Growth per step of the gradient's variance for a surrogate with these moments: the recursion of condition IV.

        1 + S (E[psi^2] - demanded E[psi^2]),  half of that difference for post       S: `demand.square`

    which is 1 where the demand is met. Source: Lemma 4, eq. 54; App. E.
    """
    share = 0.5 if reset is Reset.POST else 1.0  # the demand of post is doubled on both sides
    return 1 + share * demand.square * demand.residual(moments)
