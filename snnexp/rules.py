"""Two ways down the L2 distance of an output's spike trains from a target, in a network of one hidden layer.

Shapes: T steps, B trials, I inputs, H hidden neurons, O output neurons.
"""

from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from snnexp.errors import OptionError, require
from snnexp.layers import Layer
from snnexp.neurons.cuba_lif import CubaLIF
from snnexp.spike_trains import filtered, filtered_back


class Descent(NamedTuple):
    """What the trials gave: their spikes, and which way the weights are to go, the mean over the trials.

    hidden, output: spikes [T, B, H] and [T, B, O].  hidden_step, output_step: minus the gradient with respect to the
    projections [H, I] and [O, H], or what the rule has in its place, of 1/2 sum_{t,o} (S - z)^2.
    """

    hidden: Tensor
    output: Tensor
    hidden_step: Tensor
    output_step: Tensor


class Rule(Protocol):
    def __call__(self, hidden: Layer, output: Layer, x_TBI: Tensor, target_TO: Tensor) -> Descent: ...


@torch.no_grad()
def three_factor(hidden: Layer, output: Layer, x_TBI: Tensor, target_TO: Tensor, lead: int = 0) -> Descent:
    """Error times presynaptic trace, and for hidden neurons times the surrogate; all resets are left out.

        e_o = (z_o - S_o) psi(u_o),    P = eps * S        (eps: the potential that a spike makes, without resets)
        dW_oh = sum_t e_o P_h,         dW_hi = sum_t (sum_o W_oh e_o) (eps * (psi(u_h) P_i))

    Every factor is at its synapse when it is needed, so the rule can run online. The last sum is taken here with the
    eps, reversed in time, on the error: that is the same number, without a trace for each synapse.
    Where no neuron is reset this is the gradient, as `back_propagation` has it; a reset would cut the traces.
    lead: steps by which that eps is early. With 1, as in the code, it blames a hidden neuron for errors of the step
    before its spike can reach the output's voltage.
    Source: the code of Gygax & Zenke 2025, after Gardner, Sporea & Gruening 2015. The last eps has unit area there, so
    a learning rate of theirs for the hidden layer has to be multiplied by their eps over this one.
    """
    require(lead >= 0, "lead", lead, "must not be negative")
    below = hidden(x_TBI, record=("u",))
    above = output(below.spikes, record=("u",))
    steps = len(x_TBI)
    error_TBO = (target_TO.unsqueeze(1) - above.spikes) * output.psi(above.trace["u"])
    blame_TBH = filtered_back(error_TBO, potential(output, steps + lead)[lead:]) @ output.projection
    seen_TBI = filtered(x_TBI, potential(hidden, steps))
    heard_TBH = filtered(below.spikes, potential(output, steps))
    hidden_HI = torch.tensordot(blame_TBH * hidden.psi(below.trace["u"]), seen_TBI, ([0, 1], [0, 1]))
    output_OH = torch.tensordot(error_TBO, heard_TBH, ([0, 1], [0, 1]))
    trials = x_TBI.shape[1]
    return Descent(below.spikes, above.spikes, hidden_HI / trials, output_OH / trials)


def back_propagation(hidden: Layer, output: Layer, x_TBI: Tensor, target_TO: Tensor) -> Descent:
    """Back-propagation through time, with the surrogates of the layers; through resets where the neurons do so."""
    below = hidden(x_TBI)
    above = output(below.spikes)
    loss = (above.spikes - target_TO.unsqueeze(1)).square().sum((0, 2)).mean() / 2
    hidden_HI, output_OH = torch.autograd.grad(loss, (hidden.projection, output.projection))
    return Descent(below.spikes.detach(), above.spikes.detach(), -hidden_HI, -output_OH)


def potential(layer: Layer, steps: int) -> Tensor:
    """The potential k steps after an input of 1, in a neuron that never fires, [K]; by the equations of `CubaLIF`.

    Raises `OptionError` for other neurons, and for decays that differ within the layer.
    """
    membrane, synaptic = decays(layer)
    v, i, eps = 0.0, 1.0, []
    for _ in range(steps):
        eps.append(v)
        v, i = membrane * v + (1 - membrane) * i, synaptic * i
    return torch.tensor(eps, dtype=torch.float64)


def decays(layer: Layer) -> tuple[float, float]:
    """The decays per step of membrane and synapse, of all neurons of a layer; raises as `potential` does."""
    if not isinstance(layer.neuron, CubaLIF):
        raise OptionError("neuron", type(layer.neuron).__name__, "has no synaptic current; take neuron=cuba_lif")
    synaptic_N, membrane_N, _ = layer.neuron.constants()
    for option, values_N in {"membrane_decay": membrane_N, "synaptic_decay": synaptic_N}.items():
        if values_N.min() < values_N.max():
            raise OptionError(option, "drawn", "must be the same for all neurons here; take sd=0")
    return membrane_N[0].item(), synaptic_N[0].item()
