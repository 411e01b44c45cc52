"""Constants of neurons: what is drawn, what is learnable, what is refused."""

import pytest
import torch
from scipy.stats import kstest, truncnorm, uniform  # type: ignore[import-untyped]

from snnexp.errors import OptionError
from snnexp.neurons.constants import Decay, PerNeuron, SharedDecay, Uniform, UniformDecay, constant, decay

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


@pytest.mark.parametrize(
    "value", [-1.0, PerNeuron(1.0, sd=0.5), PerNeuron(0.0, sd=0.1), PerNeuron(1.0, sd=0.01, cut=None)]
)
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


def test_uniform_values_and_times() -> None:
    torch.manual_seed(0)
    values = Uniform(-1.0, 3.0).values(DRAWS)().double()
    assert kstest(values.numpy(), uniform(-1, 4).cdf).pvalue > 1e-3
    tau = -1 / UniformDecay(5.0, 25.0).values(DRAWS)().double().log()
    assert kstest(tau.numpy(), uniform(5, 20).cdf).pvalue > 1e-3
    assert list(Uniform(0.0, 1.0).values(3).parameters()) == []


@pytest.mark.parametrize("spec", [Uniform(0.25, 0.75, learnable=True), UniformDecay(5.0, 25.0, learnable=True)])
def test_what_is_drawn_between_bounds_stays_there_and_comes_back(spec: Uniform | UniformDecay) -> None:
    low, high = (decay("bound", bound, 1)() for bound in ends(spec))
    values = spec.values(4)
    optimizer = torch.optim.SGD(values.parameters(), lr=0.3)
    for sign, end in ((-1.0, high), (1.0, low)):
        for _ in range(200):
            optimizer.zero_grad()
            torch.autograd.backward(sign * values().log().sum())
            optimizer.step()
        torch.testing.assert_close(values(), end.expand(4))
    optimizer.zero_grad()
    torch.autograd.backward(values().sum())
    assert [gradient.abs().sum() for gradient in (p.grad for p in values.parameters()) if gradient is not None] == [0]


def ends(spec: Uniform | UniformDecay) -> tuple[float | Decay, float | Decay]:
    return (spec.low, spec.high) if isinstance(spec, Uniform) else (Decay(spec.low), Decay(spec.high))


def test_inside_its_bounds_a_gradient_is_a_derivative() -> None:
    for spec in (Uniform(0.25, 0.75, learnable=True), UniformDecay(5.0, 25.0, learnable=True)):
        values = spec.values(4).double()
        assert torch.autograd.gradcheck(lambda *_, values=values: values(), list(values.parameters()))


def test_a_shared_decay_is_one_number() -> None:
    values = SharedDecay(16.0, learnable=True).values(3).double()
    assert values().tolist() == pytest.approx([15 / 16] * 3, rel=1e-6)
    assert [parameter.numel() for parameter in values.parameters()] == [1]
    (gradient,) = torch.autograd.grad(values().sum(), list(values.parameters()))
    assert gradient.item() == pytest.approx(-3 * 15 / 256, rel=1e-6)  # of 1 - sigmoid


def test_refused_bounds() -> None:
    with pytest.raises(OptionError, match=r"^low=2\.0: must not exceed high, which is 1\.0"):
        Uniform(2.0, 1.0)
    with pytest.raises(OptionError, match=r"^low=0\.0: a time constant"):
        UniformDecay(0.0, 1.0)
    with pytest.raises(OptionError, match=r"^time=1\.0: "):
        SharedDecay(1.0)
