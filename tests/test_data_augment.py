"""What each transform does on average, and that it is the same after a killed run, and for training batches only."""

import signal
from functools import partial
from math import erf, sqrt
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from snnexp.data.augment import Augment, ChannelShift, EventDrop, TimeJitter, TimeStretch, Transform
from snnexp.errors import OptionError, UserError
from tests.runs import in_child, kill_at_call, run
from tests.test_resume import assert_same, everything

T, B, I = 200, 500, 40  # noqa: E741


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def one_spike(step: int, channel: int) -> Tensor:
    x_TBI = torch.zeros(T, B, I)
    x_TBI[step, :, channel] = 1
    return x_TBI


def random_spikes() -> Tensor:
    return (torch.rand(T, 8, I) < 0.1).float()


def places(x_TBI: Tensor) -> Tensor:
    """Step and channel of the only spike of every sample that has one."""
    return x_TBI.transpose(0, 1).nonzero()[:, 1:].double()


def test_without_transforms_nothing_is_touched() -> None:
    x_TBI = torch.randn(3, 4, 5)
    assert Augment([])(x_TBI) is x_TBI


@pytest.mark.parametrize("transform", [TimeJitter(0), ChannelShift(0), EventDrop(0), TimeStretch(1, 1)])
def test_nothing_asked_changes_nothing(transform: Transform) -> None:
    x_TBI = random_spikes()
    before = x_TBI.clone()
    assert torch.equal(Augment([transform])(x_TBI), before)
    assert torch.equal(x_TBI, before)


def test_jitter_is_a_rounded_normal_number() -> None:
    sd = 1.5
    moved = places(Augment([TimeJitter(sd)])(torch.cat([one_spike(100, 7)] * 8, 1)))
    assert len(moved) == 8 * B
    assert (moved[:, 1] == 7).all()
    for shift in range(-3, 4):
        inside = [erf((shift + edge) / (sd * sqrt(2))) for edge in (-0.5, 0.5)]
        expected = (inside[1] - inside[0]) / 2
        share = (moved[:, 0] == 100 + shift).double().mean().item()
        assert share == pytest.approx(expected, abs=4 * sqrt(expected / (8 * B)))


def test_every_spike_has_a_jitter_of_its_own() -> None:
    x_TBI = torch.zeros(T, 1, I)
    x_TBI[100] = 1
    assert len(set(places(Augment([TimeJitter(3)])(x_TBI))[:, 0].tolist())) > 5


def test_shift_is_uniform_and_the_same_for_a_whole_sample() -> None:
    x_TBI = one_spike(3, 10) + one_spike(190, 20)
    shifted = places(Augment([ChannelShift(4)])(x_TBI)).unflatten(0, (B, 2))
    assert (shifted[:, :, 0] == torch.tensor([3, 190])).all()
    shift_B = shifted[:, 0, 1] - 10
    assert torch.equal(shifted[:, 1, 1] - 20, shift_B)
    counts = (shift_B + 4).long().bincount(minlength=9)
    assert len(counts) == 9
    assert ((counts - B / 9) ** 2 / (B / 9)).sum() < 26.1  # chi square with 8 degrees of freedom: p = .001


def test_drop_leaves_out_its_fraction() -> None:
    x_TBI = torch.ones(50, 20, 40)
    kept = Augment([EventDrop(0.3)])(x_TBI)
    assert kept.mean().item() == pytest.approx(0.7, abs=4 * sqrt(0.21 / x_TBI.numel()))
    by_sample = kept.mean((0, 2))
    assert by_sample.sub(0.7).abs().max() < 5 * sqrt(0.21 / 2000)


def test_stretch_moves_the_middle_of_a_step_by_a_uniform_factor() -> None:
    x_TBI = one_spike(40, 5) + one_spike(120, 5)
    stretched = places(Augment([TimeStretch(0.8, 1.25)])(x_TBI)).unflatten(0, (B, 2))
    early, late = stretched[:, :, 0].unbind(1)
    factor_B = (late + 0.5) / 120.5
    assert (early - 40.5 * factor_B).abs().max() < 1.2  # both are rounded
    assert 0.8 <= factor_B.min() + 0.01 < 0.82
    assert 1.23 < factor_B.max() - 0.01 <= 1.25
    assert factor_B.mean().item() == pytest.approx(1.025, abs=4 * 0.45 / sqrt(12 * B))
    assert factor_B.var().item() == pytest.approx(0.45**2 / 12, rel=0.2)


