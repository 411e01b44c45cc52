"""What weights, dampening and sharpness are before training.

An initialisation is a function of the network and of the training inputs that writes all weights. Where a paper's
theory says which mean and variance the recurrent weights then have, it returns these, layer by layer.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor, nn

from snnexp.conditions import covered
from snnexp.dampening import Dampening
from snnexp.errors import OptionError, choice
from snnexp.layers import Layer, LinearOutput
from snnexp.network import Dense
from snnexp.sharpness import Sharpness
from snnexp.stability import Formula, recurrent_mean, recurrent_variance

# Shapes: N neurons, G pre-activations (gates x N).


class Inputs(Protocol):
    """What an initialisation may ask of the training set."""

    def input_moments(self) -> tuple[float, float]:
        """Mean and mean square of the network's input over training samples, steps and channels."""
        ...


class Moments(NamedTuple):
    """Mean and variance of one recurrent weight, as promised."""

    mean: float
    variance: float


Initialisation = Callable[[Dense, Inputs], list[Moments | None]]


class LayerReport(NamedTuple):
    """What the theory predicted for a hidden layer, and what was done.

    dampening, sharpness: means over the neurons, as used, in the surrogate's units.  q: the tail fatness with which the
    q-PseudoSpike would meet condition IV.  mean, variance: of a recurrent weight, as promised by the initialisation;
    realised_...: of the weights drawn.  residual: of condition IV at the sharpness used.  feasible: whether III and IV
    could be met; None where they were not asked for.
    """

    layer: int
    dampening: float | None
    sharpness: float | None
    q: float | None
    mean: float | None
    variance: float | None
    realised_mean: float | None
    realised_variance: float | None
    residual: float | None
    feasible: bool | None
    notes: tuple[str, ...]


@torch.no_grad()
def initialise(
    network: Dense, inputs: Inputs, init: Initialisation, dampening: Dampening, sharpness: Sharpness
) -> list[LayerReport]:
    """Write the weights, then the scale of every surrogate, and report on the hidden layers."""
    promised = init(network, inputs)
    scaled = [module for module in network.modules() if isinstance(module, Layer) and module.surrogate is not None]
    for layer in scaled:
        sharpness.prepare(layer)
        dampening.prepare(layer)
    hidden = network.hidden
    gammas, betas = dampening(hidden), sharpness(hidden)
    reports = []
    for index, (layer, moments, gamma, beta) in enumerate(zip(hidden, promised, gammas, betas, strict=True)):
        weights = off_diagonal(layer)
        asked = [outcome.feasible for outcome in (gamma, beta) if outcome is not None]
        reports.append(
            LayerReport(
                layer=index,
                dampening=layer.dampening.mean().item() if layer.spiking else None,
                sharpness=layer.sharpness.mean().item() if layer.spiking else None,
                q=beta.q if beta is not None else None,
                mean=moments.mean if moments else None,
                variance=moments.variance if moments else None,
                realised_mean=weights.mean().item() if weights is not None else None,
                realised_variance=weights.var().item() if weights is not None else None,
                residual=beta.residual if beta is not None else None,
                feasible=all(asked) if asked else None,
                notes=tuple(outcome.note for outcome in (gamma, beta) if outcome is not None and outcome.note),
            )
        )
    return reports


def off_diagonal(layer: Layer) -> Tensor | None:
    """The recurrent weights that act, in a row."""
    if layer.recurrent_weight is None:
        return None
    if layer.mask is None:
        return layer.recurrent_weight.detach().flatten()
    return layer.recurrent_weight.detach()[layer.mask > 0]


def glorot(network: Dense, inputs: Inputs) -> list[Moments | None]:
    """Uniform weights of variance 2 / (fan_in + fan_out) in projections and recurrences, biases 0.

    Source: Glorot & Bengio 2010.
    """
    moments: list[Moments | None] = []
    for layer in [module for module in network.modules() if isinstance(module, Layer)]:
        nn.init.xavier_uniform_(layer.projection)
        if layer.recurrent_weight is not None:
            nn.init.xavier_uniform_(layer.recurrent_weight)
    if isinstance(network.output, LinearOutput):
        nn.init.xavier_uniform_(network.output.projection)
        nn.init.zeros_(network.output.bias)
    for layer in network.hidden:
        weights = layer.recurrent_weight
        moments.append(None if weights is None else Moments(0.0, 2 / sum(weights.shape)))
    return moments


