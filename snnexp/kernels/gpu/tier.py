"""Whether Triton's kernels can run on this machine, and which tensors they take."""

from functools import cache
from importlib.util import find_spec
from typing import cast

import torch

from snnexp.kernels.tier import Tier, fastest


@cache
def lacking() -> str:
    """Why Triton's kernels cannot run on this machine; empty where they can."""
    if find_spec("triton") is None:
        return "the package triton is not installed (torch's CUDA builds for Linux bring it)"
    if not torch.cuda.is_available() and not _interpreted():
        return "there is no CUDA device (TRITON_INTERPRET=1 in the environment runs them without one, very slowly)"
    return ""


def tier(device: torch.device, dtype: torch.dtype) -> Tier | None:
    """Triton's recursions for float32 and float64 on a GPU, or anywhere if Triton is interpreted; else `fastest`.

    Not all of a run is on the GPU: an initialisation that measures does so on the CPU, before training.
    """
    if dtype not in (torch.float32, torch.float64) or (device.type != "cuda" and not _interpreted()):
        return fastest(device, dtype)
    from snnexp.kernels.gpu import membrane

    return cast(Tier, membrane)


def _interpreted() -> bool:
    """Whether Triton was imported with TRITON_INTERPRET=1."""
    from triton.runtime import JITFunction

    from snnexp.kernels.gpu import sequence

    return not isinstance(sequence.forward, JITFunction)
