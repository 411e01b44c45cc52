import numpy as np
import pytest

from snnexp.audio.basilar_membrane import BasilarMembrane
from snnexp.audio.ear import Ear, Spikes
from snnexp.errors import DataError, OptionError

EAR = Ear(BasilarMembrane(channels=60), rate=12000)


def tone(hertz: float, seconds: float = 0.12) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(round(8000 * seconds)) / 8000)


def heard(sound: np.ndarray, seed: int = 0, ear: Ear = EAR) -> Spikes:
    (spikes,) = ear.hear([sound], 8000, [np.random.default_rng(seed)])
    return spikes


def best_channel(hertz: float) -> int:
    return int(np.abs(EAR.membrane.response(np.array([hertz])))[:, 0].argmax())


def test_a_tone_excites_the_channels_of_its_frequency() -> None:
    tones = [300.0, 700.0, 1500.0, 3000.0]
    found = [np.bincount(heard(tone(hertz)).units, minlength=60) for hertz in tones]
    for hertz, counts in zip(tones, found, strict=True):
        assert abs(counts.argmax() - best_channel(hertz)) <= 3
    centres = [(counts * np.arange(60)).sum() / counts.sum() for counts in found]
    assert centres == sorted(centres, reverse=True)


def test_spikes_are_locked_to_low_tones() -> None:
    strengths = []
    for hertz in (300.0, 3000.0):
        spikes = heard(tone(hertz))
        turns = [
            np.exp(2j * np.pi * hertz * spikes.times[(spikes.units == best_channel(hertz) + by)]) for by in range(-2, 3)
        ]
        strengths.append(sum(abs(turn.sum()) for turn in turns) / sum(len(turn) for turn in turns))
    assert strengths[0] > 0.8 > strengths[1]


def test_louder_sounds_give_more_spikes() -> None:
    counts = [len(heard(tone(1000.0), ear=Ear(EAR.membrane, rate=12000, level=x)).times) for x in (0.01, 0.3, 3.0)]
    assert counts[0] < 40
    assert 2 * counts[0] < counts[1] < counts[2]


def test_spikes_are_in_order_and_within_the_sound() -> None:
    spikes = heard(tone(500.0))
    assert (np.diff(spikes.times) >= 0).all()
    assert spikes.times[0] > 0
    assert spikes.times[-1] < 0.12
    assert spikes.units.min() >= 0
    assert spikes.units.max() < 60
    for unit in range(60):
        assert (np.diff(spikes.times[spikes.units == unit]) > 0.001).all()


def test_a_seed_gives_the_same_spikes_and_another_one_others() -> None:
    one, same, other = (heard(tone(500.0, 0.06), seed) for seed in (1, 1, 2))
    assert np.array_equal(one.times, same.times)
    assert np.array_equal(one.units, same.units)
    assert not np.array_equal(one.times, other.times)


def test_what_is_heard_does_not_depend_on_the_company() -> None:
    sounds = [tone(500.0, 0.05), tone(900.0, 0.1), tone(1300.0, 0.12)]
    together = EAR.hear(sounds, 8000, [np.random.default_rng(seed) for seed in range(3)])
    for seed, (sound, spikes) in enumerate(zip(sounds, together, strict=True)):
        alone = heard(sound, seed)
        assert np.array_equal(alone.times, spikes.times)
        assert np.array_equal(alone.units, spikes.units)


def test_sounds_are_brought_to_one_level_and_faded() -> None:
    loud, quiet = EAR.prepared(tone(500.0), 8000), EAR.prepared(1e-3 * tone(500.0), 8000)
    assert loud == pytest.approx(quiet, rel=1e-9)
    middle = loud[240:-240]
    assert np.sqrt(np.square(middle).mean()) == pytest.approx(0.3, rel=1e-6)
    assert np.abs(loud[[0, -1]]).max() < 1e-3
    steady = EAR.prepared(np.ones(1000), 8000)
    assert (np.diff(steady[:240]) > 0).all()
    assert steady == pytest.approx(steady[::-1])
    assert len(EAR.prepared(np.ones(7), 8000)) == 7


def test_what_cannot_be_heard_is_named() -> None:
    with pytest.raises(DataError, match=r"^a sound is silent from beginning to end$"):
        heard(np.zeros(100))
    with pytest.raises(OptionError, match=r"^rate=4000: "):
        Ear(rate=4000)
    with pytest.raises(OptionError, match=r"^level=0: "):
        Ear(level=0)
    with pytest.raises(OptionError, match=r"^ramp=-1: "):
        Ear(ramp=-1)
