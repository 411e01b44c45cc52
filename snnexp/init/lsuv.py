"""Layer-sequential unit variance: weights that are scaled until voltages fluctuate as they should, on real inputs."""

import torch
from torch import Tensor

from snnexp.errors import OptionError, UserError, require
from snnexp.init.classic import orthogonal
from snnexp.init.promise import Inputs, Promise
from snnexp.network import Network

# Shapes: T time, B batch, N neurons.


@torch.no_grad()
def lsuv(
    network: Network,
    inputs: Inputs,
    mean: float = 0.0,
    variance: float = 1.0,
    samples: int = 32,
    rounds: int = 50,
) -> list[Promise]:
    """Orthogonal weights, scaled from the first layer to the last until the centred voltage u has a given variance.

    W is divided by the standard deviation that is found, and the bias, where a layer has one, lowered by half of how
    far the mean is off, again and again until the variance is within .1 of what is asked for and the mean within .2.
    Moments are over steps, neurons and samples of the first training batch; of neurons that are pooled, the greatest u
    counts. The output layer, if it learns, stays orthogonal.

    samples: of that batch, at most.  rounds: at most, a layer.
    Raises `OptionError` for neurons without u and for recurrent layers, whose voltages jump instead of growing with W;
    `UserError` where a layer's voltages do not come there.
    Source: Mishkin & Matas 2016; for spiking neurons nmi-lab/decolle-public, with which Herranz-Celotti & Rouat start
    (there u is that of the last step alone).
    """
    require(variance > 0, "variance", variance, "must be greater than 0")
    require(samples > 0, "samples", samples, "must be at least 1")
    require(rounds > 0, "rounds", rounds, "must be at least 1")
    feed_forward = all(layer.recurrent_weight is None for layer in network.hidden)
    require(feed_forward, "network.recurrent", True, "init=lsuv scales feed-forward layers only; take false")
    orthogonal(network, inputs)
    x_TBI = next(iter(inputs.train_inputs()))[:, :samples]
    training = network.training
    network.eval()
    found = [_settle(network, index, x_TBI, mean, variance, rounds) for index in range(len(network.hidden))]
    network.train(training)
    return [Promise(notes=(words,)) for words in found]


def _settle(network: Network, index: int, x_TBI: Tensor, mean: float, variance: float, rounds: int) -> str:
    """Scale one layer, those below being done; what came of it, in words."""
    layer = network.hidden[index]
    for done in range(rounds + 1):
        found, centre = _voltage(network, index, x_TBI)
        wide, aside = abs(found - variance) > 0.1, layer.bias is not None and abs(centre - mean) > 0.2
        reached = f"voltage {centre:.3g} with variance {found:.3g} after {done} rounds"
        if not wide and not aside:
            return reached
        if wide and found > 0:
            layer.projection.mul_((variance / found) ** 0.5)
        if aside and layer.bias is not None:
            layer.bias.sub_(0.5 * (centre - mean))
    raise UserError(f"init=lsuv: layer {index} has a {reached}; {mean:g} with variance {variance:g} was asked for")


def _voltage(network: Network, index: int, x_TBI: Tensor) -> tuple[float, float]:
    """Variance and mean of u."""
    layer = network.hidden[index]
    if not layer.spiking:
        raise OptionError(
            "neuron", type(layer.neuron).__name__, "has no voltage at threshold, which init=lsuv measures"
        )
    u_TBN = network.of_hidden(network(x_TBI, record=("u",)))[index].trace["u"]
    u = layer.send(u_TBN)
    return u.var(correction=0).item(), u.mean().item()
