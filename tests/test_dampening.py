"""The dampening of layers: fixed, and by condition III."""

from functools import partial
from typing import Any

import pytest
import torch

from snnexp.dampening import Fixed, Stability
from snnexp.errors import OptionError
from snnexp.init import glorot, stability
from snnexp.layers import LinearOutput
from snnexp.network import Dense
from snnexp.neurons.alif import ALIF
from snnexp.neurons.lif import LIF
from snnexp.surrogates import Surrogate, fast_sigmoid, sigmoid, triangular

U = torch.linspace(-2, 2, 41).unsqueeze(1)
NEURON = partial(LIF, membrane_decay=0.5, threshold=1.0)


class Inputs:
    def input_moments(self) -> tuple[float, float]:
        return 0.05, 0.05


class SHD(Inputs):
    def input_moments(self) -> tuple[float, float]:
        return 0.0439, 0.0439


def network(
    surrogate: Surrogate | None = None,
    widths: tuple[int, ...] = (32,),
    neuron: Any = NEURON,
    recurrent: bool = True,
    seed: int = 0,
) -> Dense:
    torch.manual_seed(seed)
    net = Dense(20, 10, neuron, surrogate or Surrogate(fast_sigmoid), widths, LinearOutput, recurrent)
    glorot(net, Inputs())
    return net


def test_fixed() -> None:
    net = network(widths=(8, 6))
    fixed = Fixed(0.25)
    for layer in net.hidden:
        fixed.prepare(layer)
    assert fixed(net.hidden) == [None, None]
    assert [layer.dampening.tolist() for layer in net.hidden] == [[0.25] * 8, [0.25] * 6]


def test_condition_iii_of_every_neuron() -> None:
    net = network()
    (outcome,) = Stability()(net.hidden)
    recurrence = net.hidden[0].recurrence
    assert outcome is not None
    assert outcome.feasible
    assert outcome.note == ""
    assert recurrence is not None
    gamma_N = 0.5 / recurrence.detach().clamp_min(0).sum(1)
    torch.testing.assert_close(net.hidden[0].dampening, gamma_N)
    Stability(average=True)(net.hidden)
    torch.testing.assert_close(net.hidden[0].dampening, gamma_N.mean().expand(32))
    Stability(extremes="ensemble")(net.hidden)
    torch.testing.assert_close(net.hidden[0].dampening, (0.5 / (31 * recurrence.detach().max())).expand(32))


@pytest.mark.parametrize(("formula", "gammas"), [("derived", [0.405, 0.145]), ("code", [1.14, 0.685])])
def test_condition_iii_after_ii_dampens_far_less_with_the_weights_of_the_authors_code(
    formula: str, gammas: list[float]
) -> None:
    torch.manual_seed(0)
    neuron = partial(LIF, membrane_decay=0.0, threshold=0.01, reset="minus")
    net = Dense(700, 20, neuron, Surrogate(fast_sigmoid), [256, 256], LinearOutput)
    stability(net, SHD(), formula)
    assert [peak.mean().item() for peak in Stability().peaks(net.hidden)] == pytest.approx(gammas, rel=0.03)


def test_published_value_for_128_neurons() -> None:
    # Closed form of the mean over neurons, masked diagonal: 0.2086; single draws vary by about 0.0022.
    neuron = partial(LIF, membrane_decay=0.0, threshold=0.01)
    means = []
    for seed in range(30):
        net = network(widths=(128,), neuron=neuron, seed=seed)
        Stability()(net.hidden)
        means.append(net.hidden[0].dampening.mean())
    assert torch.stack(means).mean().item() == pytest.approx(0.2086, abs=4.5 * 0.0022 / 30**0.5)
    assert torch.stack(means).std().item() == pytest.approx(0.0022, rel=0.6)


def test_shared_dampening_is_that_of_the_last_layer() -> None:
    net = network(widths=(12, 8))
    Stability(lower="shared")(net.hidden)
    last = net.hidden[1]
    assert last.recurrence is not None
    reach_N = last.recurrence.clamp_min(0).sum(1) + last.projection.clamp_min(0).sum(1)
    gamma = (0.5 / reach_N).mean().item()
    for layer in net.hidden:
        assert layer.dampening.tolist() == pytest.approx([gamma] * layer.size)


