"""The inner hair cell: how much transmitter a moving membrane sets free."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from snnexp.errors import require

Real = NDArray[np.floating]


class Pools(NamedTuple):
    """Transmitter where it is, in units of the whole store."""

    free: Real  # q: ready to be set free
    cleft: Real  # c: set free
    returning: Real  # w: taken up again, being made ready


@dataclass(frozen=True)
class HairCell:
    """Three pools of transmitter, between which it goes round; what is lost is made anew.

        k = release (v + A) / (v + A + B) where v > -A, else 0       permeability, per second, at velocity v
        dq/dt = replenish (1 - q)+ - k q + reprocess w
        dc/dt = k q - (loss + reuptake) c
        dw/dt = reuptake c - reprocess w,                            fibres fire at the rate `firing` c

    The pools adapt: a sound that goes on is answered less and less, since the free pool empties.

    Source: Meddis 1986, 1988 (there y, g, l, r, x, h; A and B in the units of the velocity); constants of the public
    code of Cramer et al. 2022 (electronicvisions/lauscher), those of Meddis 1986.
    """

    a: float = 5.0
    b: float = 300.0
    release: float = 2000.0  # 1 / s
    replenish: float = 5.05  # 1 / s
    loss: float = 2500.0  # 1 / s
    reuptake: float = 6580.0  # 1 / s
    reprocess: float = 66.3  # 1 / s
    firing: float = 50000.0  # spikes / s for a cleft that holds the whole store

    def permeability(self, velocity: Real) -> Real:
        above: Real = np.maximum(velocity + self.a, 0)
        return self.release * above / (above + self.b)

    def steady(self, permeability: Real) -> Pools:
        """Pools that stay as they are under a constant permeability: at rest, or at the end of adaptation.

        c = replenish k / (loss k + replenish (loss + reuptake)), and q, w from c.
        """
        gone = self.loss + self.reuptake
        cleft = self.replenish * permeability / (self.loss * permeability + self.replenish * gone)
        return Pools(1 - self.loss * cleft / self.replenish, cleft, self.reuptake * cleft / self.reprocess)

    def step(self, pools: Pools, opened: Real, dt: float) -> None:
        """One step of Euler's method, in place; `dt` in seconds, `opened` is the permeability times `dt`."""
        free, cleft, returning = pools
        freed, ready = opened * free, (self.reprocess * dt) * returning
        returning += (self.reuptake * dt) * cleft
        returning -= ready
        cleft *= 1 - (self.loss + self.reuptake) * dt
        cleft += freed
        ready -= freed
        ready += (self.replenish * dt) * np.maximum(1 - free, 0)
        free += ready

    def check(self, rate: int) -> None:
        """Raise OptionError for a rate of steps (Hz) at which a pool could fall below zero."""
        fastest = max(self.loss + self.reuptake, self.release, self.reprocess)
        require(rate >= fastest, "rate", rate, f"must be at least {fastest:g} Hz, the fastest of the hair cell")
