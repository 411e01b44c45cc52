import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from scipy.io import wavfile

from snnexp.audio.recordings import HeldOut, classes, for_testing, list_recordings, read_wave, speakers
from snnexp.errors import DataError, OptionError


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_names_say_label_speaker_and_number(tmp_path: Path) -> None:
    found = list_recordings(touch(tmp_path, "10_ann_3.wav", "2_bob_12.WAV", "turn_left_ann_0.wav", "readme.txt"))
    assert [(one.label, one.speaker, one.number) for one in found] == [
        ("10", "ann", 3),
        ("2", "bob", 12),
        ("turn_left", "ann", 0),
    ]
    assert classes(found) == ("10", "2", "turn_left")
    assert classes(found[:2]) == ("2", "10")
    assert speakers(found) == ("ann", "bob")


def test_sub_folders_are_labels(tmp_path: Path) -> None:
    names = ["yes/0a7c_nohash_1.wav", "yes/0b_4.wav", "no/first.wav", "no/second.wav"]
    found = {one.key: one for one in list_recordings(touch(tmp_path, *names))}
    told = [(found[name].label, found[name].speaker, found[name].number) for name in names]
    assert told == [("yes", "0a7c", 1), ("yes", "0b", 4), ("no", "unknown", 0), ("no", "unknown", 1)]


def test_what_is_no_folder_of_recordings_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=f"^{tmp_path} has no wav files$"):
        list_recordings(tmp_path)
    with pytest.raises(DataError, match=r"hello\.wav is not named <label>_<speaker>_<number>\.wav"):
        list_recordings(touch(tmp_path, "hello.wav"))


def test_splits(tmp_path: Path) -> None:
    names = [f"{label}_{speaker}_{index}.wav" for label in (0, 1) for speaker in ("a", "b", "c") for index in range(7)]
    found = list_recordings(touch(tmp_path, *names))
    official = for_testing(found, HeldOut.OFFICIAL)
    assert [one.number for one, test in zip(found, official, strict=True) if not test] == [5, 6] * 6
    last = for_testing(found, HeldOut.SPEAKER)
    assert {one.speaker for one, test in zip(found, last, strict=True) if test} == {"c"}
    named = for_testing(found, HeldOut.SPEAKER, ["a", "b"])
    assert {one.speaker for one, test in zip(found, named, strict=True) if not test} == {"c"}
    with pytest.raises(OptionError, match=r"^held_out=d: the speakers are a, b, c$"):
        for_testing(found, HeldOut.SPEAKER, ["d"])
    with pytest.raises(OptionError, match=r"^split=speaker: the speakers a, b, c are 42 of 42 recordings$"):
        for_testing(found, HeldOut.SPEAKER, ["a", "b", "c"])
    with pytest.raises(OptionError, match=r"^split=official: the numbers below 5 are 0 of 2 recordings$"):
        for_testing([one for one in found if one.number > 5][:2], HeldOut.OFFICIAL)


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.int32, np.float32])
def test_sounds_lie_between_minus_one_and_one(tmp_path: Path, kind: type) -> None:
    sound = 0.5 * np.sin(np.arange(400) / 7)
    scale, shift = {np.uint8: (128, 128), np.int16: (2**15, 0), np.int32: (2**31, 0), np.float32: (1, 0)}[kind]
    stereo = np.stack([sound, sound], axis=1) * scale + shift
    wavfile.write(tmp_path / "a.wav", 8000, stereo.astype(kind))
    read, rate = read_wave(tmp_path / "a.wav")
    assert rate == 8000
    assert read == pytest.approx(sound, abs=1 / 64 if kind is np.uint8 else 1e-4)


def test_damaged_files_are_named(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    for content in (b"", b"RIFF", b"no wav at all, but text"):
        path.write_bytes(content)
        with pytest.raises(DataError, match=f"^{path} cannot be read as a wav file: "):
            read_wave(path)
    wavfile.write(path, 8000, np.full(10, np.nan, np.float32))
    with pytest.raises(DataError, match=f"^{path} has samples that are no numbers$"):
        read_wave(path)


@pytest.mark.data
def test_free_spoken_digit_dataset() -> None:
    root = os.environ.get("SNNEXP_DATA")
    if root is None or not (Path(root) / "fsdd" / "recordings").is_dir():
        pytest.skip("SNNEXP_DATA does not name a folder with fsdd/recordings/")
    found = list_recordings(Path(root) / "fsdd" / "recordings")
    assert len(found) == 3000
    assert classes(found) == tuple("0123456789")
    assert speakers(found) == ("george", "jackson", "lucas", "nicolas", "theo", "yweweler")
    assert set(Counter((one.label, one.speaker) for one in found).values()) == {50}
    assert for_testing(found, HeldOut.OFFICIAL).sum() == 300
    sound, rate = read_wave(found[0].path)
    assert (found[0].key, rate, len(sound)) == ("0_george_0.wav", 8000, 2384)
    assert 0.01 < np.abs(sound).max() <= 1
