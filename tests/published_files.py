"""Files in the layouts in which data sets are published, written by the tests."""

import gzip
import os
from hashlib import md5
from pathlib import Path

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest
import torch

from snnexp.data.published import File, Published

REST = ("valid", "test")


def real(folder: str) -> Path:
    """The folder that the user's data lie in; skips the test where it does not hold this data set."""
    root = os.environ.get("SNNEXP_DATA")
    if root is None or not (Path(root) / folder).is_dir():
        pytest.skip(f"SNNEXP_DATA does not name a folder with {folder}/")
    return Path(root)


def write_heidelberg(
    path: Path, samples: int, classes: int, seed: int, events: int = 400
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """A file as of SHD: float16 seconds, up to 1.3 s, in order; the label is the first unit modulo the classes."""
    rng = np.random.default_rng(seed)
    times = [np.sort(rng.uniform(0, 1.3, events)).astype(np.float16) for _ in range(samples)]
    units = [rng.integers(0, 700, events) for _ in range(samples)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file.create_dataset("spikes/times", (samples,), h5py.vlen_dtype(np.float16))
        file.create_dataset("spikes/units", (samples,), h5py.vlen_dtype(np.int64))
        for sample in range(samples):
            file["spikes/times"][sample], file["spikes/units"][sample] = times[sample], units[sample]
        file["labels"] = np.array([unit[0] % classes for unit in units], np.uint16)
        file["extra/speaker"] = np.zeros(samples, np.uint16)
        file["extra/keys"] = np.array([b"word"] * classes)
    return times, units


def write_idx(root: Path, name: str, samples: dict[str, int], seed: int = 0) -> Published:
    """The four files of an MNIST with random images, each labelled by its first pixel; what would be published."""
    (root / name).mkdir()
    rng = np.random.default_rng(seed)
    sums = {}
    for part, count in samples.items():
        images = rng.integers(0, 256, (count, 28, 28), np.uint8)
        labels = (images[:, 0, 0] % 10).astype(np.uint8)
        for kind, values in {"images-idx3": images, "labels-idx1": labels}.items():
            file = f"{part}-{kind}-ubyte.gz"
            sums[file] = File(write_gzipped(root / name / file, values))
    return Published(name, (), sums)


def write_text(root: Path) -> Published:
    """A Penn Treebank of lines of four words, w0 to w9998, each of them once for training; what would be published."""
    (root / "ptb").mkdir(exist_ok=True)
    rng = np.random.default_rng(0)
    files = {}
    for part, words in (("train", rng.permutation(9999)), *((part, rng.integers(0, 9999, 400)) for part in REST)):
        lines = [" ".join(f"w{word}" for word in words[start : start + 4]) for start in range(0, len(words), 4)]
        content = "".join(f" {line} \n" for line in lines).encode()
        (root / "ptb" / f"ptb.{part}.txt").write_bytes(content)
        files[f"ptb.{part}.txt"] = File(md5(content).hexdigest())
    return Published("ptb", (), files)


def write_gzipped(path: Path, values: np.ndarray) -> str:
    """An idx file of bytes; returns its md5."""
    header = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
    content = gzip.compress(header + values.tobytes(), 1)
    path.write_bytes(content)
    return md5(content).hexdigest()


def tonic_frames(events: np.ndarray, sensor_size: tuple[int, int, int], step_us: int, steps: int) -> torch.Tensor:
    """Binary frames [T, channels] by tonic, from time 0 on."""
    from tonic.transforms import ToFrame  # type: ignore[import-untyped]

    # tonic searches for the ends of its windows, so the times have to be in order.
    events = events[np.argsort(events["t"], kind="stable")]
    frames = ToFrame(sensor_size, time_window=step_us, start_time=0, end_time=step_us * steps)(events)
    return torch.from_numpy((frames.reshape(len(frames), -1) > 0).astype(np.float32))
