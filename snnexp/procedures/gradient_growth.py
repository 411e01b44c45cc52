"""How a perturbation of the voltage grows through time, on real inputs, beside what the stability theory predicts.

Shapes: T time, B batch, I inputs, N neurons, K steps that a perturbation is followed, with the one at which it is
made; P perturbations of a sample.
"""

from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.nn import functional

from snnexp import stability
from snnexp.conditions import covered
from snnexp.errors import require
from snnexp.layers import Layer
from snnexp.network import Dense
from snnexp.procedures import curves, inputs
from snnexp.procedures.inputs import TrainInputs
from snnexp.sharpness import Stability, surrogate_moments
from snnexp.stability import Moments
from snnexp.unroll import unroll


class Parts(Protocol):
    @property
    def network(self) -> Dense: ...
    @property
    def data(self) -> TrainInputs: ...


def gradient_growth(
    parts: Parts,
    folder: Path,
    ledger: object,
    samples: int = 32,
    directions: int = 8,
    start: int = 5,
    steps: int = 20,
) -> dict[str, Any]:
    """Perturb all voltages of a step by +1 or -1, and follow the derivative of the later ones.

    samples: of the training set.  directions: random perturbations of each.  start: the step that is perturbed, from 0.
    steps: for how many it is followed.

    Curves over `lag`, the steps since the perturbation, for layer l, relative to lag 0:

        maximum/l             largest derivative, over samples, directions and neurons
        maximum/l/predicted   worst case, the recursion of condition III: `stability.greatest_growth`
        variance/l            mean square derivative
        variance/l/predicted  the recursion of condition IV with the moments of psi at the voltages that occur
        variance/l/uniform    the same with voltages as the theory takes them, uniform between their extremes

    The metrics of these names are the growth per step, a geometric mean. Layers are taken one by one: the perturbation
    stays in its layer. (A post-reset neuron that has just spiked cannot be perturbed: it is at 0.)
    Raises `OptionError` for neurons other than lif and for layers without recurrence.
    Source: Herranz-Celotti & Rouat, Lemmas 3 and 4.
    """
    require(directions > 0, "directions", directions, "must be at least 1")
    network = parts.network.double().eval()
    with torch.no_grad():
        x_TBI = network.received(inputs.first(parts.data, samples)).double()
    require(steps > 0, "steps", steps, "must be at least 1")
    right = f"there are {len(x_TBI)} steps, of which {steps} are to follow"
    require(0 <= start < len(x_TBI) - steps, "start", start, right)
    lag = torch.arange(steps + 1, dtype=torch.float64)
    kept, metrics = {"lag": lag}, {}
    for index, layer in enumerate(network.hidden):
        covered(layer, "procedure=gradient_growth")
        with torch.no_grad():
            before = layer(x_TBI[:start]).state if start else None
        moved_KBN, u_KBN = perturbed(layer, x_TBI[start : start + steps + 1], before, directions)
        with torch.no_grad():
            measured = {"maximum": moved_KBN.abs().amax((1, 2)), "variance": moved_KBN.square().mean((1, 2))}
            for name, curve in measured.items():
                curve = curve / curve[0]
                kept[f"{name}/{index}"] = curve
                metrics[f"{name}/{index}"] = curve[-1].item() ** (1 / steps)
            for name, growth in predicted(layer, u_KBN[:-1]).items():
                kept[name.format(index)] = growth**lag
                metrics[name.format(index)] = growth
            x_TBI = layer(x_TBI).spikes
    curves.save(folder, kept)
    return {"status": "finished", "metrics": metrics}


def perturbed(layer: Layer, x_KBI: Tensor, before: Any, directions: int) -> tuple[Tensor, Tensor]:
    """dv_k/dv_0 d for random signs d, [K, P * B, N], and the centred voltages, of the same shape.

    before: the layer's state before the first step. The derivative is the one that training uses, surrogates and all:
    forward through time by two reverse passes, since the reverse pass is linear in what it is given.
    """
    currents_KBN = functional.linear(x_KBI, layer.projection, layer.bias).detach().repeat(1, directions, 1)
    currents_KBN.requires_grad_()
    if before is not None:
        before = type(before)(*(field_BN.repeat(directions, 1) for field_BN in before))
    trace = unroll(
        layer.neuron,
        currents_KBN,
        layer.recurrence,
        layer.psi,
        before,
        noise_TBN=None if layer.escape is None else layer.escape(currents_KBN),
        detach_recurrent=layer.detach_recurrent,
        record=("v", "u"),
    ).trace
    given_KBN = torch.zeros_like(currents_KBN, requires_grad=True)
    (back_KBN,) = torch.autograd.grad(trace["v"], currents_KBN, given_KBN, create_graph=True)
    signs_KBN = torch.zeros_like(currents_KBN)
    signs_KBN[0] = torch.randint(2, currents_KBN[0].shape).to(currents_KBN) * 2 - 1
    (moved_KBN,) = torch.autograd.grad(back_KBN, given_KBN, signs_KBN)
    return moved_KBN, trace["u"].detach()


def predicted(layer: Layer, u_KBN: Tensor) -> dict[str, float]:
    """Growth per step by the theory's recursions, without what comes from the layer below; u: voltages that occur."""
    neuron, recurrence_NN = covered(layer, "procedure=gradient_growth")
    alpha_N = neuron.constants().alpha
    demand, voltage = Stability().question(layer, None)
    psi_KBN = layer.psi(u_KBN)
    occurring = Moments(psi_KBN.mean(), psi_KBN.square().mean())

    def variance(moments: Moments) -> float:
        return stability.variance_growth(demand, moments, neuron.reset).mean().item()

    peak_N = layer.psi(torch.zeros_like(alpha_N))
    return {
        "maximum/{}/predicted": stability.greatest_growth(alpha_N, recurrence_NN, peak_N).item(),
        "variance/{}/predicted": variance(occurring),
        "variance/{}/uniform": variance(surrogate_moments(layer, voltage)),
    }
