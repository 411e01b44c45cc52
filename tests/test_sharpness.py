"""The sharpness of layers: fixed, and by condition IV."""

from functools import partial
from typing import Any

import pytest
import torch
from scipy.integrate import quad  # type: ignore[import-untyped]

from snnexp import dampening
from snnexp.errors import OptionError
from snnexp.init import glorot, initialise
from snnexp.layers import Layer, LinearOutput
from snnexp.network import Dense
from snnexp.neurons.alif import ALIF
from snnexp.neurons.constants import PerNeuron
from snnexp.neurons.lif import LIF
from snnexp.sharpness import Fixed, Stability
from snnexp.surrogates import Surrogate, fast_sigmoid, sigmoid, triangular

U = torch.linspace(-2, 2, 41).unsqueeze(1)
PEAK = 3.0  # high enough that Glorot weights leave a root: they demand E[psi^2] of about 1
NEURON = partial(LIF, membrane_decay=0.5, threshold=1.0)


class Inputs:
    def input_moments(self) -> tuple[float, float]:
        return 0.05, 0.05


def network(
    surrogate: Surrogate | None = None,
    widths: tuple[int, ...] = (16,),
    neuron: Any = NEURON,
    recurrent: bool = True,
    peak: float = PEAK,
) -> Dense:
    """A network with Glorot weights, sharpness 1 and a given psi(0), whatever the units."""
    torch.manual_seed(0)
    net = Dense(20, 10, neuron, surrogate or Surrogate(fast_sigmoid), widths, LinearOutput, recurrent)
    glorot(net, Inputs())
    for layer in net.hidden:
        assert layer.surrogate is not None
        Stability().prepare(layer)
        layer.dampening.copy_(layer.surrogate.dampening(torch.tensor(peak), layer.sharpness))
    return net


def test_fixed() -> None:
    net = network(widths=(8, 6))
    fixed = Fixed(0.25)
    for layer in net.hidden:
        fixed.prepare(layer)
    assert fixed(net.hidden) == [None, None]
    assert [layer.sharpness.tolist() for layer in net.hidden] == [[0.25] * 8, [0.25] * 6]


def second_moment(layer: Layer, neuron: int) -> float:
    """E[psi^2] of one neuron over uniform voltages between its extremes, by scipy (App. D.7; alpha 1/2, theta 1)."""
    assert layer.recurrence is not None
    weights = torch.cat([layer.recurrence[neuron], layer.projection[neuron]]).detach().double()
    low, high = (weights.clamp_max(0).sum() / 0.5 - 1).item(), (weights.clamp_min(0).sum() / 0.5 - 1).item()
    beta = layer.sharpness[neuron].item()
    psi_squared = lambda v: (PEAK * (1 + 2 * abs(beta * v)) ** -2) ** 2  # noqa: E731
    return float(quad(psi_squared, low, high, points=[0], limit=200)[0]) / (high - low)


def test_condition_iv_of_every_neuron() -> None:
    net = network()
    (outcome,) = Stability(average=False)(net.hidden)
    (layer,) = net.hidden
    assert outcome is not None
    assert outcome.feasible
    assert outcome.residual == pytest.approx(0, abs=1e-5)
    assert layer.recurrence is not None
    power = layer.recurrence.detach().square().sum(1).mean().item()
    demanded = (1 - 0.25 / 2) / power
    for neuron in range(layer.size):
        assert second_moment(layer, neuron) == pytest.approx(demanded, rel=1e-4)
    own = layer.sharpness.clone()
    Stability(average=True)(net.hidden)
    torch.testing.assert_close(layer.sharpness, own.mean().expand(16))


def test_the_peak_is_held() -> None:
    net = network(Surrogate(fast_sigmoid, sharpness_unit=0.5, peak_follows_sharpness=True))
    Stability()(net.hidden)
    (layer,) = net.hidden
    assert layer.sharpness[0].item() != pytest.approx(2, rel=0.1)
    assert layer.psi(torch.zeros(16)).tolist() == pytest.approx([PEAK] * 16)


@pytest.mark.parametrize(
    ("surrogate", "canonical"),
    [
        (Surrogate(fast_sigmoid, sharpness_unit=0.5), fast_sigmoid),
        (Surrogate(fast_sigmoid, sharpness_unit=0.5, peak_follows_sharpness=True), fast_sigmoid),
        (Surrogate(sigmoid, 0.25, 0.25), sigmoid),
        (Surrogate(triangular, sharpness_unit=1.0), triangular),
    ],
)
@pytest.mark.parametrize("peak", [PEAK, 0.2])
@pytest.mark.parametrize("infeasible", ["keep", "nearest"])
def test_units_do_not_matter_to_psi(surrogate: Surrogate, canonical: Any, peak: float, infeasible: str) -> None:
    psi = []
    for sg in (surrogate, Surrogate(canonical)):
        net = network(sg, peak=peak)
        (outcome,) = Stability(infeasible=infeasible, otherwise=1.25)(net.hidden)
        assert outcome is not None
        assert outcome.feasible == (peak == PEAK)
        psi.append(net.hidden[0].psi(U))
    torch.testing.assert_close(psi[0], psi[1], rtol=1e-4, atol=1e-6)


