"""Folders of small recordings, heard by an ear of few channels."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest
from scipy.io import wavfile

from snnexp.audio.basilar_membrane import BasilarMembrane
from snnexp.audio.ear import Ear
from snnexp.audio.recordings import HeldOut
from snnexp.data.hearing import encode, follow
from snnexp.data.trains import SpikeTrains
from snnexp.errors import DataError, OptionError

ROOT = Path(__file__).resolve().parent.parent
EAR = Ear(BasilarMembrane(channels=30), rate=12000)
BOTH = list(HeldOut)


def sing(folder: Path, labels: int = 2, seconds: float = 0.05) -> Path:
    """Tones of 400 Hz for label 0, an octave more for each further one, by two speakers, with numbers 4 to 6."""
    folder.mkdir(exist_ok=True)
    for label in range(labels):
        for speaker, voice in (("ann", 1.0), ("bob", 1.1)):
            for index in range(4, 7):
                at = np.arange(round(8000 * seconds) + 80 * index) / 8000
                sound = np.sin(2 * np.pi * 400 * 2**label * voice * at)
                wavfile.write(folder / f"{label}_{speaker}_{index}.wav", 8000, (20000 * sound).astype(np.int16))
    return folder


def read(path: Path) -> SpikeTrains:
    with h5py.File(path) as file:
        times, units, labels, speakers = (
            file[name][:] for name in ("spikes/times", "spikes/units", "labels", "extra/speaker")
        )
        return SpikeTrains(list(times), list(units), labels, speakers, tuple(file["extra/keys"].asstr()[:]))


def same(one: SpikeTrains, other: SpikeTrains) -> bool:
    arrays = zip([*one.times, *one.units, one.labels], [*other.times, *other.units, other.labels], strict=True)
    return all(np.array_equal(before, after) for before, after in arrays)


def test_a_folder_becomes_four_files(tmp_path: Path) -> None:
    written = encode(sing(tmp_path / "wav"), tmp_path / "out", EAR, BOTH)
    names = ["official_train.h5", "official_test.h5", "speaker_train.h5", "speaker_test.h5"]
    assert [path.name for path in written] == names
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == sorted(names)
    official_train, official_test, speaker_train, speaker_test = (read(path) for path in written)
    assert official_train.labels.tolist() == [0] * 4 + [1] * 4
    assert official_test.labels.tolist() == [0, 0, 1, 1]
    assert official_test.speakers.tolist() == [0, 1, 0, 1]
    assert set(speaker_train.speakers.tolist()) == {0}
    assert set(speaker_test.speakers.tolist()) == {1}
    assert official_train.keys == ("0", "1")
    by_label = list(zip(official_train.units, official_train.labels, strict=True))
    low, high = (np.mean([units.mean() for units, label in by_label if label == own]) for own in (0, 1))
    assert low > high + 2
    assert all(len(times) > 20 and (np.diff(times) >= 0).all() for times in official_train.times)


def test_what_was_heard_before_a_stop_is_not_heard_again(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("snnexp.data.pieces.TOGETHER", 0.5)
    folder = sing(tmp_path / "wav")
    whole = [read(path) for path in encode(folder, tmp_path / "whole", EAR, [HeldOut.OFFICIAL])]
    assert "12 of 12 recordings, 0.0 min left" in capsys.readouterr().err
    parts = tmp_path / "out" / "parts"

    class StopError(Exception): ...

    class Stopping(Ear):
        def hear(self, sounds, rate, draws):  # type: ignore[no-untyped-def]
            if list(parts.iterdir()):
                raise StopError
            return super().hear(sounds, rate, draws)

        def __repr__(self) -> str:
            return repr(EAR)

    with pytest.raises(StopError):
        encode(folder, tmp_path / "out", Stopping(EAR.membrane, rate=EAR.rate), [HeldOut.OFFICIAL])
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["parts"]
    (kept,) = parts.iterdir()
    before = kept.stat().st_mtime_ns
    with pytest.raises(StopError):  # the first piece is read, not heard
        encode(folder, tmp_path / "out", Stopping(EAR.membrane, rate=EAR.rate), [HeldOut.OFFICIAL])
    assert kept.stat().st_mtime_ns == before
    with np.load(kept) as stored:
        before = len(stored["ends"])
    capsys.readouterr()
    again = [read(path) for path in encode(folder, tmp_path / "out", EAR, [HeldOut.OFFICIAL])]
    assert all(same(one, other) for one, other in zip(whole, again, strict=True))
    said = [line for line in capsys.readouterr().err.split("\r") if line.strip()]
    assert int(said[0].split()[0]) > before
    assert said[-1].startswith("12 of 12 recordings")


def test_the_time_left_is_of_what_is_heard_now(capsys: pytest.CaptureFixture[str]) -> None:
    def hear() -> Iterator[int]:
        time.sleep(0.1)
        yield 1

    follow(hear(), before=900, total=1000)  # 99 of them at .1 s or more
    said = re.fullmatch(r"901 of 1000 recordings, ([\d.]+) min left \r\n", capsys.readouterr().err)
    assert said is not None
    assert float(said[1]) >= 0.2


def test_what_is_all_there_is_not_heard_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, out = sing(tmp_path / "wav"), tmp_path / "out"

    def changed(**options: Any) -> list[str]:
        """Encodes; the files that were written anew."""
        before = {path.name: path.stat().st_mtime_ns for path in out.glob("*.h5")}
        written = encode(folder, out, **{"ear": EAR, "splits": BOTH, **options})
        return [path.name for path in written if path.stat().st_mtime_ns != before.get(path.name)]

    names = ["official_train.h5", "official_test.h5", "speaker_train.h5", "speaker_test.h5"]
    assert changed() == names
    capsys.readouterr()
    assert changed() == changed(splits=[HeldOut.SPEAKER]) == []
    assert capsys.readouterr().err == "all 12 recordings are there, heard with these options\n" * 2
    assert changed(held_out=["ann"]) == names[2:]
    assert changed(held_out=["ann"], seed=1) == names
    (out / "official_test.h5").unlink()
    assert changed(held_out=["ann"], seed=1) == ["official_test.h5"]
    (out / "official_test.h5").write_bytes(b"cut off")
    assert changed(held_out=["ann"], seed=1) == ["official_test.h5"]
    sing(folder, seconds=0.06)
    assert changed(held_out=["ann"], seed=1) == names


def test_neither_processes_nor_other_recordings_change_the_spikes(tmp_path: Path) -> None:
    few, many = sing(tmp_path / "few"), sing(tmp_path / "many", labels=3)
    one = [read(path) for path in encode(few, tmp_path / "one", EAR, BOTH)]
    two = [read(path) for path in encode(few, tmp_path / "two", EAR, BOTH, processes=2)]
    assert all(same(*pair) for pair in zip(one, two, strict=True))
    more = read(encode(many, tmp_path / "more", EAR, BOTH)[0])
    assert all(np.array_equal(a, b) for a, b in zip(one[0].times, more.times[: len(one[0].times)], strict=True))
    other = read(encode(few, tmp_path / "other", EAR, BOTH, seed=1)[0])
    assert not same(one[0], other)


def test_a_bad_recording_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    folder = sing(tmp_path / "wav")
    wavfile.write(folder / "0_ann_9.wav", 8000, np.zeros(100, np.int16))
    with pytest.raises(DataError, match=r"0_ann_9\.wav is silent from beginning to end$"):
        encode(folder, tmp_path / "out", EAR, BOTH)
    (folder / "0_ann_9.wav").write_bytes(b"RIFF")
    with pytest.raises(DataError, match=r"0_ann_9\.wav cannot be read as a wav file: "):
        encode(folder, tmp_path / "out", EAR, BOTH)
    assert list((tmp_path / "out").glob("*.h5")) == []
    with pytest.raises(OptionError, match=r"^held_out=carl: the speakers are ann, bob$"):
        encode(folder, tmp_path / "new", EAR, BOTH, held_out=["carl"])
    assert not (tmp_path / "new").exists()


def test_command(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "scripts" / "encode_audio.py", sing(tmp_path / "wav"), tmp_path / "out"]
    done = subprocess.run([*command, "--channels", "30", "--splits", "official"], capture_output=True, text=True)
    assert (done.returncode, done.stdout.split()) == (
        0,
        [str(tmp_path / "out" / f"official_{part}.h5") for part in ("train", "test")],
    )
    assert read(tmp_path / "out" / "official_test.h5").labels.tolist() == [0, 0, 1, 1]
    wrong = subprocess.run([*command, "--held-out", "carl"], capture_output=True, text=True)
    assert (wrong.returncode, wrong.stderr) == (1, "held_out=carl: the speakers are ann, bob\n")
