"""The net of five parameters over a plane of two: what the surrogate gradient integrates to depends on the way."""

from collections.abc import Sequence
from functools import partial

import torch

from snnexp.errors import require
from snnexp.estimators import five
from snnexp.estimators.integrals import primitives
from snnexp.estimators.unit import Slope, slope
from snnexp.procedures.analytic import Computed

SHOWN = 200  # points along each axis that are drawn, about


def landscape(
    psi: Slope,
    steepness: float,
    w: float,
    u: Sequence[float],
    at: Sequence[float],
    rate: float,
    reach: float = 2.0,
    points: int = 1001,
) -> Computed:
    """Output and integrated fields over v_1 and v_2 from -reach to reach, at given w and (u_1, u_2).

    `sg/dependence` and `true/dependence`: by how much at most two ways of integration differ, first along v_1 or first
    along v_2, as a share of the integral's range. `sg/error` and `true/error`: the root mean square difference of the
    first of them from the output, as a share of the output's range. The curves `arrow/` are one step of descent by the
    surrogate gradient with the given rate, from the point `at`.
    """
    require(len(u) == 2, "u", list(u), "must be u_1, u_2")
    require(len(at) == 2, "at", list(at), "must be v_1, v_2")
    axis = torch.linspace(-reach, reach, points, dtype=torch.float64)
    v_1, v_2 = torch.meshgrid(axis, axis, indexing="ij")
    p = torch.stack((torch.full_like(v_1, w), v_1, v_2, *(torch.full_like(v_1, value) for value in u)), -1)
    start = torch.tensor([w, *at, *u], dtype=torch.float64)
    arrow = torch.stack((start, start - rate * five.gradient(start, steepness, psi)))[:, 1:3]

    y = five.output(p, steepness)
    metrics, maps = {}, {"output": y}
    for name, of in (("sg", psi), ("true", partial(slope, steepness=steepness))):
        gradient = five.gradient(p, steepness, of)
        first, second = primitives(gradient[..., 1], gradient[..., 2], axis, axis)
        metrics[f"{name}/dependence"] = float((first - second).abs().max() / (first.max() - first.min()))
        error = first - first.mean() - (y - y.mean())
        metrics[f"{name}/error"] = float(error.square().mean().sqrt() / (y.max() - y.min()))
        maps |= {f"{name}/v1_first": first, f"{name}/v2_first": second}
    every = max(1, points // SHOWN)
    axes = {"v1": axis[::every], "v2": axis[::every], "arrow/v1": arrow[:, 0], "arrow/v2": arrow[:, 1]}
    return Computed(metrics, axes | {name: values.T[::every, ::every] for name, values in maps.items()})
