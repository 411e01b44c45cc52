"""A folder of recordings, heard by the ear and written as a data set in the layout of SHD."""

import hashlib
import io
import multiprocessing
import shutil
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path

import numpy as np

from snnexp.audio.ear import Ear, Spikes
from snnexp.audio.recordings import HeldOut, Recording, classes, for_testing, list_recordings, read_wave, speakers
from snnexp.data.trains import SpikeTrains, write_trains
from snnexp.errors import DataError, require
from snnexp.files import write_atomically

TOGETHER = 4.0
"""Seconds of sound that are heard in one piece; 24,000 steps x 700 channels x 4 bytes a second."""

Heard = dict[str, Spikes]  # by the key of the recording


def encode(
    folder: Path,
    out: Path,
    ear: Ear,
    splits: Sequence[HeldOut],
    *,
    held_out: Sequence[str] = (),
    seed: int = 0,
    processes: int = 1,
) -> list[Path]:
    """Write `<split>_train.h5` and `<split>_test.h5` for each split; returns where they are.

    What is heard is kept in `<out>/parts` until all files are whole, so that the same command goes on where it was
    stopped. The spikes of a recording depend on itself, its key, the ear and `seed`, not on other recordings.

    Raises DataError for a recording that cannot be read or is silent, OptionError for a split that leaves nothing.
    """
    require(processes >= 1, "processes", processes, "must be at least 1")
    recordings = list_recordings(folder)
    tests = {split: for_testing(recordings, split, held_out) for split in splits}
    parts = out / "parts"
    parts.mkdir(parents=True, exist_ok=True)
    heard: Heard = {}
    for piece in _said(_hear_all(_pieces(recordings, ear), ear, seed, parts, processes), len(recordings)):
        heard |= piece
    written = []
    for split, test in tests.items():
        for part, chosen in (("train", ~test), ("test", test)):
            written.append(out / f"{split}_{part}.h5")
            write_trains(written[-1], _trains(recordings, heard, chosen.nonzero()[0].tolist()))
    shutil.rmtree(parts)
    return written


def hear_piece(piece: Sequence[Recording], ear: Ear, seed: int, parts: Path) -> Heard:
    """The spikes of some recordings of one rate, from a file in `parts` if they are there, or else put there."""
    ident = hashlib.sha256(repr((ear, seed, [one.key for one in piece])).encode())
    for one in piece:
        ident.update(hashlib.sha256(one.path.read_bytes()).digest())
    path = parts / f"{ident.hexdigest()[:24]}.npz"
    if path.exists():
        with np.load(path) as stored:
            times, units, ends = stored["times"], stored["units"], stored["ends"][:-1]
        return dict(
            zip([one.key for one in piece], map(Spikes, np.split(times, ends), np.split(units, ends)), strict=True)
        )
    sounds = [read_wave(one.path) for one in piece]
    draws = [np.random.default_rng([seed, *one.key.encode()]) for one in piece]
    spikes = ear.hear([sound for sound, _ in sounds], sounds[0][1], draws)
    stored = io.BytesIO()
    ends = np.cumsum([len(one.times) for one in spikes])
    np.savez(
        stored,
        times=np.concatenate([one.times for one in spikes]),
        units=np.concatenate([one.units for one in spikes]).astype(np.uint16),
        ends=ends,
    )
    write_atomically(path, stored.getvalue())
    return dict(zip([one.key for one in piece], spikes, strict=True))


def _pieces(recordings: Sequence[Recording], ear: Ear) -> list[list[Recording]]:
    """Recordings that the membrane answers in the same number of steps, a few seconds together."""
    alike: defaultdict[tuple[int, int], list[tuple[Recording, float]]] = defaultdict(list)
    for one in recordings:
        sound, rate = read_wave(one.path)
        if not sound.any():
            raise DataError(f"{one.path} is silent from beginning to end")
        alike[rate, ear.membrane.blocks(len(sound), rate, ear.rate)].append((one, len(sound) / rate))
    pieces: list[list[Recording]] = []
    for key in sorted(alike):
        room = 0.0
        for one, seconds in alike[key]:
            if room < seconds:
                pieces.append([])
                room = TOGETHER
            pieces[-1].append(one)
            room -= seconds
    return pieces


def _hear_all(
    pieces: Sequence[Sequence[Recording]], ear: Ear, seed: int, parts: Path, processes: int
) -> Iterator[Heard]:
    hear = partial(hear_piece, ear=ear, seed=seed, parts=parts)
    if processes == 1:
        yield from map(hear, pieces)
        return
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        futures = [pool.submit(hear, piece) for piece in pieces]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:  # after an error nobody waits for the rest
            pool.shutdown(cancel_futures=True)


def _said(pieces: Iterable[Heard], total: int) -> Iterator[Heard]:
    """The same, while a line says how many recordings are done and how long the others will take."""
    started, done = time.monotonic(), 0
    for piece in pieces:
        done += len(piece)
        left = (time.monotonic() - started) / done * (total - done)
        print(f"{done} of {total} recordings, {left / 60:.1f} min left ", end="\r", file=sys.stderr, flush=True)
        yield piece
    print(file=sys.stderr)


def _trains(recordings: Sequence[Recording], heard: Heard, chosen: Sequence[int]) -> SpikeTrains:
    names, people = classes(recordings), speakers(recordings)
    mine = [recordings[index] for index in chosen]
    return SpikeTrains(
        times=[heard[one.key].times for one in mine],
        units=[heard[one.key].units for one in mine],
        labels=np.array([names.index(one.label) for one in mine]),
        speakers=np.array([people.index(one.speaker) for one in mine]),
        keys=names,
    )
