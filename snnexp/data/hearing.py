"""A folder of recordings, heard by the ear and written as a data set in the layout of SHD."""

import multiprocessing
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path

import numpy as np

from snnexp.audio.ear import Ear, Spikes
from snnexp.audio.recordings import HeldOut, Recording, classes, for_testing, list_recordings, speakers
from snnexp.data.pieces import Piece, divide, fingerprint, hear, kept
from snnexp.data.trains import SpikeTrains, read_made_of, write_trains
from snnexp.errors import require


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
    stopped; where all are whole, made of the same recordings in the same way, there is nothing to do. The spikes of a
    recording depend on itself, its key, the ear and `seed`, not on other recordings.

    Raises DataError for a recording that cannot be read or is silent, OptionError for a split that leaves nothing.
    """
    require(processes >= 1, "processes", processes, "must be at least 1")
    recordings = list_recordings(folder)
    goals = {}
    for split in splits:
        test = for_testing(recordings, split, held_out)
        for part, chosen in (("train", ~test), ("test", test)):
            goals[out / f"{split}_{part}.h5"] = [recordings[index] for index in chosen.nonzero()[0].tolist()]
    names = classes(recordings), speakers(recordings)
    made_of = {path: fingerprint(mine, ear, seed, *names) for path, mine in goals.items()}
    wanted = [path for path in goals if read_made_of(path) != made_of[path]]
    if not wanted:
        print(f"all {len(recordings)} recordings are there, heard with these options", file=sys.stderr)
        return list(goals)
    out.mkdir(parents=True, exist_ok=True)
    pieces = divide(recordings, ear, seed, out / "parts")
    (out / "parts").mkdir(exist_ok=True)
    missing = [piece for piece in pieces if not piece.path.exists()]
    left = sum(len(piece.recordings) for piece in missing)
    follow(_hear_all(missing, ear, seed, processes), len(recordings) - left, len(recordings))
    heard = {key: spikes for piece in pieces for key, spikes in kept(piece)}
    for path in wanted:
        write_trains(path, _trains(goals[path], *names, heard), made_of[path])
    shutil.rmtree(out / "parts")
    return list(goals)


def _hear_all(pieces: Sequence[Piece], ear: Ear, seed: int, processes: int) -> Iterator[int]:
    one = partial(hear, ear=ear, seed=seed)
    if processes == 1:
        yield from map(one, pieces)
        return
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        futures = [pool.submit(one, piece) for piece in pieces]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:  # after an error nobody waits for the rest
            pool.shutdown(cancel_futures=True)


def follow(heard: Iterable[int], before: int, total: int) -> None:
    """Hear, while a line says how many recordings are done and how long the others take at the pace of this call."""
    started, done = time.monotonic(), before
    for recordings in heard:
        done += recordings
        left = (time.monotonic() - started) / (done - before) * (total - done)
        print(f"{done} of {total} recordings, {left / 60:.1f} min left ", end="\r", file=sys.stderr, flush=True)
    print(file=sys.stderr)


def _trains(
    recordings: Sequence[Recording], labels: tuple[str, ...], people: tuple[str, ...], heard: Mapping[str, Spikes]
) -> SpikeTrains:
    return SpikeTrains(
        times=[heard[one.key].times for one in recordings],
        units=[heard[one.key].units for one in recordings],
        labels=np.array([labels.index(one.label) for one in recordings]),
        speakers=np.array([people.index(one.speaker) for one in recordings]),
        keys=labels,
    )