def test_units_do_not_matter_under_all_conditions() -> None:
    psi = []
    for sg in (Surrogate(sigmoid, 0.25, 0.25), Surrogate(sigmoid)):
        net = network(sg, widths=(16, 12))
        torch.manual_seed(1)
        reports = initialise(net, Inputs(), glorot, dampening.Stability(), Stability())
        assert [report.feasible for report in reports] == [False, False]
        psi.append([layer.psi(U) for layer in net.hidden])
    torch.testing.assert_close(psi[0], psi[1], rtol=1e-5, atol=1e-7)


def infeasible(how: str, **options: Any) -> tuple[list[float], str]:
    net = network(peak=0.2)
    torch.manual_seed(5)
    (outcome,) = Stability(infeasible=how, **options)(net.hidden)
    assert outcome is not None
    assert not outcome.feasible
    assert outcome.residual is not None
    assert outcome.residual < 0  # too little, however flat
    return net.hidden[0].sharpness.tolist(), outcome.note


def test_infeasible() -> None:
    assert infeasible("keep", otherwise=0.75)[0] == [0.75] * 16
    assert infeasible("nearest", bracket=(0.5, 20.0))[0] == pytest.approx([0.5] * 16)
    torch.manual_seed(5)
    drawn = torch.empty(16).uniform_(0.3, 1.6).mean().item()
    values, note = infeasible("code")
    assert values == pytest.approx([drawn] * 16)
    assert note.startswith("condition IV has no root in [0.01, 100] for 16 of 16 neurons: it demands E[psi^2] = ")
    assert "the peak squared is 0.04" in note
    with pytest.raises(OptionError, match=r"^sharpness\.infeasible=error: layer 0: condition IV has no root"):
        infeasible("error")


@pytest.mark.parametrize("average", [True, False])
def test_shared_sharpness_is_that_of_the_last_layer(average: bool) -> None:
    net = network(widths=(12, 8))
    Stability(lower="shared", average=average)(net.hidden)
    first, last = net.hidden
    assert first.sharpness.tolist() == pytest.approx([last.sharpness[0].item()] * 12)
    assert last.sharpness.tolist() == pytest.approx([last.sharpness[0].item()] * 8)
    alone = network(widths=(12, 8))
    Stability()(alone.hidden)
    assert last.sharpness[0] > alone.hidden[1].sharpness[0]  # with the layer below, less is demanded


def test_the_layer_below_takes_its_share() -> None:
    without, layerwise = network(widths=(12, 8)), network(widths=(12, 8), peak=PEAK)
    Stability()(without.hidden)
    Stability(lower="layerwise")(layerwise.hidden)
    assert torch.equal(without.hidden[0].sharpness, layerwise.hidden[0].sharpness)
    assert (layerwise.hidden[1].sharpness > without.hidden[1].sharpness).all()


def test_a_bias_of_the_layer_is_a_current_like_that_of_its_neurons() -> None:
    torch.manual_seed(0)
    drawn = 0.3 * torch.randn(16)
    bounds = []
    for bias, current in ((True, None), (False, PerNeuron(0.0))):
        neuron = partial(NEURON, current=current)
        net = Dense(20, 10, neuron, Surrogate(fast_sigmoid), [16], LinearOutput, bias=bias)
        torch.manual_seed(1)
        glorot(net, Inputs())
        (layer,) = net.hidden
        (layer.bias.data if layer.bias is not None else layer.neuron.current.raw).copy_(drawn)
        bounds.append(torch.stack(Stability().question(layer, None)[1]))
    assert torch.equal(*bounds)
    layer.neuron.current.raw.zero_()
    none = torch.stack(Stability().question(layer, None)[1])
    torch.testing.assert_close(bounds[0], none + drawn.double() / (1 - 0.5), rtol=1e-6, atol=1e-6)


def test_covers_recurrent_lif_only() -> None:
    alif = partial(ALIF, membrane_decay=0.5, threshold=1.0, adaptation_decay=0.5, adaptation_strength=1.0)
    for net, kind in ((network(neuron=alif), "ALIF"), (network(recurrent=False), "LIF without recurrence")):
        with pytest.raises(OptionError, match=rf"^neuron={kind}: sharpness by conditions I-IV needs neuron=lif"):
            Stability()(net.hidden)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"infeasible": "clip"}, r"^infeasible=clip: must be one of keep, nearest, code, error$"),
        ({"bracket": (1.0, 0.1)}, r"^bracket=\(1\.0, 0\.1\): "),
        ({"bracket": (0.1,)}, r"^bracket="),
        ({"otherwise": 0.0}, r"^otherwise=0\.0: "),
    ],
)
def test_refused_options(options: dict[str, Any], line: str) -> None:
    with pytest.raises(OptionError, match=line):
        Stability(**options)
    with pytest.raises(OptionError, match=r"^value=-1\.0: "):
        Fixed(-1.0)
