import torch

from snnexp.readouts import Readout, every_step, greatest_mean, last, max_over_time, mode, sum_over_time

OUTPUTS_TBC = torch.tensor([[[1.0, 5.0, 0.0]], [[2.0, -9.0, 0.0]], [[3.0, 1.0, 4.0]]])


def test_logits() -> None:
    assert torch.equal(every_step(OUTPUTS_TBC), OUTPUTS_TBC)
    assert max_over_time(OUTPUTS_TBC).tolist() == [[[3, 5, 4]]]
    assert sum_over_time(OUTPUTS_TBC).tolist() == [[[6, -3, 4]]]
    assert last(OUTPUTS_TBC).tolist() == [[[3, 1, 4]]]


def test_mode_counts_decisions_and_the_mean_does_not() -> None:
    logits_KBC = torch.tensor([[[1.0, 0.0, 0.9]], [[1.0, 0.0, 0.9]], [[0.0, 1.0, 0.9]], [[0.0, 0.0, 9.0]]])
    assert mode(logits_KBC).tolist() == [0]
    assert greatest_mean(logits_KBC).tolist() == [2]


def test_mode_among_equals_takes_the_greater_mean() -> None:
    # One vote each for 0 and 1; class 2 has the greatest mean, but no vote.
    logits_KBC = torch.tensor([[[2.0, 0.0, 1.9]], [[0.0, 3.0, 2.9]]])
    assert mode(logits_KBC).tolist() == [1]


def test_mode_among_equals_of_many_votes() -> None:
    # 250 votes each; the means differ by less than float32 resolves beside 250, and lie far below class 2's.
    logits_KBC = torch.tensor([[[1.0, 0.0, -1.0]], [[0.0, 1.0 + 1e-5, -1.0]]]).repeat(250, 1, 1)
    assert mode(logits_KBC).tolist() == [1]
    assert mode(torch.cat([logits_KBC, torch.tensor([[[0.0, 0.0, 1e4]]])])).tolist() == [1]


def test_one_decision_is_its_argmax() -> None:
    logits_KBC = torch.randn(1, 50, 7, generator=torch.Generator().manual_seed(0))
    assert torch.equal(mode(logits_KBC), logits_KBC[0].argmax(-1))
    assert torch.equal(greatest_mean(logits_KBC), logits_KBC[0].argmax(-1))


def test_predictions_have_the_shape_of_the_targets() -> None:
    logits_KBC = torch.randn(12, 5, 3, generator=torch.Generator().manual_seed(0))
    for decision in (mode, greatest_mean):
        readout = Readout(every_step, decision)
        assert torch.equal(readout.predictions(logits_KBC, torch.zeros(5)), decision(logits_KBC))
        every = readout.predictions(logits_KBC, torch.zeros(12, 5))
        assert torch.equal(every, logits_KBC.argmax(-1))
        thrice = readout.predictions(logits_KBC, torch.zeros(4, 5))  # every step shown three times
        assert torch.equal(thrice, torch.stack([decision(part_KBC) for part_KBC in logits_KBC.split(3)]))
