import numpy as np
import pytest
from scipy.signal import get_window

from snnexp.audio.mel import MelFrontEnd
from snnexp.errors import OptionError


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
def test_filter_bank_of_librosa(rate: int) -> None:
    from librosa import filters

    theirs = filters.mel(sr=rate, n_fft=512, n_mels=40, htk=True, norm=None, dtype=np.float64)
    assert np.abs(MelFrontEnd().filter_bank(rate) - theirs).max() < 1e-12


def test_spectrogram_of_librosa() -> None:
    from librosa.feature import melspectrogram

    rng, front_end = np.random.default_rng(0), MelFrontEnd()
    sound = rng.normal(size=200 + 37 * 80)  # whole frames
    emphasised = np.append(sound[0], sound[1:] - 0.95 * sound[:-1])
    theirs = melspectrogram(
        y=np.pad(emphasised, 156),  # it puts the short window into the middle of 512 points
        sr=8000,
        n_fft=512,
        hop_length=80,
        win_length=200,
        window=get_window("hamming", 200, fftbins=False),
        center=False,
        n_mels=40,
        htk=True,
        norm=None,
    )
    ours = front_end.spectrogram(sound, 8000)
    assert ours.shape == (38, 40)
    assert ours == pytest.approx(theirs.T / 512, rel=1e-6)  # its filters are in single precision


def test_a_tone_is_in_its_filter() -> None:
    tones = np.array([300.0, 1000.0, 3000.0])
    at = np.arange(4000) / 8000
    peaks = [MelFrontEnd().spectrogram(np.sin(2 * np.pi * f * at), 8000).mean(axis=0).argmax() for f in tones]
    mel = 2595 * np.log10(1 + np.append(tones, 4000) / 700)
    assert peaks == pytest.approx(mel[:3] / mel[3] * 41 - 1, abs=0.6)


def test_features_are_standardised_and_as_many_as_asked_for() -> None:
    sound = np.random.default_rng(1).normal(size=2000)
    short, long = (MelFrontEnd().features(sound, 8000, frames) for frames in (10, 80))
    assert short.shape == (10, 40)
    assert long.shape == (80, 40)
    for features in (short, long):
        assert features.mean() == pytest.approx(0, abs=1e-12)
        assert features.std() == pytest.approx(1)
    assert (long[24:] == long[24]).all()  # 2,000 samples are 24 frames, the last one not full
    assert not (long[22] == long[23]).all()


def test_silence_is_finite() -> None:
    assert (MelFrontEnd().features(np.zeros(100), 8000, 3) == 0).all()
    with pytest.raises(OptionError, match=r"^filters=0: must be at least 1$"):
        MelFrontEnd(filters=0)
