"""The weights and surrogate scales of a network before training, and a report on them."""

from typing import NamedTuple

import torch
from torch import Tensor

from snnexp.dampening import Dampening
from snnexp.init.promise import Initialisation, Inputs, Promise
from snnexp.layers import Layer
from snnexp.network import Network
from snnexp.sharpness import Sharpness


class LayerReport(NamedTuple):
    """What the theory predicted for a hidden layer, and what was done.

    dampening, sharpness: means over the neurons, as used, in the surrogate's units.  q: the tail fatness with which the
    q-PseudoSpike would meet condition IV.  mean, variance: of a recurrent weight, as promised by the initialisation;
    projection_...: of an input weight; realised_...: of the weights drawn.  input_rate: of the layer's inputs, with
    which the initialisation reckoned; firing_rate: of its neurons, measured after it; both in spikes per step.
    residual: of condition IV at the sharpness used.  feasible: whether III and IV could be met; None where they were
    not asked for.
    """

    layer: int
    dampening: float | None
    sharpness: float | None
    q: float | None
    projection_mean: float | None
    projection_variance: float | None
    realised_projection_mean: float
    realised_projection_variance: float
    mean: float | None
    variance: float | None
    realised_mean: float | None
    realised_variance: float | None
    input_rate: float | None
    firing_rate: float | None
    residual: float | None
    feasible: bool | None
    notes: tuple[str, ...]


@torch.no_grad()
def initialise(
    network: Network, inputs: Inputs, init: Initialisation, dampening: Dampening, sharpness: Sharpness
) -> list[LayerReport]:
    """Write the weights, then the scale of every surrogate, and report on the hidden layers."""
    promised = init(network, inputs)
    hidden = network.hidden
    scaled = [module for module in network.modules() if isinstance(module, Layer) and module.surrogate is not None]
    for layer in scaled:
        sharpness.prepare(layer)
        dampening.prepare(layer)
    gammas, betas = dampening(hidden), sharpness(hidden)
    reports = []
    for index, (layer, given, gamma, beta) in enumerate(zip(hidden, promised, gammas, betas, strict=True)):
        promise = given or Promise()
        weights, projection = off_diagonal(layer), layer.projection.detach()
        asked = [outcome for outcome in (gamma, beta) if outcome is not None]
        reports.append(
            LayerReport(
                layer=index,
                dampening=layer.dampening.mean().item() if layer.spiking else None,
                sharpness=layer.sharpness.mean().item() if layer.spiking else None,
                q=beta.q if beta is not None else None,
                projection_mean=promise.projection.mean if promise.projection else None,
                projection_variance=promise.projection.variance if promise.projection else None,
                realised_projection_mean=projection.mean().item(),
                realised_projection_variance=projection.var().item(),
                mean=promise.recurrence.mean if promise.recurrence else None,
                variance=promise.recurrence.variance if promise.recurrence else None,
                realised_mean=weights.mean().item() if weights is not None else None,
                realised_variance=weights.var().item() if weights is not None else None,
                input_rate=promise.input_rate,
                firing_rate=promise.firing_rate,
                residual=beta.residual if beta is not None else None,
                feasible=all(outcome.feasible for outcome in asked) if asked else None,
                notes=(*promise.notes, *(outcome.note for outcome in asked if outcome.note)),
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
