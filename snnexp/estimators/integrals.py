"""Integrals of a vector field along paths through parameter space: of a gradient they depend on the ends only."""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

Field = Callable[[Tensor], Tensor]


class Circle(NamedTuple):
    """p(a) = r (sin(a) d_1 + cos(a) d_2), once round for a in [0, 2 pi]. Source: Gygax & Zenke 2025, Sec. 4.2."""

    radius: float
    plane: Tensor  # [2, P], d_1 and d_2

    def points(self, angles: Tensor) -> Tensor:
        """p, [..., P]."""
        return self.radius * torch.stack((angles.sin(), angles.cos()), -1) @ self.plane

    def velocity(self, angles: Tensor) -> Tensor:
        """dp/da, [..., P]."""
        return self.radius * torch.stack((angles.cos(), -angles.sin()), -1) @ self.plane


def angles(steps: int) -> Tensor:
    """The angles 0, 2 pi / steps, ... of a whole turn, without its end."""
    return torch.arange(steps, dtype=torch.float64) * (2 * math.pi / steps)


def closed_integral(field: Field, circle: Circle, steps: int) -> Tensor:
    """The field's integral once round the circle, by the rule of rectangles.

    Which for a smooth field converges faster than any power of the number of steps, as it is periodic.
    """
    return _along(field, circle, angles(steps)).sum() * (2 * math.pi / steps)


def running_integral(field: Field, circle: Circle, steps: int) -> Tensor:
    """The integral from 0 to each of the `steps` angles and to the whole turn, [steps + 1], by trapezoids."""
    turn = torch.cat((angles(steps), torch.tensor([2 * math.pi], dtype=torch.float64)))
    inside = torch.cumulative_trapezoid(_along(field, circle, turn), turn)
    return torch.cat((inside.new_zeros(1), inside))


def _along(field: Field, circle: Circle, at: Tensor) -> Tensor:
    return (field(circle.points(at)) * circle.velocity(at)).sum(-1)


def primitives(d_1: Tensor, d_2: Tensor, axis_1: Tensor, axis_2: Tensor) -> tuple[Tensor, Tensor]:
    """What a field integrates to over a rectangle from its corner (0, 0), on two ways; of a gradient they are equal.

    d_1, d_2: the field's components at all points of the grid, [N_1, N_2]. The first goes along axis 1 at the start of
    axis 2 and then along axis 2, the second the other way round. By trapezoids.
    """
    along_1 = _cumulated(d_1, axis_1, 0)
    along_2 = _cumulated(d_2, axis_2, 1)
    return along_1[:, :1] + along_2, along_2[:1] + along_1


def _cumulated(values: Tensor, axis: Tensor, dim: int) -> Tensor:
    inside = torch.cumulative_trapezoid(values, axis, dim=dim)
    return torch.cat((torch.zeros_like(values.narrow(dim, 0, 1)), inside), dim)
