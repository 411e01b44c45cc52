"""Gradients of a small random binary network: exact, surrogate (averaged, on one path), score function, differences."""

import torch
from torch import Tensor
from torch.nn.functional import cosine_similarity

from snnexp.errors import require
from snnexp.estimators import binary
from snnexp.estimators.unit import Slope
from snnexp.procedures.analytic import Computed


def network(
    psi: Slope, steepness: float, inputs: int, width: int, depth: int, trials: int, epsilon: float, seed: int
) -> Computed:
    """A network of `depth` hidden layers (0: a single unit), drawn from the seed with its one input.

    Exact, by all hidden patterns: `sg/bias` and `sg/angle` compare the surrogate gradient, averaged over the paths,
    with the gradient of the expected output; `deterministic/bias` and `deterministic/angle` compare the one of the
    network without noise with that average: the selection bias. A bias is the norm of the difference as a share of the
    reference's norm, an angle is in degrees. `smoothed/error` is the largest difference, over paths and parameters,
    between the surrogate gradient and the smoothed stochastic derivative.

    Sampled, the derivative in one random direction: the `variance` of a single trial for the surrogate gradient, the
    score function, and differences between independent trials at +-epsilon; and how far the mean over the trials lies
    from the exact derivative, in standard errors (`/z`). `differences/bias` is exact.
    """
    require(trials > 1, "trials", trials, "must be at least 2")
    require(epsilon > 0, "epsilon", epsilon, "must be greater than 0")
    generator = torch.Generator().manual_seed(seed)
    x_I = torch.randn(inputs, generator=generator, dtype=torch.float64)
    layers = binary.undecided(binary.draw(inputs, width, depth, generator), x_I, steepness, generator)
    direction_P = torch.randn_like(binary.flat(layers), generator=generator)
    direction_P /= direction_P.norm()

    true_P = binary.exact_gradient(layers, x_I, steepness)
    path = binary.patterns(layers)
    sg_BP = binary.surrogate_gradient(layers, x_I, psi, binary.forced(path))
    mean_P = binary.log_likelihood(layers, x_I, path, steepness).exp() @ sg_BP
    single_P = binary.surrogate_gradient(layers, x_I, psi, [torch.zeros_like(part[:1]) for part in path])[0]
    smoothed_BP = binary.smoothed_derivative(layers, x_I, path, steepness)

    drawn, y_B = binary.sample(layers, x_I, steepness, trials, generator)
    beyond, before = (
        binary.sample(binary.moved(layers, sign * epsilon * direction_P), x_I, steepness, trials, generator)[1]
        for sign in (1, -1)
    )
    sampled = {
        "sg": binary.surrogate_gradient(layers, x_I, psi, binary.forced(drawn)).expand(trials, -1) @ direction_P,
        "score": binary.score_function(layers, x_I, drawn, y_B, steepness) @ direction_P,
        "differences": (beyond - before) / (2 * epsilon),
    }
    higher, lower = (
        binary.expected_output(binary.moved(layers, sign * epsilon * direction_P), x_I, steepness) for sign in (1, -1)
    )
    derivative = true_P @ direction_P
    metrics = {
        "sg/bias": _distance(mean_P, true_P),
        "sg/angle": _angle(mean_P, true_P),
        "deterministic/bias": _distance(single_P, mean_P),
        "deterministic/angle": _angle(single_P, mean_P),
        "smoothed/error": float((sg_BP - smoothed_BP).abs().max()),
        **{f"{name}/variance": float(trial.var()) for name, trial in sampled.items()},
        **{f"{name}/z": _standard_errors(trial, derivative) for name, trial in sampled.items()},
        "differences/bias": float(((higher - lower) / (2 * epsilon) - derivative).abs() / derivative.abs()),
    }
    order = true_P.argsort(descending=True)
    curves = {
        "parameter": torch.arange(1.0, len(order) + 1),
        "exact": true_P[order],
        "sg": mean_P[order],
        "deterministic": single_P[order],
    }
    return Computed(metrics, curves)


def _distance(found_P: Tensor, reference_P: Tensor) -> float:
    return float((found_P - reference_P).norm() / reference_P.norm())


def _angle(found_P: Tensor, reference_P: Tensor) -> float:
    cosine = cosine_similarity(found_P, reference_P, dim=0)
    return float(torch.rad2deg(cosine.clamp(-1, 1).acos()))


def _standard_errors(trial_B: Tensor, truth: Tensor) -> float:
    return float((trial_B.mean() - truth) / (trial_B.std() / len(trial_B) ** 0.5))