def condition_I(network: Dense, inputs: Inputs, formula: str = "derived") -> list[Moments | None]:  # noqa: N802
    """Glorot weights, shifted so that the mean voltage of every layer is at threshold: condition I.

    The shift is each postsynaptic neuron's own, from its decay and threshold. formula: see `stability.recurrent_mean`.
    Raises `OptionError` for neurons other than lif and for layers without recurrence.
    """
    glorot(network, inputs)
    moments: list[Moments | None] = []
    for layer in network.hidden:
        mean_N = _mean(layer, choice(Formula, "formula", formula))
        weights_GN = recurrent(layer)
        weights_GN += mean_N.unsqueeze(1).to(weights_GN)
        moments.append(Moments(mean_N.mean().item(), 2 / sum(weights_GN.shape)))
    return moments


def condition_II(network: Dense, inputs: Inputs, formula: str = "derived") -> list[Moments | None]:  # noqa: N802
    """Glorot weights, the recurrent ones rescaled so that recurrence and input vary the voltage equally: condition II.

    Input statistics come from the training set; layers above the first see spikes of probability 1/2.
    formula: see `stability.recurrent_variance`. Raises `OptionError` for neurons other than lif and for layers without
    recurrence.
    """
    glorot(network, inputs)
    moments: list[Moments | None] = []
    for index, layer in enumerate(network.hidden):
        variance = _variance(layer, index, inputs, torch.zeros(()), choice(Formula, "formula", formula))
        weights_GN = recurrent(layer)
        weights_GN *= (variance.item() / (2 / sum(weights_GN.shape))) ** 0.5
        moments.append(Moments(0.0, variance.item()))
    return moments


def stability(network: Dense, inputs: Inputs, formula: str = "derived") -> list[Moments | None]:
    """Weights by conditions I and II: the mean voltage at threshold, recurrence and input of equal variance.

    The recurrent weights are uniform around condition I's mean, with the variance that condition II gives for it.
    Raises `OptionError` for neurons other than lif, for layers without recurrence, and where condition II asks for a
    negative variance. Source: Herranz-Celotti & Rouat, Lemmas 1 and 2, App. E.
    """
    glorot(network, inputs)
    kind = choice(Formula, "formula", formula)
    moments: list[Moments | None] = []
    for index, layer in enumerate(network.hidden):
        mean_N = _mean(layer, kind)
        variance_N = _variance(layer, index, inputs, mean_N, kind)
        weights_GN = recurrent(layer)
        weights_GN *= (variance_N.to(weights_GN) / (2 / sum(weights_GN.shape))).sqrt().unsqueeze(-1)
        weights_GN += mean_N.unsqueeze(1).to(weights_GN)
        moments.append(Moments(mean_N.mean().item(), variance_N.mean().item()))
    return moments


def recurrent(layer: Layer) -> Tensor:
    """The recurrent weights of a layer that conditions I and II speak of; raises `OptionError` for any other layer."""
    covered(layer, "init")
    assert layer.recurrent_weight is not None
    return layer.recurrent_weight.data


def _mean(layer: Layer, formula: Formula) -> Tensor:
    neuron, _ = covered(layer, "init")
    alpha, theta, _ = neuron.constants()
    return recurrent_mean(alpha, theta, layer.size, neuron.reset, formula)


def _variance(layer: Layer, index: int, inputs: Inputs, mean: Tensor, formula: Formula) -> Tensor:
    covered(layer, "init")
    second = inputs.input_moments()[1] if index == 0 else 0.5
    try:
        return recurrent_variance(
            layer.inputs, layer.size, second, 2 / sum(layer.projection.shape), mean, formula=formula
        )
    except OptionError as error:
        right = f"{error.right}; lower neuron.threshold, or widen layer {index}"
        raise OptionError(f"init=stability: mean recurrent weight of layer {index}", error.value, right) from None
