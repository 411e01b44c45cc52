"""The surrogate as a curve, as the neurons of a network use it."""

from pathlib import Path
from typing import Any, Protocol

import torch

from snnexp.errors import OptionError, require
from snnexp.network import Dense
from snnexp.procedures import curves
from snnexp.sharpness import surrogate_moments
from snnexp.stability import Bounds

# Shapes: U voltages of the grid, N neurons.


class Parts(Protocol):
    @property
    def network(self) -> Dense: ...


@torch.no_grad()
def shapes(
    parts: Parts,
    folder: Path,
    ledger: object,
    voltages: tuple[float, float] = (0.0, 1.5),
    points: int = 301,
    reach: float = 1e6,
) -> dict[str, Any]:
    """Draw psi(u) of the first layer, with its dampening and sharpness, a mean over its neurons.

    voltages, points: the grid of centred voltages u that is drawn.
    reach: how far from threshold the integrals go, |u| <= reach.

    Metrics: `psi/peak` = psi(0), `psi/area` = integral of psi, `psi/area_of_square` = integral of psi^2. Dampening and
    sharpness 1 make the first 1 for every shape; and the second, but for the tails beyond the reach.
    Raises `OptionError` for a layer that has no surrogate, and for sharpness 0 (psi has no moments).
    """
    low, high = voltages
    require(low < high, "voltages", list(voltages), "must be [lowest, highest]")
    require(points > 1, "points", points, "must be at least 2")
    require(reach > 0, "reach", reach, "must be greater than 0")
    layer = parts.network.hidden[0]
    if layer.surrogate is None or not layer.spiking:
        raise OptionError("neuron", type(layer.neuron).__name__, "has no surrogate to draw; take a spiking neuron")
    u_U = torch.linspace(low, high, points, dtype=torch.float64)
    mean = surrogate_moments(layer, Bounds(torch.tensor([-reach]), torch.tensor([reach])))
    curves.save(folder, {"u": u_U, "psi": layer.psi(u_U[:, None].expand(-1, layer.size)).mean(1)})
    return {
        "status": "finished",
        "metrics": {
            "psi/peak": layer.surrogate.peak(layer.dampening, layer.sharpness).mean().item(),
            "psi/area": 2 * reach * mean.first.item(),
            "psi/area_of_square": 2 * reach * mean.second.item(),
        },
    }
