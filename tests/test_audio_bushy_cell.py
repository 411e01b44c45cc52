import math

import numpy as np
import pytest
from scipy.stats import binom, chisquare

from snnexp.audio.bushy_cell import BushyCell, binomial

DT = 1 / 24000


def test_binomial_numbers() -> None:
    rng = np.random.default_rng(0)
    for n, p in ((40, 0.003), (40, 0.4), (7, 0.9)):
        drawn = binomial(np.full(200_000, n), np.full(200_000, p), rng.random(200_000))
        expected = 200_000 * binom.pmf(np.arange(n + 1), n, p)
        enough = expected > 20
        found = np.bincount(drawn, minlength=n + 1)
        scale = found[enough].sum() / expected[enough].sum()
        assert chisquare(found[enough], expected[enough] * scale).pvalue > 1e-3


def test_binomial_limits() -> None:
    trials, draws = np.array([0, 5, 5, 5]), np.array([0.999, 0.0, 0.999, 0.9999999])
    assert binomial(trials, np.array([0.5, 0.0, 1.0, 1e-12]), draws).tolist() == [0, 0, 5, 0]


def test_fibres_fire_as_each_for_itself_would() -> None:
    """Against 40 fibres drawn one by one, each dead for 24 steps from its spike on."""
    cell, rng, steps, channels = BushyCell(), np.random.default_rng(1), 300, 2000
    probability = np.where(np.arange(steps) < 150, 0.004, 0.08)
    state = cell.rest((channels,), DT)
    ours = np.array(
        [
            cell.fibre_spikes(state, step, np.full(channels, p), rng.random(channels))
            for step, p in enumerate(probability)
        ]
    )
    last = np.full((channels, cell.fibres), -24)
    theirs = []
    for step, p in enumerate(probability):
        fires = (rng.random(last.shape) < p) & (step - last >= 24)
        last[fires] = step
        theirs.append(fires.sum(axis=1))
    windows = [slice(0, 100), slice(100, 150), slice(150, 160), slice(160, 180), slice(180, 300)]
    for window in windows:
        one, other = ours[window].sum(axis=0), np.array(theirs)[window].sum(axis=0)
        error = math.sqrt((one.var() + other.var()) / channels)
        assert abs(one.mean() - other.mean()) < 4 * error
        assert one.var() == pytest.approx(other.var(), rel=0.15)
    assert ours.sum(axis=0).max() <= 40 * math.ceil(steps / 24)


def reference(arriving: list[int]) -> list[int]:
    """The cell written out for one channel: steps at which it fires."""
    current = voltage = 0.0
    asleep, fired = 0, []
    for step, spikes in enumerate(arriving):
        current = current * math.exp(-DT / 0.0005) + spikes
        if asleep > 0:
            asleep -= 1
            continue
        voltage = voltage * math.exp(-DT / 0.001) + 13e3 / 40 * DT * current
        if voltage >= 1:
            fired.append(step)
            voltage, asleep = 0.0, 24
    return fired


def test_cell_against_a_reference() -> None:
    cell, rng = BushyCell(), np.random.default_rng(2)
    arriving = rng.poisson(np.linspace(0.05, 1.5, 8), (2000, 8))
    state, found = cell.rest((8,), DT), [[] for _ in range(8)]
    for step, spikes in enumerate(arriving):
        for (channel,) in zip(*cell.step(state, step, spikes, DT), strict=True):
            found[channel].append(step)
    assert found == [reference(column.tolist()) for column in arriving.T]
    assert [len(steps) for steps in found] == sorted(len(steps) for steps in found)
    assert len(found[-1]) > 50


def test_one_fibre_is_not_enough() -> None:
    """A single spike lifts the voltage by at most weight / fibres * synapse = 0.16; coincidence is what counts."""
    cell = BushyCell()
    state = cell.rest((1,), DT)
    fired = [len(cell.step(state, step, np.array([step == 0]), DT)[0]) for step in range(200)]
    assert sum(fired) == 0
    state = cell.rest((1,), DT)
    fired = [len(cell.step(state, step, np.array([20 * (step == 0)]), DT)[0]) for step in range(200)]
    assert fired.index(1) < 24
