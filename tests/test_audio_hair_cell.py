import numpy as np
import pytest

from snnexp.audio.hair_cell import HairCell, Pools
from snnexp.errors import OptionError

CELL, RATE = HairCell(), 24000


def run(velocity: np.ndarray, pools: Pools) -> np.ndarray:
    """The firing rate of the fibres after each step; the first axis of the velocity is time."""
    rates = []
    for opened in CELL.permeability(velocity) / RATE:
        CELL.step(pools, opened, 1 / RATE)
        rates.append(CELL.firing * pools.cleft)
    return np.array(rates)


def rest(cells: int) -> Pools:
    return CELL.steady(CELL.permeability(np.zeros(cells)))


def test_spontaneous_rate() -> None:
    """k = g A / (A + B); c = y k / (l k + y (l + r)); h c = 64.8 spikes a second with the constants of Meddis 1986."""
    k = 2000 * 5 / 305
    c = 5.05 * k / (2500 * k + 5.05 * 9080)
    assert CELL.firing * rest(1).cleft == pytest.approx([50000 * c], rel=1e-12)
    assert run(np.zeros((2000, 1)), rest(1))[-1] == pytest.approx([64.75], abs=0.05)


def test_steady_pools_do_not_move() -> None:
    velocity = np.array([-4.0, 0.0, 10.0, 300.0])
    pools = CELL.steady(CELL.permeability(velocity))
    before = [pool.copy() for pool in pools]
    run(np.tile(velocity, (1000, 1)), pools)
    for then, now in zip(before, pools, strict=True):
        assert now == pytest.approx(then, rel=1e-9)


def test_a_lasting_sound_is_answered_less_and_less_down_to_the_steady_rate() -> None:
    rates = run(np.full((2 * RATE, 1), 100.0), rest(1))[:, 0]
    onset = rates.max()
    assert rates.argmax() < 0.003 * RATE
    assert onset > 5 * rates[RATE // 10] > 5 * 0.9 * rates[-1]
    assert rates[-1] == pytest.approx(CELL.firing * CELL.steady(CELL.permeability(np.array(100.0))).cleft, rel=1e-3)


def test_recovery_after_a_sound() -> None:
    """After an offset the fibres are below their spontaneous rate, and come back to it."""
    rates = run(np.concatenate([np.full((RATE // 2, 1), 100.0), np.zeros((RATE, 1))]), rest(1))[:, 0]
    spontaneous = CELL.firing * rest(1).cleft[0]
    assert rates[RATE // 2 + RATE // 50] < 0.6 * spontaneous
    assert rates[-1] == pytest.approx(spontaneous, rel=0.03)


def test_louder_is_more() -> None:
    levels = np.array([0.0, 10.0, 20.0, 40.0, 80.0, 160.0])
    rates = run(np.sin(2 * np.pi * 1000 * np.arange(RATE // 20)[:, None] / RATE) * levels, rest(6))
    assert (np.diff(rates.mean(axis=0)) > 0).all()


def test_low_tones_are_followed_and_high_ones_are_not() -> None:
    """The cleft is a low-pass of what is set free, with loss + reuptake = 9,080 / s: it smooths high tones away."""
    hertz = np.array([200.0, 1000.0, 4000.0, 8000.0])
    phase = 2 * np.pi * hertz * np.arange(RATE // 2)[:, None] / RATE
    turn, pools, freed, rates = np.exp(1j * phase), rest(4), [], []
    for opened in CELL.permeability(50 * np.sin(phase)) / RATE:
        freed.append(opened * pools.free)
        CELL.step(pools, opened, 1 / RATE)
        rates.append(pools.cleft.copy())
    going_in, going_out = (
        np.abs((np.array(x) * turn)[RATE // 4 :].sum(axis=0)) / np.array(x)[RATE // 4 :].sum(axis=0)
        for x in (freed, rates)
    )
    passed = 9080 / RATE / np.abs(np.exp(2j * np.pi * hertz / RATE) - 1 + 9080 / RATE)
    assert going_out / going_in == pytest.approx(passed, rel=1e-2)
    assert (np.diff(going_out) < 0).all()
    assert going_out[0] > 0.7


def test_a_step_that_is_too_long_is_refused() -> None:
    with pytest.raises(OptionError, match=r"^rate=4000: must be at least 9080 Hz"):
        CELL.check(4000)
