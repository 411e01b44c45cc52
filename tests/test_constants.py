"""Constants of neurons: what is drawn, what is learnable, what is refused."""

import pytest
import torch
from scipy.stats import kstest, truncnorm  # type: ignore[import-untyped]

from snnexp.errors import OptionError
from snnexp.neurons.constants import Decay, PerNeuron, constant, decay

DRAWS = 50_000
SD_CUT = truncnorm(-2, 2).std()  # of a unit normal cut at two standard deviations, 0.8796


def test_values_are_a_cut_normal_distribution() -> None:
    torch.manual_seed(0)
    values = PerNeuron(mean=2.0, sd=0.5).values(DRAWS)().double()
    assert values.mean().item() == pytest.approx(2.0, abs=4.5 * 0.5 * SD_CUT / DRAWS**0.5)
    assert values.std().item() == pytest.approx(0.5 * SD_CUT, rel=4.5 / (2 * DRAWS) ** 0.5)
    assert values.min() >= 1.0
    assert values.max() <= 3.0
    assert kstest(values.numpy(), truncnorm(-2, 2, loc=2.0, scale=0.5).cdf).pvalue > 1e-3


def test_decay_is_drawn_by_its_time_constant() -> None:
    torch.manual_seed(0)
    tau = -1 / Decay(time=20.0, sd=8.0).values(DRAWS)().double().log()
    assert kstest(tau.numpy(), truncnorm(-2, 2, loc=20.0, scale=8.0).cdf).pvalue > 1e-3
    assert Decay(time=20.0).values(3)().tolist() == pytest.approx([0.951229424500714] * 3)  # exp(-1 / 20)


@pytest.mark.parametrize("mean", [1, 1.0])
def test_equal_values_take_part_in_training(mean: float) -> None:
    values = PerNeuron(mean, learnable=True).values(3)
    assert values().tolist() == [1, 1, 1]
    assert values().dtype == torch.float32
    assert [parameter.shape for parameter in values.parameters()] == [(3,)]


def test_fixed_values_do_not_but_are_stored() -> None:
    values = PerNeuron(1.0, sd=0.1).values(3)
    assert list(values.parameters()) == []
    assert torch.equal(values.state_dict()["raw"], values())


def test_gradient_of_a_decay() -> None:
    # alpha = exp(-1 / tau), r = log tau: d alpha / d r = alpha / tau.
    values = Decay(time=4.0, learnable=True).values(1).double()
    (gradient,) = torch.autograd.grad(values().sum(), list(values.parameters()))
    assert gradient.item() == pytest.approx(values().item() / 4)


def test_a_learnt_decay_stays_a_decay() -> None:
    values = Decay(time=20.0, sd=9.0, learnable=True).values(100)
    optimizer = torch.optim.SGD(values.parameters(), lr=10.0)
    for sign in (-1.0, 1.0, 1.0):
        optimizer.zero_grad()
        torch.autograd.backward(sign * values().sum())
        optimizer.step()
        assert ((values() > 0) & (values() < 1)).all()


def test_plain_numbers() -> None:
    assert constant("threshold", 2, 3)().tolist() == [2, 2, 2]
    assert decay("membrane_decay", 0.75, 3)().tolist() == [0.75] * 3
    assert decay("membrane_decay", 1, 1)().item() == 1


@pytest.mark.parametrize("value", [-1.0, PerNeuron(1.0, sd=0.5), PerNeuron(0.0, sd=0.1)])
def test_a_constant_is_not_negative(value: float | PerNeuron) -> None:
    with pytest.raises(OptionError, match=r"^threshold="):
        constant("threshold", value, 3)


@pytest.mark.parametrize("value", [-0.1, 1.1])
def test_a_decay_is_a_fraction(value: float) -> None:
    with pytest.raises(OptionError, match=rf"^membrane_decay={value}: "):
        decay("membrane_decay", value, 3)


def test_refused_specifications() -> None:
    with pytest.raises(OptionError, match=r"^time=0\.0: "):
        Decay(0.0)
    with pytest.raises(OptionError, match=r"^sd=10\.0: .* time is 20\.0"):
        Decay(20.0, sd=10.0)
    with pytest.raises(OptionError, match=r"^sd=-1: "):
        PerNeuron(1.0, sd=-1)


def test_without_a_cut_the_distribution_is_normal() -> None:
    torch.manual_seed(0)
    values = PerNeuron(mean=0.0, sd=0.05, cut=None).values(DRAWS)().double()
    assert abs(values.std().item() / 0.05 - 1) < 4 / (2 * DRAWS) ** 0.5
    assert values.abs().max() > 0.1
    with pytest.raises(OptionError, match=r"^cut=0: "):
        PerNeuron(1.0, sd=0.1, cut=0)
