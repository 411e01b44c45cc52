"""The initialisation that carries the variance of the voltage through deep networks."""

from enum import StrEnum

from torch import Tensor

from snnexp.chains import stable_threshold
from snnexp.errors import choice
from snnexp.init.promise import Inputs, Moments, Promise
from snnexp.init.weights import fan_in, glorot_uniform, normal, threshold, write
from snnexp.layers import Layer
from snnexp.moments import firing_probability
from snnexp.network import Network


class FirstLayer(StrEnum):
    """What the first layer is taken to receive: spikes like every other, or real inputs of variance 1."""

    PAPER = "paper"
    ANALOG = "analog"


def propagation(network: Network, inputs: Inputs, first_layer: str = "paper") -> list[Promise]:
    """Normal weights of variance 1 / (n P) with P = Q(theta): a voltage of variance 1 makes the next one's variance 1.

    theta is the layer's own threshold (its mean), in units in which the voltage has variance 1; an output layer that
    never fires takes the one of the last hidden layer, whose spikes it sums. With threshold 0 the rule is Kaiming's.
    Recurrences, of which the paper has none, are written by Glorot.
    first_layer: `paper`, as every other; `analog`, N(0, 1/n), which keeps the variance of real inputs.

    A threshold of 1.1906 and above is noted: a variance of 1 does not keep itself there. (The paper claims thresholds
    up to 1.) Source: Micheli et al. 2024, Eqs. 10 and 12.
    """
    first = choice(FirstLayer, "first_layer", first_layer)
    last = network.hidden[-1]

    def writer(weight: Tensor, layer: Layer) -> Moments:
        if first is FirstLayer.ANALOG and layer is network.hidden[0]:
            return normal(weight, 1 / fan_in(weight))
        return normal(weight, 1 / (fan_in(weight) * firing_probability(threshold(layer))))

    def output(weight: Tensor, layer: Layer) -> Moments:
        return normal(weight, 1 / (fan_in(weight) * firing_probability(threshold(last))))

    promises = write(network, writer, glorot_uniform, output)
    return [
        promise._replace(notes=_beyond(threshold(layer)))
        for promise, layer in zip(promises, network.hidden, strict=True)
    ]


def _beyond(theta: float) -> tuple[str, ...]:
    bound = stable_threshold()
    if theta < bound:
        return ()
    return (
        f"threshold {theta:.4g} is beyond the stable range of init=propagation, below {bound:.4f}: "
        "the variance of the voltage will not stay at 1",
    )
