"""The compiled kernels: built at first use, kept in a folder, loaded once."""

import ctypes
import hashlib
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch

SOURCES = [Path(__file__).with_name(f"{name}.cpp") for name in ("sequence", "gates", "filter", "events", "raster")]
HEADERS = [Path(__file__).with_name(name) for name in ("vectors.hpp", "spikes.hpp", "membrane.hpp")]
# No -ffast-math: infinities have to stay what they are. Nor is OpenMP linked: torch has loaded its own, and two of them
# would fight for the cores.
FLAGS = ["-std=c++17", "-O2", "-march=native", "-fopenmp", "-fno-math-errno", "-fno-trapping-math", "-fPIC"]
REALS = {torch.float32: "float", torch.float64: "double"}


class Unavailable(Exception):  # noqa: N818 - a state of the machine
    """There are no compiled kernels here; the text says why."""


def folder() -> Path:
    """Where compiled kernels are kept: $SNNEXP_CACHE, else ~/.cache/snnexp."""
    return Path(os.environ.get("SNNEXP_CACHE") or Path.home() / ".cache" / "snnexp")


@cache
def library(dtype: torch.dtype) -> ctypes.CDLL:
    """The kernels for this precision, compiled if they are not in the folder yet; raises `Unavailable`.

    What is kept is named after the source, the compiler and what it knows of the processor, so that a home folder may
    be shared by unlike machines. Two processes may compile at the same time: a file gets its name when it is whole.
    """
    if dtype not in REALS:
        raise Unavailable(f"not for {dtype}")
    compiler = shutil.which(os.environ.get("CXX") or "c++")
    if compiler is None:
        raise Unavailable("no C++ compiler")
    flags = [*FLAGS, f"-DREAL={REALS[dtype]}"]
    target = _run([compiler, *flags, "-dM", "-E", "-x", "c++", os.devnull])
    texts = [path.read_bytes() for path in (*SOURCES, *HEADERS)]
    key = hashlib.sha256(b"\0".join([*texts, compiler.encode(), target])).hexdigest()[:16]
    kept = folder() / f"kernels-{REALS[dtype]}-{key}.so"
    try:
        if not kept.exists():
            kept.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=kept.parent) as scratch:
                _build(compiler, flags, Path(scratch), kept)
        loaded = ctypes.CDLL(str(kept))
    except OSError as error:
        raise Unavailable(str(error)) from error
    for size in (loaded.lanes, loaded.panel, loaded.slack, loaded.beside):
        size.restype = ctypes.c_int64
    return loaded


@cache
def lacking(device: torch.device, dtype: torch.dtype) -> str:
    """Why there are no compiled kernels for such tensors; empty where there are. Compiles them at the first call."""
    if device.type != "cpu":
        return f"none for {device.type}"
    try:
        library(dtype)
    except Unavailable as reason:
        return str(reason)
    return ""


def refused(device: torch.device, dtype: torch.dtype, agree: Callable[[torch.dtype], bool]) -> str:
    """Why compiled kernels are not taken; empty where they are.

    agree: whether they do in this precision what torch does. A first call may be that of a run in mixed precision.
    """
    if missing := lacking(device, dtype):
        return missing
    with torch.autocast(device.type, enabled=False):
        return "" if agree(dtype) else "the compiled kernels give other numbers"


def _build(compiler: str, flags: list[str], scratch: Path, kept: Path) -> None:
    objects = []
    for source in SOURCES:
        objects.append(str(scratch / f"{source.stem}.o"))
        _run([compiler, *flags, "-c", str(source), "-o", objects[-1]])
    _run([compiler, "-shared", *objects, "-o", str(scratch / kept.name)])
    (scratch / kept.name).replace(kept)


def _run(command: list[str]) -> bytes:
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode != 0:
        raise Unavailable(f"{command[0]}: {done.stderr.decode(errors='replace').strip().splitlines()[-1:]}")
    return done.stdout
