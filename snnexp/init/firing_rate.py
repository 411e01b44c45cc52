"""The firing rate before training: constant currents that are trained to it, on the task's own inputs."""

from collections.abc import Sequence

import torch
from torch import Tensor

from snnexp.errors import OptionError, UserError, require
from snnexp.init.classic import glorot
from snnexp.init.promise import Initialisation, Inputs, Promise
from snnexp.layers import Layer
from snnexp.network import Network


def firing_rate(
    network: Network,
    inputs: Inputs,
    target: float = 0.1,
    epochs: int = 15,
    lr: float = 1e-3,
    weights: Initialisation = glorot,
) -> list[Promise]:
    """Weights by another rule, then constant currents that let every hidden layer fire at a target rate.

    Only the currents b of the neurons (`neuron.current`; `network.bias` where there is none) are trained, with Adam, on
    sum_l (mean rate_l - target)^2. Whether they are learnable later is the neuron's own affair.

    target: spikes per neuron and step; .01 .1 .3 .5 .7 .9 .99 in the paper.  epochs: passes over the training inputs.
    weights: the rule that writes all weights first.  The surrogate's dampening and sharpness are 1 meanwhile: they are
    set after the weights, from which they may be computed.

    Returns what `weights` promises, and the rate that each layer has reached, without dropout. A target is not always
    reached: a `post` reset stays below 1/2.
    Raises `OptionError` for neurons without a current, `UserError` where there are no data.
    Source: Herranz-Celotti & Rouat 2024, Sec. on the initial firing rate; their code LuCeHe/lif_stability.
    """
    require(0 < target < 1, "target", target, "a firing rate per step, must lie between 0 and 1")
    require(epochs > 0, "epochs", epochs, "must be at least 1")
    require(lr > 0, "lr", lr, "must be greater than 0")
    promises = weights(network, inputs)
    currents = [_current(layer) for layer in network.hidden]
    before = [current.requires_grad for current in currents]
    for current in currents:
        current.requires_grad_()
    optimizer = torch.optim.Adam(currents, lr=lr)
    for _ in range(epochs):
        for x_TBI in inputs.train_inputs():
            with torch.enable_grad():
                rates = [spikes.mean() for spikes in _fired(network, x_TBI)]
                loss = torch.stack([(rate - target).square() for rate in rates]).sum()
            for current, gradient in zip(currents, torch.autograd.grad(loss, currents), strict=True):
                current.grad = gradient
            optimizer.step()
    for current, learnable in zip(currents, before, strict=True):
        current.grad = None
        current.requires_grad_(learnable)
    reached = measured(network, inputs)
    return [
        (promise or Promise())._replace(
            firing_rate=rate, notes=(f"firing rate {rate:.3g} for a target of {target:g}, after {epochs} epochs",)
        )
        for promise, rate in zip(promises, reached, strict=True)
    ]


@torch.no_grad()
def measured(network: Network, inputs: Inputs) -> Sequence[float]:
    """The firing rate of every hidden layer over the training inputs, without dropout."""
    training = network.training
    network.eval()
    sums, samples = torch.zeros(len(network.hidden), dtype=torch.float64), 0
    for x_TBI in inputs.train_inputs():
        sums += x_TBI.shape[1] * torch.stack([spikes.double().mean() for spikes in _fired(network, x_TBI)])
        samples += x_TBI.shape[1]
    network.train(training)
    if not samples:
        raise UserError("init=firing_rate measures the training inputs, and here are none")
    rates: list[float] = (sums / samples).tolist()
    return rates


def _fired(network: Network, x_TBI: Tensor) -> list[Tensor]:
    """The spikes of every hidden layer."""
    return [output.spikes for output in network.of_hidden(network(x_TBI))]


def _current(layer: Layer) -> Tensor:
    current = getattr(layer.neuron, "current", None)
    raw: Tensor | None = layer.bias if current is None else current.raw
    if raw is None:
        kind = type(layer.neuron).__name__
        right = "init=firing_rate trains a constant current: give neuron.current (lif, alif), or network.bias=true"
        raise OptionError("neuron", f"{kind} without a current", right)
    return raw
