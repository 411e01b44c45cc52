"""What the stability theory says of every layer of a network that has just been initialised."""

import math
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from snnexp import stability
from snnexp.dampening import Stability as Dampening
from snnexp.init import Initialisation, Inputs, off_diagonal
from snnexp.layers import Layer
from snnexp.network import Dense, Shown
from snnexp.procedures import curves
from snnexp.sharpness import Stability as Sharpness
from snnexp.stability import Bounds, Demand
from snnexp.surrogates import Shape

# Shapes: N neurons, S sharpnesses of the grid.

GRID = 31  # points of the curves


class Parts(Protocol):
    @property
    def network(self) -> Dense: ...
    @property
    def data(self) -> Inputs: ...


@torch.no_grad()
def predict(
    parts: Parts,
    folder: Path,
    ledger: object,
    weights: Initialisation,
    dampening: Dampening,
    sharpness: Sharpness,
    tail_bracket: tuple[float, float] = (1.001, 1e3),
) -> dict[str, Any]:
    """Evaluate conditions I-IV on the network as `init` has made it, and apply none of them.

    weights: what conditions I and II would draw.  dampening, sharpness: conditions III and IV, in their variants; what
    these do where there is no solution does not count here.  tail_bracket: where the q of the q-PseudoSpike is sought.

    Metrics of layer l, means over its neurons:

        I/mean/l, II/variance/l           of a recurrent weight, as promised;  drawn/mean/l, drawn/variance/l as it is
        III/dampening/l, III/feasible/l   gamma, and the share of neurons in which it is above 0
        IV/demanded/l                     the E[psi^2] that condition IV asks for
        IV/sharpness/l, IV/q/l            the beta and the q that meet it with gamma = 1 (and for q, beta = 1)
        III-IV/sharpness/l                the beta that meets it with the gamma of III

    and with each of the last three names also .../residual/l and .../feasible/l: left minus right side of IV, and the
    share of neurons with a root. Where there is none, the value is the end of the bracket that comes nearest.
    Curves over the bracket of the sharpness: second_moment/l, E[psi^2] with gamma = 1; second_moment/l/III with the
    gamma of III; demanded/l.
    Raises `OptionError` for neurons other than lif, for layers without recurrence, and where condition II asks for a
    negative variance.
    """
    network = parts.network
    other = deepcopy(network)
    promised = weights(other, Shown(other, parts.data))
    peaks = dampening.peaks(network.hidden)
    metrics: dict[str, float] = {}
    least, most = (math.log10(end) for end in sharpness.bracket)
    grid_S = torch.logspace(least, most, GRID, dtype=torch.float64)
    kept = {"sharpness": grid_S}
    below: Layer | None = None
    for index, (layer, promise, peak) in enumerate(zip(network.hidden, promised, peaks, strict=True)):
        moments = promise.recurrence if promise else None
        assert moments is not None  # conditions III and IV, asked before, cover recurrent layers only
        drawn = off_diagonal(layer)
        assert drawn is not None
        demand, voltage = sharpness.question(layer, below)
        found = {
            "I/mean": moments.mean,
            "II/variance": moments.variance,
            "drawn/mean": drawn.mean().item(),
            "drawn/variance": drawn.var().item(),
            "III/dampening": peak.mean().item(),
            "III/feasible": (peak > 0).double().mean().item(),
            "IV/demanded": demand.second_moment(0.0).mean().item(),
            **_roots(layer, demand, voltage, peak, sharpness.bracket, tail_bracket),
        }
        metrics |= {f"{name}/{index}": value for name, value in found.items()}
        squares_SN = torch.stack([stability.moments(_shape(layer), voltage, 1.0, beta).second for beta in grid_S])
        kept[f"second_moment/{index}"] = squares_SN.mean(1)
        kept[f"second_moment/{index}/III"] = (squares_SN * peak.square()).mean(1)
        kept[f"demanded/{index}"] = torch.full_like(grid_S, found["IV/demanded"])
        below = layer
    curves.save(folder, kept)
    return {"status": "finished", "metrics": metrics}


def _shape(layer: Layer) -> Shape:
    assert layer.surrogate is not None
    return layer.surrogate.shape


def _roots(
    layer: Layer, demand: Demand, voltage: Bounds, peak: Tensor, bracket: Sequence[float], tail_bracket: Sequence[float]
) -> dict[str, float]:
    """What meets condition IV in a layer."""
    (low, high), (least, most) = bracket, tail_bracket
    roots = {
        "IV/sharpness": stability.sharpness(demand, _shape(layer), voltage, 1.0, (low, high)),
        "IV/q": stability.tail(demand, voltage, bracket=(least, most)),
        "III-IV/sharpness": stability.sharpness(demand, _shape(layer), voltage, peak, (low, high)),
    }
    found: dict[str, float] = {}
    for name, root in roots.items():
        found[name] = root.value.mean().item()
        found[f"{name}/residual"] = root.residual.mean().item()
        found[f"{name}/feasible"] = root.feasible.double().mean().item()
    return found
