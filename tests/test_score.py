"""Scores of outputs that are never there as a whole, against those of the outputs themselves."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from snnexp import score as module
from snnexp.errors import UserError
from snnexp.kernels.projection import Projection
from snnexp.losses import CrossEntropy
from snnexp.readouts import Readout, every_step, greatest_mean, last, max_over_time, mode, sum_over_time
from snnexp.score import Score, score, whole

EVERY_STEP = Readout(every_step)


def factors(steps: int, batch: int, size: int, classes: int, bias: bool = True, seed: int = 0) -> Projection:
    generator = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64).requires_grad_()

    return Projection(normal(steps, batch, size), normal(classes, size), normal(classes) if bias else None)


def leaves(made: Projection) -> list[Tensor]:
    return [leaf for leaf in made if isinstance(leaf, Tensor)]


def gradients(scored: Score, made: Projection) -> tuple[Tensor, ...]:
    return torch.autograd.grad(2.5 * scored.loss, leaves(made))


@settings(max_examples=60, deadline=None)
@given(
    steps=st.integers(1, 7),
    each=st.integers(1, 3),
    batch=st.integers(1, 4),
    size=st.integers(1, 5),
    classes=st.integers(1, 6),
    bias=st.booleans(),
    smoothing=st.sampled_from([0.0, 0.1, 0.9]),
    decision=st.sampled_from([mode, greatest_mean]),
    piece=st.sampled_from([1, 40, 10**6]),
    seed=st.integers(0, 2**31),
)
def test_pieces_have_the_score_and_the_gradients_of_the_whole(
    steps: int,
    each: int,
    batch: int,
    size: int,
    classes: int,
    bias: bool,
    smoothing: float,
    decision: Callable[[Tensor], Tensor],
    piece: int,
    seed: int,
) -> None:
    made = factors(each * steps, batch, size, classes, bias, seed)
    targets_TB = torch.randint(classes, (steps, batch), generator=torch.Generator().manual_seed(seed))
    readout, loss = Readout(every_step, decision), CrossEntropy(smoothing)
    expected = score(whole(made), targets_TB, readout, loss)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "PIECE", piece)
        done = score(made, targets_TB, readout, loss)
        with torch.no_grad():
            unlearned = score(made, targets_TB, readout, loss)
    near = {"rtol": 1e-10, "atol": 1e-10}
    for ours in (done, unlearned):
        torch.testing.assert_close(tuple(ours), tuple(expected), **near)
    assert done.loss.requires_grad
    assert not any(part.requires_grad for part in (done.cross_entropy, *unlearned))
    torch.testing.assert_close(gradients(done, made), gradients(expected, made), **near)


class Largest(TorchDispatchMode):
    """Of all tensors that are made within, how many values the largest has."""

    values = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in made if isinstance(made, (tuple, list)) else [made]:
            if isinstance(tensor, Tensor):
                self.values = max(self.values, tensor.numel())
        return made


def test_never_are_all_logits_there(monkeypatch: pytest.MonkeyPatch) -> None:
    steps, batch, size, classes = 50, 2, 3, 400
    made, targets_TB = factors(steps, batch, size, classes), torch.zeros(steps, batch, dtype=torch.long)
    monkeypatch.setattr(module, "PIECE", 5 * batch * classes)
    with Largest() as pieces:
        gradients(score(made, targets_TB, EVERY_STEP, CrossEntropy(0.1)), made)
    with Largest() as at_once:
        gradients(score(whole(made), targets_TB, EVERY_STEP, CrossEntropy(0.1)), made)
    assert pieces.values == 5 * batch * classes
    assert at_once.values == steps * batch * classes


def test_large_logits_lose_nothing() -> None:
    logits_1BC = torch.tensor([[[3e4, 0.0, -3e4]]])
    made = Projection(torch.ones(1, 1, 1), logits_1BC[0].t(), None)
    for right in range(3):
        targets_TB = torch.tensor([[right]])
        expected = score(logits_1BC, targets_TB, EVERY_STEP, CrossEntropy(0.1))
        torch.testing.assert_close(tuple(score(made, targets_TB, EVERY_STEP, CrossEntropy(0.1))), tuple(expected))


class Doubled(CrossEntropy):
    def __call__(self, logits_KBC: Tensor, targets: Tensor) -> Tensor:
        return 2 * super().__call__(logits_KBC, targets)


@pytest.mark.parametrize("readout", [max_over_time, sum_over_time, last, partial(every_step)])
def test_other_readouts_losses_and_targets_are_given_all_outputs(readout: Callable[[Tensor], Tensor]) -> None:
    made = factors(6, 2, 3, 4)
    at_every_step = isinstance(readout, partial)
    assert Readout(readout).at_every_step == at_every_step
    for targets in (torch.tensor([3, 1]), torch.randint(4, (6 if at_every_step else 1, 2))):
        for loss in (CrossEntropy(), Doubled()):
            done = score(made, targets, Readout(readout), loss)
            assert done.loss.item() == pytest.approx(loss(readout(whole(made)), targets).item(), rel=1e-12)
            assert done.predictions.shape == targets.shape


def test_targets_that_do_not_fit_are_refused() -> None:
    with pytest.raises(UserError, match="4 targets a sample, not 6"):
        score(factors(6, 2, 3, 4), torch.zeros(4, 2, dtype=torch.long), EVERY_STEP, CrossEntropy())


def test_autocast_is_left_out() -> None:
    made = factors(6, 2, 30, 40)
    targets_TB = torch.randint(40, (6, 2))
    with torch.autocast("cpu", torch.bfloat16):
        done = score(made._replace(x=made.x.bfloat16()), targets_TB, EVERY_STEP, CrossEntropy())
    exact = made._replace(x=made.x.bfloat16().double())
    torch.testing.assert_close(done.loss, score(exact, targets_TB, EVERY_STEP, CrossEntropy()).loss)
