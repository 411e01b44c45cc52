"""Optimisers: AdaBelief as asked for, SMORMS3 against its formula."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
import torch
from torch.optim import Optimizer

from snnexp.errors import OptionError
from snnexp.optim import SMORMS3, adabelief, adabelief_foreach, constant_rate, drops, every_batch


def steps(optimizer: Callable[[list[torch.Tensor]], Optimizer], gradients: list[float]) -> list[float]:
    """How far a weight moves at every step under given gradients."""
    weight = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    made, moves = optimizer([weight]), []
    for gradient in gradients:
        before = weight.item()
        weight.grad = torch.full_like(weight, gradient)
        made.step()
        moves.append(before - weight.item())
    return moves


def test_adabelief_is_silent(capsys: pytest.CaptureFixture[str]) -> None:
    steps(partial(adabelief, lr=1e-3, rectify=True), [1.0])
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


@pytest.mark.parametrize("scale", [1.0, 1000.0])
def test_adabelief_by_formula(scale: float) -> None:
    # Zhuang et al. 2020, Algorithm 2, with eps inside the variance, where it adds up from step to step.
    gradients = (scale * np.random.default_rng(0).normal(size=20)).tolist()
    moment = variance = 0.0
    expected = []
    for t, gradient in enumerate(gradients, start=1):
        moment = 0.9 * moment + 0.1 * gradient
        variance = 0.999 * variance + 0.001 * (gradient - moment) ** 2 + 1e-16
        expected.append(1e-3 * moment / (1 - 0.9**t) / ((variance / (1 - 0.999**t)) ** 0.5 + 1e-16))
    assert steps(partial(adabelief, lr=1e-3), gradients) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(("eps", "floor"), [(1e-16, 3.16e-7), (1e-19, 1e-8)])
def test_eps_acts_outside_the_root_as_its_root_over_that_of_one_minus_beta(eps: float, floor: float) -> None:
    (step,) = steps(partial(adabelief, lr=1.0, eps=eps), [floor / 1000])
    assert abs(step) == pytest.approx(1e-3, rel=1e-2)


@pytest.mark.parametrize("decoupled", [True, False])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
@pytest.mark.parametrize("eps", [1e-16, 1e-8])
def test_foreach_gives_the_numbers_of_the_loop(decoupled: bool, weight_decay: float, eps: float) -> None:
    generator = torch.Generator().manual_seed(0)
    options = {"lr": 1e-2, "eps": eps, "weight_decay": weight_decay, "decoupled": decoupled}
    drawn = [torch.randn(size, generator=generator, dtype=torch.float64) for size in (1, 7, 20)]
    loop, together = ([weight.clone().requires_grad_() for weight in drawn] for _ in range(2))
    optimizers = adabelief(loop, **options), adabelief_foreach(together, **options)
    for step in range(50):
        for a, b in zip(loop, together, strict=True):
            a.grad = 10 ** (step % 5 - 2) * torch.randn(a.shape, generator=generator, dtype=torch.float64)
            b.grad = a.grad.clone()
        for optimizer in optimizers:
            optimizer.step()
    for a, b, first in zip(loop, together, drawn, strict=True):
        assert not torch.equal(a, first)
        torch.testing.assert_close(a, b, rtol=1e-13, atol=1e-14)


def test_first_steps_are_normalised_unless_asked_otherwise() -> None:
    gradients = [1000.0] * 8
    plain = steps(partial(adabelief, lr=1e-3), gradients)
    assert max(plain) < 0.05
    assert plain == pytest.approx(steps(partial(adabelief, lr=1e-3), [1.0] * 8), rel=1e-6)
    unnormalised = steps(partial(adabelief, lr=1e-3, rectify=True, sgd_first=True), gradients)
    assert unnormalised[:5] == pytest.approx([1.0] * 5)
    assert max(unnormalised[5:]) < 0.05
    assert steps(partial(adabelief, lr=1e-3, rectify=True), gradients)[:5] == [0.0] * 5


def test_decoupled_decay_shrinks_the_weight() -> None:
    weight = torch.full((1,), 2.0, dtype=torch.float64, requires_grad=True)
    optimizer = adabelief([weight], lr=0.1, weight_decay=0.5)
    weight.grad = torch.zeros_like(weight)
    optimizer.step()
    assert weight.item() == pytest.approx(2.0 * (1 - 0.1 * 0.5))


def test_smorms3_by_formula() -> None:
    generator = np.random.default_rng(0)
    gradients = generator.normal(size=(50, 4)) * np.array([1e-3, 1.0, 100.0, 1.0])
    gradients[:, 3] = 0.7  # steady: the memory grows, and lr is the limit
    memory, mean, square, expected = np.ones(4), np.zeros(4), np.zeros(4), np.ones(4)
    weight = torch.ones(4, dtype=torch.float64, requires_grad=True)
    optimizer = SMORMS3([weight], lr=0.02)
    for gradient in gradients:
        rate = 1 / (memory + 1)
        mean = (1 - rate) * mean + rate * gradient
        square = (1 - rate) * square + rate * gradient**2
        x = mean**2 / (square + 1e-16)
        memory = 1 + memory * (1 - x)
        expected = expected - np.minimum(0.02, x) * gradient / (np.sqrt(square) + 1e-16)
        weight.grad = torch.from_numpy(gradient)
        optimizer.step()
        np.testing.assert_allclose(weight.detach().numpy(), expected, rtol=1e-10)


@pytest.mark.parametrize(
    "make", [partial(SMORMS3, lr=0.02), partial(adabelief, lr=0.02), partial(adabelief_foreach, lr=0.02)]
)
def test_state_dict_resumes(make: Callable[[list[torch.Tensor]], Optimizer]) -> None:
    gradients = torch.randn(20, 3, generator=torch.Generator().manual_seed(0), dtype=torch.float64)

    def go(weight: torch.Tensor, optimizer: Optimizer, part: torch.Tensor) -> torch.Tensor:
        for gradient in part:
            weight.grad = gradient
            optimizer.step()
        return weight.detach().clone()

    whole = torch.ones(3, dtype=torch.float64, requires_grad=True)
    first = torch.ones(3, dtype=torch.float64, requires_grad=True)
    optimizer = make([first])
    second = go(first, optimizer, gradients[:8]).requires_grad_()
    resumed = make([second])
    resumed.load_state_dict(optimizer.state_dict())
    assert torch.equal(go(second, resumed, gradients[8:]), go(whole, make([whole]), gradients))


def test_smorms3_calls_a_closure() -> None:
    weight = torch.ones(1, requires_grad=True)
    optimizer = SMORMS3([weight], lr=0.1)

    def closure() -> float:
        loss = weight.square().sum()
        torch.autograd.backward(loss)
        return loss.item()

    assert optimizer.step(closure) == 1.0
    assert weight.item() < 1.0


def test_no_schedule() -> None:
    optimizer = SMORMS3([torch.ones(1, requires_grad=True)], lr=0.1)
    constant_rate(optimizer)
    assert optimizer.param_groups[0]["lr"] == 0.1


def test_refused_options() -> None:
    with pytest.raises(OptionError, match=r"^lr=0: "):
        SMORMS3([torch.ones(1)], lr=0)


def test_a_schedule_of_batches_goes_down_and_up_again() -> None:
    weight = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=0.1)
    told = every_batch(optimizer, partial(torch.optim.lr_scheduler.CosineAnnealingLR, T_max=10))
    assert told["interval"] == "step"
    rates = []
    for _ in range(21):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        told["scheduler"].step()
    expected = [0.05 * (1 + math.cos(math.pi * batch / 10)) for batch in range(21)]
    assert rates == pytest.approx(expected, abs=1e-12)


def test_the_rate_drops_as_in_decolle() -> None:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.3)
    schedule, rates = drops(optimizer, interval=2, factor=5.0), []
    for _ in range(7):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    assert rates == pytest.approx([0.3, 0.3, 0.06, 0.06, 0.03, 0.03, 0.02])


@pytest.mark.parametrize(("interval", "factor", "said"), [(0, 5.0, "interval=0"), (30, 0.0, "factor=0")])
def test_drops_refuses(interval: int, factor: float, said: str) -> None:
    with pytest.raises(OptionError, match=said):
        drops(torch.optim.SGD([torch.zeros(1, requires_grad=True)]), interval, factor)
