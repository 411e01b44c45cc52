import numpy as np
import pytest

from snnexp.audio.basilar_membrane import BasilarMembrane, Wave
from snnexp.errors import OptionError

TONES = [200.0, 500.0, 1000.0, 2000.0, 4000.0]


def test_phase_is_the_integral_of_the_wave_number() -> None:
    membrane, omega = BasilarMembrane(channels=40001), 2 * np.pi * np.array([120.0, 1000.0, 7000.0])
    wave_number = omega * np.sqrt(1 / (0.1 * membrane.impedance(omega)))
    middles = (wave_number[1:] + wave_number[:-1]) / 2 * (3.5 / 40000)
    by_sum = np.cumsum(middles, axis=0) + 2 / 3 * wave_number[0]
    assert np.abs(membrane.phase(omega)[1:] / by_sum - 1).max() < 1e-4


def test_pressure_solves_the_long_wave_equation_where_its_wave_number_changes_slowly() -> None:
    """Above the place of resonance p'' + g^2 p = 0, checked by second differences."""
    membrane, hertz = BasilarMembrane(channels=60001), 2000.0
    omega, place = 2 * np.pi * np.array([hertz]), membrane.places
    response = membrane.response(np.array([hertz]))[:, 0].conj()
    pressure = response * membrane.impedance(omega)[:, 0]
    wave_number = omega * np.sqrt(1 / (0.1 * membrane.impedance(omega)[:, 0]))
    inner = slice(1, -1)
    second = np.diff(pressure, 2) / (place[1] - place[0]) ** 2
    upto = int(0.9 * np.argmax(np.abs(response)))
    residual = np.abs(second / (wave_number[inner] ** 2 * pressure[inner]) + 1)[:upto]
    assert residual[100:].max() < 0.06


def test_numbers_of_the_public_code() -> None:
    """What electronicvisions/lauscher gives with its defaults, at 100, 450 and 2,000 Hz."""
    theirs = {
        0: [0.016319 + 0.030808j, 0.292024 + 0.294603j, 2.97167 + 1.136545j],
        300: [-0.120844 + 1.545318j, -12.9194 + 7.53803j, -128.200945 + 11.380116j],
        500: [-16.434047 - 0.734244j, -45.748042 - 183.516805j, -1e-6 - 1e-6j],
        699: [164.394914 - 150.521353j, 1e-6 - 2e-6j, 0],
    }
    ours = BasilarMembrane(wave=Wave.ADVANCED).response(np.array([100.0, 450.0, 2000.0]))
    assert np.abs(ours[list(theirs)] - np.array(list(theirs.values()))).max() < 1e-5


def test_places_follow_the_frequencies() -> None:
    membrane = BasilarMembrane()
    best = np.abs(membrane.response(np.array(TONES))).argmax(axis=0)
    assert (np.diff(best) < 0).all()  # low tones at the apex
    # A travelling wave that is damped is largest a little before it reaches the resonance.
    assert membrane.resonances()[best] == pytest.approx(TONES, rel=0.15)
    assert (membrane.resonances()[best] > TONES).all()
    assert membrane.resonances()[[0, -1]] == pytest.approx([22508, 110.3], rel=1e-3)


@pytest.mark.parametrize("tone", [500.0, 2000.0])
def test_a_tone_moves_its_own_place_most(tone: float) -> None:
    membrane, seconds = BasilarMembrane(channels=100), np.arange(4000) / 8000
    velocity = membrane.velocity(np.sin(2 * np.pi * tone * seconds), 8000, 24000)
    assert velocity.shape == (100, 12000)
    settled = np.sqrt(2 * np.square(velocity[:, 4800:9600]).mean(axis=1))
    expected = np.abs(membrane.response(np.array([tone])))[:, 0]
    assert settled.argmax() == expected.argmax()
    assert settled == pytest.approx(expected, rel=0.02, abs=0.01 * expected.max())


def test_the_wave_arrives_after_the_sound_and_in_the_public_code_before() -> None:
    click = np.zeros(4000)
    click[1600] = 1.0  # at 0.2 s
    ear, code = (BasilarMembrane(channels=8, wave=wave).velocity(click, 8000, 24000) for wave in Wave)
    low = 6  # 256 Hz
    before, after = slice(0, 4790), slice(4810, None)
    assert np.square(ear[low, before]).sum() < 1e-3 * np.square(ear[low, after]).sum()
    assert np.square(code[low, before]).sum() > 10 * np.square(code[low, after]).sum()


def test_rates_that_share_little() -> None:
    seconds = np.arange(5512) / 11025
    velocity = BasilarMembrane(channels=20).velocity(np.sin(2 * np.pi * 1000 * seconds), 11025, 24000)
    other = BasilarMembrane(channels=20).velocity(np.sin(2 * np.pi * 1000 * np.arange(4000) / 8000), 8000, 24000)
    assert velocity.shape == (20, 11998)
    assert velocity[:, 4800:9600] == pytest.approx(other[:, 4800:9600], abs=0.02 * float(np.abs(other).max()))


def test_channels_out_of_range_are_named() -> None:
    with pytest.raises(OptionError, match=r"^channels=0: must lie in \[1, 65536\]$"):
        BasilarMembrane(channels=0)
