"""What a network's outputs are worth: the loss, and the classes that are decided for."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from snnexp.kernels.native.raster import frames
from snnexp.kernels.projection import Projection
from snnexp.losses import CrossEntropy, Loss, at_decisions
from snnexp.readouts import Readout

# Shapes: T time, K decisions a sample (a multiple of T), B batch, R rows (K x B), P rows of a piece, N neurons,
# C classes.

PIECE = 2**21  # logits; eight megabytes in float32


class Score(NamedTuple):
    """loss: to be minimised.  cross_entropy: without smoothing, and without gradient.

    predictions: the classes decided for, shaped like the targets.
    """

    loss: Tensor
    cross_entropy: Tensor
    predictions: Tensor


def whole(outputs: Tensor | Projection) -> Tensor:
    """Outputs [T, B, C], computed where their factors are given."""
    if isinstance(outputs, Tensor):
        return outputs
    return functional.linear(frames(outputs.x), outputs.weight, outputs.bias)


def score(outputs: Tensor | Projection, targets: Tensor, readout: Readout, loss: Loss) -> Score:
    """Judge outputs by targets for the samples, [B], or for their steps, [T, B].

    Where outputs are given by their factors, and each step has a target and is decided for itself, some steps are
    judged at a time, and their gradients computed along with them: of thousands of classes neither all logits nor their
    gradients are ever there. This is done in the precision of the weights, without autocast.
    """
    by_steps = targets.dim() == 2 and readout.at_every_step and type(loss) is CrossEntropy
    if by_steps and isinstance(outputs, Projection):
        x_KBN, weight_CN, bias_C = frames(outputs.x).to(outputs.weight.dtype), outputs.weight, outputs.bias
        with torch.autocast(x_KBN.device.type, enabled=False):
            learns = torch.is_grad_enabled()
            parts = _InPieces.apply(x_KBN, weight_CN, bias_C, targets, readout, loss, learns)  # type: ignore[no-untyped-call]
        return Score(*parts)
    logits_KBC = readout.logits(whole(outputs))
    minimised = loss(logits_KBC, targets)
    with torch.no_grad():
        cross_entropy = loss.unsmoothed(minimised, logits_KBC, targets)
    return Score(minimised, cross_entropy, readout.predictions(logits_KBC, targets))


class _Gradients:
    """Gradients to x, W and bias of x W^T + bias, those of some rows after those of others; to the wanted ones only."""

    def __init__(self, x_RN: Tensor, weight_CN: Tensor, wanted: Sequence[bool]) -> None:
        to_x, to_weight, to_bias = wanted
        self.x_RN, self.weight_CN = x_RN, weight_CN
        self.of_x = torch.empty_like(x_RN) if to_x else None
        self.of_weight = torch.zeros_like(weight_CN) if to_weight else None
        self.of_bias = weight_CN.new_zeros(len(weight_CN)) if to_bias else None

    def add(self, rows: slice, gradient_PC: Tensor) -> None:
        if self.of_x is not None:
            torch.mm(gradient_PC, self.weight_CN, out=self.of_x[rows])
        if self.of_weight is not None:
            self.of_weight.addmm_(gradient_PC.t(), self.x_RN[rows])
        if self.of_bias is not None:
            self.of_bias += gradient_PC.sum(0)


class _InPieces(torch.autograd.Function):
    """The fields of `Score`. The gradients are computed forward; backward only scales them."""

    @staticmethod
    def forward(
        ctx: Any,
        x_KBN: Tensor,
        weight_CN: Tensor,
        bias_C: Tensor | None,
        targets_TB: Tensor,
        readout: Readout,
        loss: CrossEntropy,
        learns: bool,
    ) -> tuple[Tensor, Tensor, Tensor]:
        right_R, x_RN = at_decisions(targets_TB, len(x_KBN)).flatten(), x_KBN.flatten(0, 1)
        gradients = _Gradients(x_RN, weight_CN, [learns and wanted for wanted in ctx.needs_input_grad[:3]])
        step, classes = len(x_RN) // len(targets_TB), len(weight_CN)  # step: its rows
        steps = max(1, PIECE // (step * classes))
        room_PC = x_RN.new_empty(min(steps * step, len(x_RN)), classes)
        predictions, sums = [], []
        for first in range(0, len(targets_TB), steps):
            some_TB = targets_TB[first : first + steps]
            rows = slice(first * step, (first + len(some_TB)) * step)
            logits_PC = torch.mm(x_RN[rows], weight_CN.t(), out=room_PC[: rows.stop - rows.start])
            if bias_C is not None:
                logits_PC += bias_C
            predictions.append(readout.predictions(logits_PC.view(-1, x_KBN.shape[1], classes), some_TB))
            sums.append(loss.descend(logits_PC, right_R[rows]))  # the logits have become gradients
            gradients.add(rows, logits_PC)
        of_x_KBN = None if gradients.of_x is None else gradients.of_x.view_as(x_KBN)
        ctx.rows = len(x_RN)
        ctx.save_for_backward(of_x_KBN, gradients.of_weight, gradients.of_bias)
        minimised, cross_entropy = torch.stack(sums).sum(0) / len(x_RN)
        predictions_TB = torch.cat(predictions)
        ctx.mark_non_differentiable(cross_entropy, predictions_TB)
        return minimised, cross_entropy, predictions_TB

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        scale = gradients[0] / ctx.rows
        found = (None if sums is None else sums * scale for sums in ctx.saved_tensors)
        return *found, None, None, None, None
