"""The net of five parameters once round a circle: a gradient integrates to zero, a surrogate gradient does not."""

import math
from collections.abc import Sequence
from functools import partial

import torch

from snnexp.errors import require
from snnexp.estimators import five
from snnexp.estimators.integrals import Circle, closed_integral, running_integral
from snnexp.estimators.unit import Slope, slope
from snnexp.procedures.analytic import Computed

SHOWN, PIXELS = 1500, 201  # points of the circle and of the plane's axes that are drawn
FINER = 100  # times as many points of the circle are integrated over
EDGE = 0.75  # of the outputs 0, 1/2 and 1, it lies between the upper two


def loop(
    psi: Slope, steepness: float, smooth: float, plane: Sequence[Sequence[float]], radius: float, steps: int
) -> Computed:
    """Integrals of the surrogate gradient and, as the control, of the true gradient of a smooth net, in so many steps.

    steepness: of the net's forward pass, also under the surrogate gradient.  smooth: of the net of the control.
    plane: the directions d_1 and d_2 of the circle round p = 0.

    `sg/integral` and `true/integral` are round the whole circle, `true/size` is the latter's absolute value. `edge/1`,
    `edge/2`, ... are the angles, in degrees, at which the output has just passed 3/4; of 1500, as in the authors' code.
    """
    require(len(plane) == 2 and all(len(row) == 5 for row in plane), "plane", plane, "must be two rows of 5 numbers")
    require(steps > 0, "steps", steps, "must be at least 1")
    circle = Circle(radius, torch.tensor(plane, dtype=torch.float64))
    fields = {
        "sg": lambda p: five.gradient(p, steepness, psi),
        "true": lambda p: five.gradient(p, smooth, partial(slope, steepness=smooth)),
    }
    integrals = {name: float(closed_integral(field, circle, steps)) for name, field in fields.items()}

    turn = torch.linspace(0, 2 * math.pi, SHOWN + 1, dtype=torch.float64)
    y = five.output(circle.points(turn), steepness)
    edges = turn[1:][(y[1:] > EDGE) != (y[:-1] > EDGE)]
    metrics = {f"{name}/integral": value for name, value in integrals.items()}
    metrics["true/size"] = abs(integrals["true"])
    metrics |= {f"edge/{number}": float(torch.rad2deg(edge)) for number, edge in enumerate(edges, 1)}

    axis = torch.linspace(-radius * 1.1, radius * 1.1, PIXELS, dtype=torch.float64)
    points = torch.stack(torch.meshgrid(axis, axis, indexing="xy"), -1) @ circle.plane
    curves = {
        "angle": torch.rad2deg(turn),
        "output": y,
        "smooth/output": five.output(circle.points(turn), smooth),
        **{name: running_integral(field, circle, SHOWN * FINER)[::FINER] for name, field in fields.items()},
        "along_1": axis,
        "along_2": axis,
        "map/output": five.output(points, steepness),
        "map/smooth": five.output(points, smooth),
        "circle_1": radius * turn.sin(),
        "circle_2": radius * turn.cos(),
    }
    for name, start in (("sg", "output"), ("true", "smooth/output")):  # what is integrated begins where the output does
        curves[name] = curves[name] + curves[start][0]
    return Computed(metrics, curves)