def test_spikes_that_leave_the_frames_are_lost_for_good() -> None:
    out = Augment([TimeStretch(2, 2), TimeStretch(0.5, 0.5)])
    assert out(one_spike(99, 0)).sum() == B
    assert out(one_spike(100, 0)).sum() == 0
    assert 0 < Augment([ChannelShift(2)])(one_spike(0, 0)).sum() < B
    assert 0 < Augment([TimeJitter(1)])(one_spike(T - 1, 0)).sum() < B


def test_several_spikes_in_one_place_are_one() -> None:
    halved = Augment([TimeStretch(0.5, 0.5)])(torch.ones(10, 1, 3))
    assert halved.unique().tolist() == [0, 1]
    assert halved.sum((1, 2)).tolist() == [3] * 5 + [0] * 5


def test_transforms_follow_one_another() -> None:
    x_TBI = one_spike(10, 5)
    both = Augment([TimeStretch(2, 2), EventDrop(0.5)])(x_TBI)
    assert both[21].sum() == both.sum()
    assert 0.3 * B < both.sum() < 0.7 * B


def test_the_same_seed_does_the_same() -> None:
    augment = Augment([TimeStretch(0.9, 1.1), ChannelShift(3), TimeJitter(1), EventDrop(0.2)])
    x_TBI = random_spikes()
    outcomes = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        outcomes.append(augment(x_TBI))
    assert torch.equal(outcomes[0], outcomes[1])
    assert not torch.equal(outcomes[0], outcomes[2])


@pytest.mark.parametrize("x", [torch.full((2, 3, 4), 0.5), torch.ones(2, 3, dtype=torch.int64), -torch.ones(2, 3, 4)])
def test_other_inputs_than_spikes_are_refused(x: Tensor) -> None:
    with pytest.raises(UserError, match="add augment=none"):
        Augment([EventDrop(0.1)])(x)


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (partial(TimeJitter, -1.0), "sd=-1.0: steps; must not be negative"),
        (partial(ChannelShift, -1), "most=-1: channels; must not be negative"),
        (partial(EventDrop, 1.0), "probability=1.0: must lie in [0, 1)"),
        (partial(TimeStretch, 0.0, 1.0), "low=0.0: must be greater than 0"),
        (partial(TimeStretch, 1.2, 1.0), "high=1.0: must not be less than low, 1.2"),
    ],
)
def test_values_out_of_range_are_named(make: Any, line: str) -> None:
    with pytest.raises(OptionError) as caught:
        make()
    assert str(caught.value) == line


AUGMENTED = ["augment=shd", "augment.transforms.1.most=3", "procedure.checkpoint_every=2"]


def kill_at_step(number: int) -> None:
    from snnexp.task import Task

    kill_at_call(Task, "training_step", number)


def test_a_killed_run_goes_on_with_the_same_augmentations(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("whole", "killed")]
    for folder in folders:
        folder.mkdir()
    assert in_child(AUGMENTED, folders[0]) == 0
    assert in_child(AUGMENTED, folders[1], partial(kill_at_step, 9)) == -signal.SIGKILL
    assert in_child(AUGMENTED, folders[1]) == 0
    assert_same(everything(folders[1]), everything(folders[0]))


def test_training_batches_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without learning, only what is measured in training differs."""
    from snnexp.data import augment

    sizes = []
    original = augment.Augment.__call__

    def spy(self: Augment, x_TBI: Tensor) -> Tensor:
        sizes.append(x_TBI.shape[1])
        return original(self, x_TBI)

    monkeypatch.setattr(augment.Augment, "__call__", spy)
    still = ["optimizer=sgd", "optimizer.lr=1e-30"]
    changed = run([*still, "augment=drop", "augment.transforms.0.probability=0.9"], tmp_path)["metrics"]
    assert sum(sizes) == 3 * 150
    plain = run(still, tmp_path)["metrics"]
    for name in ("val/loss/last", "val/loss/initial", "test/loss", "test/firing_rate/0"):
        assert changed[name] == plain[name]
    assert changed["train/loss/last"] != plain["train/loss/last"]
    assert changed["train/firing_rate/0/last"] < 0.8 * plain["train/firing_rate/0/last"]
