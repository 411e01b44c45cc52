"""Small networks of binary units: every derivative of their expected output, by going through all hidden patterns.

Dense layers of units that fire with probability s(beta u) at u = W h + b, h the units that fired below; the last layer
is one unit, the output. A path is an outcome of all hidden units. Gradients are vectors over all weights and biases,
layer by layer: d/dW in rows, then d/db.

Shapes: I inputs, B paths, N units of a layer, M units below it, H hidden units, P parameters.

Source: the statements are those of Gygax & Zenke 2025, Sec. 3.2; the experiment is our own.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from snnexp.errors import require
from snnexp.estimators.unit import Slope, probability
from snnexp.surrogates import spike

MOST_HIDDEN = 16  # 2^16 paths

Fire = Callable[[Tensor, int], Tensor]
"""What a layer's units give at their voltages u_BN; the integer says which layer."""


class Layer(NamedTuple):
    """weight [N, M] and bias [N]; or one of each for every path, [B, N, M] and [B, N]."""

    weight: Tensor
    bias: Tensor


Layers = Sequence[Layer]


def draw(inputs: int, width: int, depth: int, generator: torch.Generator) -> list[Layer]:
    """`depth` hidden layers and the output; weights from N(0, 1 / fan-in), biases from N(0, 1)."""
    sizes = [inputs, *[width] * depth, 1]
    return [
        Layer(
            torch.randn(above, below, generator=generator, dtype=torch.float64) / below**0.5,
            torch.randn(above, generator=generator, dtype=torch.float64),
        )
        for below, above in itertools.pairwise(sizes)
    ]


def flat(layers: Layers) -> Tensor:
    """All parameters, or gradients of their shape: [P], or [B, P] where there is one of each for every path."""
    return torch.cat([part for weight, bias in layers for part in (weight.flatten(-2), bias)], -1)


def moved(layers: Layers, step_P: Tensor) -> list[Layer]:
    """The network with a step added to all its parameters."""
    sizes = [part.numel() for layer in layers for part in layer]
    parts = iter(torch.split(step_P, sizes))
    return [Layer(*(part + next(parts).view_as(part) for part in layer)) for layer in layers]


def voltages(layers: Layers, x_I: Tensor, fire: Fire, paths: int) -> list[Tensor]:
    """u of every layer on every path, [B, N] each; `fire` gives what the hidden units are."""
    h_BM, found = x_I.expand(paths, -1), []
    for index, (weight, bias) in enumerate(layers):
        u_BN = (weight @ h_BM[..., None])[..., 0] + bias
        found.append(u_BN)
        if index + 1 < len(layers):
            h_BM = fire(u_BN, index)
    return found


def patterns(layers: Layers) -> list[Tensor]:
    """All paths: for each hidden layer what its units are on each of them, [2^H, N]. Refuses more than 2^16 paths."""
    widths = [len(layer.bias) for layer in layers[:-1]]
    hidden = sum(widths)
    right = f"times depth must be at most {MOST_HIDDEN}, since all patterns are tried"
    require(hidden <= MOST_HIDDEN, "width", max(widths, default=0), right)
    bits = torch.arange(2**hidden)[:, None] >> torch.arange(hidden) & 1
    return list(torch.split(bits.double(), widths, dim=1))


def log_likelihood(layers: Layers, x_I: Tensor, path: Sequence[Tensor], steepness: float) -> Tensor:
    """The log-probability of each path, [B]."""
    u = voltages(layers, x_I, lambda _, index: path[index], _paths(path))
    total = u[-1].new_zeros(len(u[-1]))
    for u_BN, fired_BN in zip(u, path, strict=False):
        total = total + logsigmoid(steepness * u_BN * (2 * fired_BN - 1)).sum(1)
    return total


def expectation(layers: Layers, x_I: Tensor, steepness: float, of: Callable[[Tensor], Tensor]) -> Tensor:
    """The mean of a function of the output unit's voltage over all paths, differentiable in the parameters."""
    path = patterns(layers)
    u = voltages(layers, x_I, lambda _, index: path[index], _paths(path))
    return (log_likelihood(layers, x_I, path, steepness).exp() * of(u[-1][:, 0])).sum()