def test_the_gradient_through_the_reset_is_counted_as_the_neuron_has_it() -> None:
    def gammas(detach: bool, through_reset: bool | None) -> torch.Tensor:
        neuron = partial(LIF, membrane_decay=0.5, threshold=1.0, reset="minus", detach_reset=detach)
        net = network(neuron=neuron)
        Stability(through_reset=through_reset)(net.hidden)
        return net.hidden[0].dampening

    assert torch.equal(gammas(True, None), gammas(False, False))
    assert torch.equal(gammas(False, None), gammas(True, True))
    assert (gammas(False, None) < gammas(True, None)).all()


@pytest.mark.parametrize(
    ("surrogate", "canonical"),
    [
        (Surrogate(fast_sigmoid, sharpness_unit=0.5), fast_sigmoid),
        (Surrogate(fast_sigmoid, sharpness_unit=0.5, peak_follows_sharpness=True), fast_sigmoid),
        (Surrogate(sigmoid, 0.25, 0.25), sigmoid),
        (Surrogate(triangular, sharpness_unit=1.0), triangular),
    ],
)
@pytest.mark.parametrize("alpha", [0.5, 1.0])  # alpha = 1 leaves nothing for gamma: infeasible
def test_units_do_not_matter_to_psi(surrogate: Surrogate, canonical: Any, alpha: float) -> None:
    neuron = partial(LIF, membrane_decay=alpha, threshold=1.0)
    psi = []
    for sg in (surrogate, Surrogate(canonical)):
        net = network(sg, neuron=neuron)
        (layer,) = net.hidden
        layer.sharpness.fill_(1.5 / sg.sharpness_unit)
        Stability().prepare(layer)
        assert layer.psi(torch.zeros(32)).tolist() == pytest.approx([1.0] * 32)
        (outcome,) = Stability()(net.hidden)
        assert outcome is not None
        assert outcome.feasible == (alpha < 1)
        psi.append(layer.psi(U))
    torch.testing.assert_close(psi[0], psi[1], rtol=1e-5, atol=1e-7)


def test_infeasible() -> None:
    # Layer by layer, the layer below takes all that may flow.
    net = network(widths=(32, 32))
    layerwise = partial(Stability, extremes="ensemble", lower="layerwise")
    below, above = layerwise(otherwise=0.75)(net.hidden)
    assert below is not None
    assert above is not None
    assert (below.feasible, above.feasible) == (True, False)
    assert "condition III has no solution for 1 of 1 neurons" in above.note
    assert "these keep 0.75" in above.note
    assert net.hidden[1].dampening.tolist() == [0.75] * 32
    with pytest.raises(OptionError, match=r"^dampening\.infeasible=error: layer 1: condition III has no solution"):
        layerwise(infeasible="error")(net.hidden)


def test_covers_recurrent_lif_only() -> None:
    alif = partial(ALIF, membrane_decay=0.5, threshold=1.0, adaptation_decay=0.5, adaptation_strength=1.0)
    for net, kind in ((network(neuron=alif), "ALIF"), (network(recurrent=False), "LIF without recurrence")):
        with pytest.raises(OptionError, match=rf"^neuron={kind}: dampening by conditions I-IV needs neuron=lif"):
            Stability()(net.hidden)
    post = network(neuron=partial(LIF, membrane_decay=0.5, threshold=1.0, reset="post", detach_reset=False))
    with pytest.raises(OptionError, match=r"^reset=post: "):
        Stability()(post.hidden)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"extremes": "all"}, r"^extremes=all: must be one of "),
        ({"lower": "both"}, r"^lower=both: must be one of "),
        ({"formula": "paper"}, r"^formula=paper: must be one of "),
        ({"infeasible": "nearest"}, r"^infeasible=nearest: must be keep or error$"),
        ({"otherwise": 0.0}, r"^otherwise=0\.0: "),
    ],
)
def test_refused_options(options: dict[str, Any], line: str) -> None:
    with pytest.raises(OptionError, match=line):
        Stability(**options)
    with pytest.raises(OptionError, match=r"^value=0\.0: "):
        Fixed(0.0)
