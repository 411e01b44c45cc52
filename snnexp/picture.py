"""A picture drawn by formulas, and dithered into black dots: spike trains that have a structure one can see.

Shapes: R rows from the top, C columns.
"""

import torch
from torch import Tensor

from snnexp.errors import require


def rotunda(rows: int, columns: int) -> Tensor:
    """How dark a round library with a dome is, [R, C], 0 white to 1 black; it fills the height, twice as wide as high
    at most.
    """
    y = ((torch.arange(rows, dtype=torch.float64) + 0.5) / rows)[:, None].expand(rows, columns)
    x = ((torch.arange(columns, dtype=torch.float64) + 0.5 - columns / 2) / rows).expand(rows, columns)
    ink = 0.07 + 0.05 * torch.sin(9 * x + 4 * y) * torch.cos(13 * y - 3 * x)  # the sky

    def paint(where: Tensor, shade: Tensor | float) -> None:
        nonlocal ink
        ink = torch.where(where, shade, ink)

    paint(y > 0.93, 0.55 + 0.4 * (y - 0.93) / 0.07)  # the lawn
    turn = torch.asin((x / 0.40).clamp(-1, 1))
    paint((x.abs() < 0.40) & (y > 0.70), 0.30 + 0.22 * torch.sin(turn))  # the base, light from the left
    arch = (torch.remainder(turn, 0.45) - 0.225).abs() / 0.12
    paint((x.abs() < 0.39) & (y > 0.78) & (y < 0.91) & (arch < 1) & (y > 0.80 + 0.04 * arch**2), 1.0)
    turn = torch.asin((x / 0.32).clamp(-1, 1))
    pillars = 0.34 + 0.24 * torch.sin(turn) + 0.34 * torch.cos(28 * turn)
    paint((x.abs() < 0.32) & (y > 0.42) & (y <= 0.70), pillars)  # the drum
    paint((x.abs() < 0.30) & (y > 0.47) & (y < 0.56) & (torch.cos(14 * turn) < -0.3), 1.0)  # its windows
    for edge, half in ((0.42, 0.34), (0.70, 0.42), (0.735, 0.42)):  # cornices
        paint((x.abs() < half) & ((y - edge).abs() < 0.008), 0.60)
    across, up = x / 0.27, (0.412 - y) / 0.25
    height = (1 - across**2 - up**2).clamp_min(0).sqrt()
    light = (-0.55 * across + 0.45 * up + 0.70 * height).clamp_min(0)
    paint((across**2 + up**2 < 1) & (up > 0), 1.0 - 0.95 * light)  # the dome
    ribs = torch.cos(18 * torch.asin((across / (1 - up**2).clamp_min(1e-6).sqrt()).clamp(-1, 1))) > 0.93
    paint((across**2 + up**2 < 0.97) & (up > 0.02) & ribs, 0.9)
    paint((x.abs() < 0.045) & (y > 0.09) & (y < 0.17), 0.35 + 0.4 * (torch.cos(160 * x) > 0))  # the lantern
    paint((x.abs() < 0.055 * (y - 0.02) / 0.07) & (y > 0.02) & (y <= 0.09), 0.9)
    return ink.clamp(0, 1)


def dithered(ink_RC: Tensor, share: float) -> Tensor:
    """Black dots, 1 where there is one, of which there are as many as the ink says: darker places have more.

    share: of all places that become dots; the ink is multiplied by a factor that makes its mean this one.
    Raises `OptionError` for a share that no factor gives. Source: Floyd & Steinberg 1976, error diffusion.
    """
    most = (ink_RC > 0).double().mean().item()
    require(0 < share < most, "share", share, f"must lie between 0 and {most:.3g}")
    low, high = 0.0, 1.0
    while (high * ink_RC).clamp_max(1).mean() < share:
        high *= 2
    for _ in range(50):
        factor = (low + high) / 2
        low, high = (factor, high) if (factor * ink_RC).clamp_max(1).mean() < share else (low, factor)
    rows = (high * ink_RC).clamp_max(1).tolist()
    below = [0.0] * len(rows[0])
    dots = []
    for row in rows:
        grey, below, line = [a + b for a, b in zip(row, below, strict=True)], [0.0] * len(row), []
        for c, here in enumerate(grey):
            dot = float(here > 0.5)
            error = here - dot
            line.append(dot)
            for column, weight, to in ((c + 1, 7, grey), (c - 1, 3, below), (c, 5, below), (c + 1, 1, below)):
                if 0 <= column < len(row):
                    to[column] += error * weight / 16
        dots.append(line)
    return torch.tensor(dots)


def dome(neurons: int, steps: int, share: float) -> Tensor:
    """The dithered rotunda as a target for spike trains [neurons, steps]: time runs to the right, the first neuron is
    the topmost row.
    """
    return dithered(rotunda(neurons, steps), share)