def expected_output(layers: Layers, x_I: Tensor, steepness: float) -> Tensor:
    """E[y]: over every hidden pattern, its probability times that of the output."""
    return expectation(layers, x_I, steepness, lambda u: probability(u, steepness))


def undecided(layers: Layers, x_I: Tensor, steepness: float, generator: torch.Generator) -> list[Layer]:
    """The network with an output bias such that the output's mean voltage is a draw from N(0, 1 / beta^2).

    Of a network whose output is certain there is no derivative to be estimated.
    """
    *hidden, (weight, bias) = layers
    target = torch.randn(1, generator=generator, dtype=bias.dtype) / steepness
    return [*hidden, Layer(weight, bias + target - expectation(layers, x_I, steepness, lambda u: u))]


def exact_gradient(layers: Layers, x_I: Tensor, steepness: float) -> Tensor:
    """d E[y] / d parameters, [P]."""
    leaves = [Layer(*(part.clone().requires_grad_() for part in layer)) for layer in layers]
    return _gradient(expected_output(leaves, x_I, steepness), leaves)


def surrogate_gradient(layers: Layers, x_I: Tensor, psi: Slope, noise: Sequence[Tensor]) -> Tensor:
    """The SG of y on each path, [B, P], by autograd through the spikes that training uses (Eq. 3 in every layer).

    noise: thresholds of the hidden units, [B, N] for each layer; 0 is the deterministic network, and -inf or inf forces
    a unit to fire or to be silent.
    """
    leaves = _for_each_path(layers, _paths(noise))
    u = voltages(leaves, x_I, lambda u_BN, index: spike(u_BN, psi, noise[index]), len(leaves[0].bias))
    return _gradient(spike(u[-1], psi).sum(), leaves)


def forced(path: Sequence[Tensor]) -> list[Tensor]:
    """Thresholds that force the hidden units onto given paths."""
    return [torch.where(fired_BN > 0, -torch.inf, torch.inf) for fired_BN in path]


def smoothed_derivative(layers: Layers, x_I: Tensor, path: Sequence[Tensor], steepness: float) -> Tensor:
    """The smoothed stochastic derivative on given paths, [B, P]: the chain of d E[h_l | h_{l-1}] along each of them."""
    leaves = _for_each_path(layers, _paths(path))

    def expect(u_BN: Tensor, index: int) -> Tensor:  # has the value that was drawn, and the slope of its expectation
        p_BN = probability(u_BN, steepness)
        return path[index] + p_BN - p_BN.detach()

    u = voltages(leaves, x_I, expect, len(leaves[0].bias))
    return _gradient(probability(u[-1], steepness).sum(), leaves)


def score_function(layers: Layers, x_I: Tensor, path: Sequence[Tensor], y_B: Tensor, steepness: float) -> Tensor:
    """y times the gradient of the log-probability of path and output, [B, P]: unbiased, and of large variance."""
    leaves = _for_each_path(layers, len(y_B))
    outcome = log_likelihood(leaves, x_I, [*path, y_B[:, None]], steepness)
    return _gradient((y_B * outcome).sum(), leaves)


def sample(
    layers: Layers, x_I: Tensor, steepness: float, trials: int, generator: torch.Generator
) -> tuple[list[Tensor], Tensor]:
    """Hidden units and output of so many trials: [B, N] for each layer, and [B]."""
    path: list[Tensor] = []

    def fire(u_BN: Tensor, _: int) -> Tensor:
        path.append(torch.bernoulli(probability(u_BN, steepness), generator=generator))
        return path[-1]

    u = voltages(layers, x_I, fire, trials)
    return path, torch.bernoulli(probability(u[-1][:, 0], steepness), generator=generator)


def _paths(path: Sequence[Tensor]) -> int:
    """How many paths are given; the one of a network without hidden layers is empty."""
    return len(path[0]) if path else 1


def _for_each_path(layers: Layers, paths: int) -> list[Layer]:
    return [Layer(*(part.expand(paths, *part.shape).clone().requires_grad_() for part in layer)) for layer in layers]


def _gradient(value: Tensor, leaves: Layers) -> Tensor:
    gradients = iter(torch.autograd.grad(value, [part for layer in leaves for part in layer]))
    return flat([Layer(next(gradients), next(gradients)) for _ in leaves])
