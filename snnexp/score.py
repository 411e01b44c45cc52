"""What a network's outputs are worth: the loss, and the classes that are decided for."""

from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.nn import functional

from snnexp.kernels.native.raster import frames
from snnexp.kernels.projection import Projection
from snnexp.losses import CrossEntropy, Loss, at_decisions
from snnexp.readouts import Readout

# Shapes: T time, K decisions a sample (a multiple of T), B batch, N neurons, C classes, P decisions of a piece.

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
        to_x, to_weight, to_bias = (learns and asked for asked in ctx.needs_input_grad[:3])
        right_RB = at_decisions(targets_TB, len(x_KBN))
        x_RN, right_R = x_KBN.flatten(0, 1), right_RB.flatten()
        of_x_RN = torch.empty_like(x_RN) if to_x else None
        of_weight_CN = torch.zeros_like(weight_CN) if to_weight else None
        of_bias_C = torch.zeros_like(weight_CN[:, 0]) if to_bias else None
        predictions_TB, sums = torch.empty_like(targets_TB), []
        a_step = len(x_RN) // len(targets_TB)  # rows
        steps = max(1, PIECE // (a_step * len(weight_CN)))
        room = x_RN.new_empty(min(len(x_RN), steps * a_step), len(weight_CN))
        for first in range(0, len(targets_TB), steps):
            piece, rows = slice(first, first + steps), slice(first * a_step, (first + steps) * a_step)
            x_PN = x_RN[rows]
            logits_PC = torch.mm(x_PN, weight_CN.t(), out=room[: len(x_PN)])
            if bias_C is not None:
                logits_PC += bias_C
            logits_KBC = logits_PC.view(-1, *x_KBN.shape[1:-1], len(weight_CN))
            predictions_TB[piece] = readout.predictions(logits_KBC, targets_TB[piece])
            sums.append(loss.descend(logits_PC, right_R[rows]))
            if of_x_RN is not None:
                torch.mm(logits_PC, weight_CN, out=of_x_RN[rows])
            if of_weight_CN is not None:
                of_weight_CN.addmm_(logits_PC.t(), x_PN)
            if of_bias_C is not None:
                of_bias_C += logits_PC.sum(0)
        ctx.rows = len(x_RN)
        ctx.save_for_backward(None if of_x_RN is None else of_x_RN.view_as(x_KBN), of_weight_CN, of_bias_C)
        minimised, cross_entropy = torch.stack(sums).sum(0) / len(x_RN)
        ctx.mark_non_differentiable(cross_entropy, predictions_TB)
        return minimised, cross_entropy, predictions_TB

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        scale = gradients[0] / ctx.rows
        found = (None if sums is None else sums * scale for sums in ctx.saved_tensors)
        return *found, None, None, None, None
