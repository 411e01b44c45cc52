"""First-order filters over whole sequences, compiled."""

import ctypes

import torch
from torch import Tensor

from snnexp.kernels.native.call import Call, Value, integers, pointers, threads

# Shapes: T time, B batch, N neurons.


class Arguments(ctypes.Structure):
    """`Filter` of filter.cpp."""

    _fields_ = [*integers("T B N threads reverse"), *pointers("x decay start y")]


def walk(x_TBN: Tensor, decay_N: Tensor, start_BN: Tensor, reverse: bool = False) -> Tensor:
    """y_t = x_t + decay y_{t-1}, from the first step to the last; or in reverse, y_t = x_t + decay y_{t+1}.

    start_BN: what comes before the first step that is walked.
    """
    x_TBN, y_TBN = x_TBN.contiguous(), torch.empty(x_TBN.shape, dtype=x_TBN.dtype)
    T, B, N = x_TBN.shape
    values: dict[str, Value] = {"T": T, "B": B, "N": N, "threads": min(B, threads(x_TBN.numel())), "reverse": reverse}
    values |= {"x": x_TBN, "decay": decay_N.contiguous(), "start": start_BN.contiguous(), "y": y_TBN}
    Call("filter", Arguments, x_TBN.dtype, values)()
    return y_TBN
