import math

import pytest
import torch

from snnexp.errors import OptionError, UserError
from snnexp.losses import CrossEntropy, SmoothL1, at_decisions, layer_absolute, mean_absolute, mean_squared

T, B, N = 4, 3, 5


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_of_every_decision(smoothing: float) -> None:
    torch.manual_seed(0)
    logits_KBC, targets_B = torch.randn(T, B, N, dtype=torch.float64), torch.tensor([4, 0, 2])
    by_hand = 0.0
    for k in range(T):
        for b in range(B):
            logp_C = logits_KBC[k, b] - math.log(sum(math.exp(logit) for logit in logits_KBC[k, b].tolist()))
            by_hand -= (1 - smoothing) * logp_C[targets_B[b]].item() + smoothing * logp_C.mean().item()
    assert CrossEntropy(smoothing)(logits_KBC, targets_B).item() == pytest.approx(by_hand / (T * B), rel=1e-12)


def test_what_was_smoothed_is_measured_without_it() -> None:
    logits_KBC, targets_B = torch.randn(T, B, N), torch.tensor([4, 0, 2])
    for loss in (CrossEntropy(), CrossEntropy(0.1)):
        smoothed = loss(logits_KBC, targets_B)
        assert loss.unsmoothed(smoothed, logits_KBC, targets_B) == CrossEntropy()(logits_KBC, targets_B)


def test_what_is_right_at_every_decision() -> None:
    assert at_decisions(torch.tensor([4, 0]), 3).tolist() == [[4, 0]] * 3
    steps_TB = torch.tensor([[4, 0], [1, 2]])
    assert at_decisions(steps_TB, 2).tolist() == [[4, 0], [1, 2]]
    assert at_decisions(steps_TB, 4).tolist() == [[4, 0], [4, 0], [1, 2], [1, 2]]  # every step shown twice
    for decisions in (1, 3):
        with pytest.raises(UserError, match=f"2 targets a sample, not {decisions}: take readout=every_step"):
            at_decisions(steps_TB, decisions)


def test_cross_entropy_of_a_target_at_every_step() -> None:
    torch.manual_seed(0)
    logits_KBC, targets_TB = torch.randn(2 * T, B, N, dtype=torch.float64), torch.randint(N, (T, B))
    alone = [
        CrossEntropy()(logits_KBC[2 * t : 2 * t + 2, [b]], targets_TB[t, [b]]).item()
        for t in range(T)
        for b in range(B)
    ]
    assert CrossEntropy()(logits_KBC, targets_TB).item() == pytest.approx(sum(alone) / len(alone), rel=1e-12)


@pytest.mark.parametrize("smoothing", [-0.1, 1.0])
def test_cross_entropy_refuses(smoothing: float) -> None:
    with pytest.raises(OptionError, match=f"^label_smoothing={smoothing}: "):
        CrossEntropy(smoothing)


def test_rate_penalties_by_hand() -> None:
    # Two neurons over four steps: rates 1/4 and 3/4 (one of its spikes negative), mean 1/2.
    spikes_TBN = torch.tensor([[[1.0, 1.0]], [[0.0, -1.0]], [[0.0, 1.0]], [[0.0, 0.0]]])
    assert mean_squared(spikes_TBN, 0.1).item() == pytest.approx((0.5 - 0.1) ** 2)
    assert mean_absolute(spikes_TBN, 0.5).item() == pytest.approx(0.25)
    assert mean_absolute(spikes_TBN, 0.1).item() == pytest.approx((0.15 + 0.65) / 2)


def test_penalties_reach_silent_neurons() -> None:
    spikes_TBN = torch.zeros(T, B, N, dtype=torch.float64, requires_grad=True)
    (squared,) = torch.autograd.grad(mean_squared(spikes_TBN, 0.2), spikes_TBN)
    (absolute,) = torch.autograd.grad(mean_absolute(spikes_TBN, 0.2), spikes_TBN)
    torch.testing.assert_close(squared, torch.full_like(spikes_TBN, -2 * 0.2 / (T * B * N)))
    torch.testing.assert_close(absolute, torch.full_like(spikes_TBN, -1 / (T * B * N)))


def test_negative_outputs_are_pulled_towards_0() -> None:
    spikes_TBN = torch.full((T, B, N), -1.0, requires_grad=True)
    (gradient,) = torch.autograd.grad(mean_squared(spikes_TBN, 0.2), spikes_TBN)
    assert (gradient < 0).all()


def test_smooth_l1_is_quadratic_near_and_linear_far() -> None:
    logits_KBC = torch.tensor([[[1.5, 0.0, -3.0]], [[0.0, 0.25, 1.0]]], dtype=torch.float64)
    # Distances from (0, 0, 1): 1.5, 0, 4 and 0, 0.25, 0.
    expected = (1.0 + 3.5 + 0.25**2 / 2) / 6
    assert SmoothL1()(logits_KBC, torch.tensor([2])).item() == pytest.approx(expected)
    assert SmoothL1()(logits_KBC, torch.tensor([[2], [2]])).item() == pytest.approx(expected)
    nats = CrossEntropy()(logits_KBC, torch.tensor([2]))
    assert SmoothL1().unsmoothed(torch.tensor(7.0), logits_KBC, torch.tensor([2])) == nats


def test_rate_of_a_layer_at_each_step() -> None:
    spikes_TBN = torch.tensor([[[1.0, 1.0, 1.0, 0.0]], [[0.0, 0.0, 0.0, 0.0]]]).requires_grad_()
    penalty = layer_absolute(spikes_TBN, 0.5)
    assert penalty.item() == pytest.approx((0.25 + 0.5) / 2)  # not 0.125, the distance of their mean
    (gradient,) = torch.autograd.grad(penalty, spikes_TBN)
    torch.testing.assert_close(gradient, torch.tensor([[[0.125] * 4], [[-0.125] * 4]]))
