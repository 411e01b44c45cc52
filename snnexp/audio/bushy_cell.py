"""The bushy cell: spikes of a channel, where many fibres of the auditory nerve agree.

Shapes: X any, the cells that are stepped side by side; R steps that a fibre is dead.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.floating]
Count = NDArray[np.floating]  # whole numbers, as floats: they are only multiplied and added


class State(NamedTuple):
    """Of bushy cells and of the fibres that lead to them; all is written in place."""

    free: Count  # [X], fibres that are not dead
    recent: Count  # [R, X], how many fired in each of the last steps, overwritten in turn
    current: Real  # [X], synaptic, in spikes
    voltage: Real  # [X]
    ready: NDArray[np.int32]  # [X], the step from which the cell is no longer dead


@dataclass(frozen=True)
class BushyCell:
    """A leaky integrate-and-fire neuron with threshold 1 behind `fibres` fibres, each with an absolute refractory time.

        I_t = I_{t-1} exp(-dt / synapse) + spikes of the fibres
        v_t = v_{t-1} exp(-dt / membrane) + dt weight / fibres I_t;  a spike at v_t >= 1, then v = 0 for `refractory`

    Only the number of the spikes counts. It is drawn as a whole: binomial among the fibres that are not dead, which is
    the same in distribution as every fibre for itself. [D]erived.

    Source: Cramer et al. 2022; equations and constants of their public code (electronicvisions/lauscher).
    """

    fibres: int = 40
    membrane: float = 1e-3  # s
    synapse: float = 0.5e-3  # s
    refractory: float = 1e-3  # s, of fibres and cell
    weight: float = 13e3  # 1 / s

    def rest(self, shape: tuple[int, ...], dt: float) -> State:
        """State of cells and fibres that have been silent."""
        zero = np.zeros(shape, np.float32)
        recent = np.zeros((self.dead_steps(dt) - 1, *shape), np.float32)
        return State(zero + np.float32(self.fibres), recent, zero, zero.copy(), np.zeros(shape, np.int32))

    def fibre_spikes(self, state: State, step: int, probability: Real, uniform: Real) -> Count:
        """How many fibres fire in a step: each that is free with `probability`; `uniform` are draws of [0, 1)."""
        spikes = binomial(state.free, probability, uniform)
        state.free[...] -= spikes
        if len(state.recent):
            place = state.recent[step % len(state.recent)]
            state.free[...] += place
            place[...] = spikes
        else:
            state.free[...] += spikes
        return spikes

    def step(self, state: State, step: int, spikes: Count, dt: float) -> tuple[NDArray[np.intp], ...]:
        """Where the cells are that fire in a step."""
        current, voltage = state.current, state.voltage
        current *= math.exp(-dt / self.synapse)
        current += spikes
        voltage *= math.exp(-dt / self.membrane)
        voltage += (self.weight / self.fibres * dt) * current
        voltage *= state.ready <= step
        fired = (voltage >= 1).nonzero()
        voltage[fired] = 0
        state.ready[fired] = step + 1 + self.dead_steps(dt)
        return fired

    def dead_steps(self, dt: float) -> int:
        """Of a fibre, its own spike counted; of a cell, after its spike."""
        return max(1, round(self.refractory / dt))


def binomial(trials: Count, probability: Real, uniform: Real) -> Count:
    """Binomial numbers by inversion: the smallest k whose cumulative probability exceeds the uniform draw."""
    counts = np.zeros_like(trials)
    # (1 - p)^n >= 1 - n p, so that all others are 0 without a power; the margin is for the rounding of single precision
    places = (uniform >= (1 - 1e-6) - trials * probability).nonzero()
    n, p = trials[places].astype(np.float64), np.minimum(probability[places].astype(np.float64), 1 - 1e-9)
    mass, ratio = np.exp(n * np.log1p(-p)), p / (1 - p)
    rest, drawn, k = uniform[places] - mass, np.zeros_like(n), 0
    while (above := rest >= 0).any() and k < n.max():
        drawn += above
        k += 1
        mass *= ratio * ((n - k + 1) / k)
        rest -= mass
    counts[places] = np.minimum(drawn, n)
    return counts
