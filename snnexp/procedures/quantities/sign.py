"""The net of five parameters along its first weight: where the surrogate gradient has the wrong sign."""

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from torch import Tensor

from snnexp.errors import require
from snnexp.estimators import five
from snnexp.estimators.crossings import crossings
from snnexp.estimators.unit import Slope, slope
from snnexp.procedures.analytic import Computed


def sign(
    psi: Slope, steepness: float, smooth: float, rest: Sequence[float], reach: float = 0.2, points: int = 10001
) -> Computed:
    """Output and derivatives for w from -reach to reach, the other parameters (v_1, v_2, u_1, u_2) fixed to `rest`.

    smooth: steepness of the smoothed net that is drawn beside it. For `true` and `sg` alike the metrics are the value
    at w = 0 and the first crossing of zero, with the number of crossings; `disagreement/share` is the share of the
    sweep on which the two have opposite signs, from `/low` to `/high` where that is one interval. `integral/argmin` is
    where the integrated surrogate gradient has its minimum. Every curve is divided by its range.
    """
    require(len(rest) == 4, "rest", list(rest), "must be v_1, v_2, u_1, u_2")
    w = torch.linspace(-reach, reach, points, dtype=torch.float64)
    fixed = torch.tensor(rest, dtype=torch.float64)

    def net(places: Tensor) -> Tensor:
        return torch.cat((places[..., None], fixed.expand(*places.shape, 4)), -1)

    def along(steep: float, of: Slope) -> Callable[[Tensor], Tensor]:
        return lambda places: five.gradient(net(places), steep, of)[..., 0]

    y, smoothed = five.output(net(w), steepness), five.output(net(w), smooth)
    derivative = along(steepness, partial(slope, steepness=steepness))
    fields = {"true": derivative, "sg": along(steepness, psi)}
    curves = {name: field(w) for name, field in fields.items()}
    zeros = {name: crossings(field, w) for name, field in fields.items()}
    wrong = torch.cat((w[:1], torch.cat(tuple(zeros.values())).sort().values, w[-1:]))
    middles, widths = (wrong[1:] + wrong[:-1]) / 2, wrong.diff()
    opposite = fields["true"](middles).sign() * fields["sg"](middles).sign() < 0
    inside = torch.cat((torch.zeros(1, dtype=torch.float64), torch.cumulative_trapezoid(curves["sg"], w)))

    metrics = {
        "output/first": float(y[0]),
        "output/last": float(y[-1]),
        "output/min": float(y.min()),
        "output/argmin": float(w[y.argmin()]),
        "true/max": float(curves["true"].max()),
        "true/argmax": float(w[curves["true"].argmax()]),
        "true/min": float(curves["true"].min()),
        "true/argmin": float(w[curves["true"].argmin()]),
        **{f"{name}/at_0": float(field(torch.zeros((), dtype=torch.float64))) for name, field in fields.items()},
        **{f"{name}/zeros": float(len(found)) for name, found in zeros.items()},
        **{f"{name}/zero": float(found[0]) if len(found) else math.nan for name, found in zeros.items()},
        "disagreement/share": float(widths[opposite].sum()) / (2 * reach),
        "disagreement/low": float(wrong[:-1][opposite].min()) if opposite.any() else math.nan,
        "disagreement/high": float(wrong[1:][opposite].max()) if opposite.any() else math.nan,
        "integral/argmin": float(w[inside.argmin()]),
    }
    drawn = {
        "output": y,
        "smoothed": smoothed,
        "integral": inside,
        **curves,
        "smoothed/derivative": along(smooth, partial(slope, steepness=smooth))(w),
    }
    scaled = {name: curve / (curve.max() - curve.min()) for name, curve in drawn.items()}
    for name in ("output", "smoothed", "integral"):  # these begin at the same height
        scaled[name] = scaled[name] - scaled[name][0] + 1
    return Computed(metrics, {"w": w, **scaled})
