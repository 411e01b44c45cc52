"""Recordings that are heard together, and what was heard of them, kept in a file."""

import hashlib
import io
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from snnexp.audio.ear import Ear, Spikes
from snnexp.audio.recordings import Recording, read_wave
from snnexp.errors import DataError
from snnexp.files import write_atomically

TOGETHER = 4.0
"""Seconds of sound that are heard in one piece; 24,000 steps x 700 channels x 4 bytes a second."""

VERSION = 1
"""Of the ear; another one makes every file anew."""


class Piece(NamedTuple):
    """Recordings that are heard together, and the file for what is heard, named by all on which that depends."""

    recordings: list[Recording]
    path: Path


def divide(recordings: Sequence[Recording], ear: Ear, seed: int, parts: Path) -> list[Piece]:
    """Recordings that the membrane answers in the same number of steps, a few seconds together.

    Raises DataError for one that cannot be read or is silent.
    """
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
    return [Piece(piece, parts / f"{fingerprint(piece, ear, seed)}.npz") for piece in pieces]


def hear(piece: Piece, ear: Ear, seed: int) -> int:
    """Put the spikes of some recordings of one rate into the file of their piece; returns how many recordings."""
    sounds = [read_wave(one.path) for one in piece.recordings]
    draws = [np.random.default_rng([seed, *one.key.encode()]) for one in piece.recordings]
    spikes = ear.hear([sound for sound, _ in sounds], sounds[0][1], draws)
    stored = io.BytesIO()
    np.savez(
        stored,
        times=np.concatenate([one.times for one in spikes]),
        units=np.concatenate([one.units for one in spikes]).astype(np.uint16),
        ends=np.cumsum([len(one.times) for one in spikes]),
    )
    write_atomically(piece.path, stored.getvalue())
    return len(spikes)


def kept(piece: Piece) -> Iterator[tuple[str, Spikes]]:
    """The keys of a piece's recordings, and what was heard."""
    with np.load(piece.path) as stored:
        times, units, ends = stored["times"], stored["units"], stored["ends"][:-1]
    spikes = map(Spikes, np.split(times, ends), np.split(units, ends))
    return zip([one.key for one in piece.recordings], spikes, strict=True)


def fingerprint(recordings: Sequence[Recording], ear: Ear, seed: int, *besides: tuple[str, ...]) -> str:
    """A hash of some recordings, of all that makes their spikes, and of what else is said."""
    ident = hashlib.sha256(repr((VERSION, ear, seed, [one.key for one in recordings], besides)).encode())
    for one in recordings:
        ident.update(hashlib.sha256(one.path.read_bytes()).digest())
    return ident.hexdigest()[:24]
