"""What an untrained network does: the middle of known voltages, rates and operations of a layer by hand."""

from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from snnexp.conv import Conv
from snnexp.decolle import Decolle
from snnexp.embedding import Embedding
from snnexp.energy import Operations
from snnexp.errors import OptionError
from snnexp.init import NoInputs, glorot
from snnexp.layers import LinearOutput
from snnexp.network import Network
from snnexp.neurons.alif import ALIF
from snnexp.neurons.cuba_lif import CubaLIF
from snnexp.neurons.leaky_integrator import LeakyIntegrator
from snnexp.neurons.lif import LIF
from snnexp.neurons.lstm import LSTM
from snnexp.neurons.refractory import Refractory
from snnexp.neurons.slstm import SLSTM
from snnexp.procedures.activity import activity, asymmetry, operations
from snnexp.procedures.inputs import first
from snnexp.reports.curves import read
from snnexp.surrogates import Surrogate, fast_sigmoid
from tests.looked_at import LIF_LIKE, Inputs, parts


def test_asymmetry_of_known_distributions() -> None:
    levels = torch.linspace(0, 1, 100_001, dtype=torch.float64)[1:-1]
    # Exponential: mean 1, median log 2, variance 1. A coin of 1/4: mean 1/4, median 0, variance 3/16. All equal: 0.
    u_TX = torch.stack([-levels.log(), (levels < 0.25).double(), torch.ones_like(levels), levels])
    expected = torch.tensor([(1 - torch.tensor(2.0).log()) ** 2, 1 / 3, 0, 0], dtype=torch.float64)
    torch.testing.assert_close(asymmetry(u_TX.unsqueeze(1)), expected, rtol=2e-3, atol=1e-6)


def test_numbers_of_a_layer(tmp_path: Path) -> None:
    found = parts(dropout=0.5)
    metrics = activity(found, tmp_path, None, samples=8)["metrics"]
    x_TBI, layer = first(found.data, 8), found.network.hidden[0]
    output = layer(x_TBI, record=("u",))
    assert metrics["firing_rate/0"] == pytest.approx(output.spikes.mean().item())
    additions = x_TBI.mean().item() * 9 * 12 + output.spikes.mean().item() * 12 * 12
    assert (metrics["macs/0"], metrics["acs/0"]) == (12, pytest.approx(additions))
    assert metrics["energy/all"] == pytest.approx(31 * (12 + 10) + metrics["acs/0"] + metrics["acs/1"])
    curves = read(tmp_path)
    assert curves["step"].tolist() == list(range(14))
    assert curves["asymmetry/0"] == pytest.approx(asymmetry(output.trace["u"]).detach().numpy())
    assert metrics["asymmetry/0/max"] == pytest.approx(curves["asymmetry/0"].max())


class Given(NamedTuple):
    network: Network
    data: Any


class Words:
    """The words 0 to 8 in some order."""

    def train_inputs(self) -> list[Tensor]:
        return [torch.arange(14 * 8).remainder(9).view(14, 8)]


class Late:
    """Two silent steps, then spikes in every channel."""

    def train_inputs(self) -> list[Tensor]:
        return [torch.tensor([0.0, 0.0, 1.0, 0.0]).view(4, 1, 1).expand(4, 4, 9)]


def test_silent_steps_do_not_count(tmp_path: Path) -> None:
    found: Any = parts()._replace(data=Late())  # type: ignore[arg-type]
    metrics = activity(found, tmp_path, None)["metrics"]
    curve = read(tmp_path)["asymmetry/0"]
    assert torch.from_numpy(curve).isnan().tolist() == [True, True, False, False]
    assert metrics["asymmetry/0"] == pytest.approx(curve[2:].mean())


ALIF_LIKE = partial(ALIF, **LIF_LIKE, adaptation_decay=0.5, adaptation_strength=1.0)
CUBA = partial(CubaLIF, **LIF_LIKE, synaptic_decay=0.5)


@pytest.mark.parametrize(
    ("neuron", "multiplications"), [(partial(LIF, **LIF_LIKE), 1), (ALIF_LIKE, 3), (SLSTM, 0), (CUBA, None)]
)
def test_spiking_neurons(neuron: Any, multiplications: int | None, tmp_path: Path) -> None:
    metrics = activity(parts(neuron=neuron), tmp_path, None)["metrics"]
    assert 0 <= metrics["firing_rate/0"] <= 1
    assert "asymmetry/0" in metrics
    assert metrics.get("macs/0") == (None if multiplications is None else 12 * multiplications)
    assert ("energy/all" in metrics) == (multiplications is not None)


def test_layers_are_given_what_the_network_gives_them(tmp_path: Path) -> None:
    """Behind an encoder, of words their vectors, of a pooled convolution what it sends."""
    encoded = parts(neuron=partial(LIF, membrane_decay=0.9, threshold=1.05), encoder=True)
    assert not torch.equal(encoded.network.received(first(encoded.data, 8)), first(encoded.data, 8))
    torch.manual_seed(0)
    neuron, surrogate = partial(LIF, **LIF_LIKE), Surrogate(fast_sigmoid)
    pooled = Conv(16, 3, neuron, surrogate, [1, 4, 4], [6, 5], 3, LinearOutput, paddings=1, pooling=[2, 1])
    read = Embedding(9, 9, neuron, surrogate, [12, 10])
    for network, data in ((encoded.network, encoded.data), (pooled, Inputs(16, 14, 2)), (read, Words())):
        glorot(network, NoInputs())
        metrics = activity(Given(network, data), tmp_path, None, samples=8)["metrics"]
        ran = network.eval()(first(data, 8)).layers[-2:]
        for layer in (0, 1):
            assert metrics[f"firing_rate/{layer}"] == pytest.approx(ran[layer].spikes.mean().item())
            assert metrics[f"firing_rate/{layer}"] > 0


@pytest.mark.parametrize("recurrent", [True, False])
def test_what_is_counted(recurrent: bool) -> None:
    """A recurrence that is there; nothing where real numbers are multiplied, or weights are shared."""
    layer, spikes = parts(recurrent=recurrent).network.hidden[0], torch.tensor([0.0, 1.0, 0.0, 0.0])
    assert operations(layer, spikes, 0.5) == Operations(12, 9 * 12 / 4 + (12 * 12 / 2 if recurrent else 0))
    assert operations(layer, 0.3 * spikes, 0.5) is None
    long_short = parts(neuron=LSTM, recurrent=recurrent).network.hidden[0]
    assert (operations(long_short, 0.3 * spikes, 0.5) is None) == (not recurrent)
    shared = Conv(16, 3, partial(LIF, **LIF_LIKE), Surrogate(fast_sigmoid), [1, 4, 4], [6], 3, LinearOutput)
    assert operations(shared.hidden[0], spikes, 0.5) is None


def test_traces_of_inputs_are_refused(tmp_path: Path) -> None:
    synapse = partial(LeakyIntegrator, synaptic_decay=0.5, membrane_decay=0.5)
    neuron = partial(Refractory, refractory_decay=0.5, threshold=0.0)
    network = Decolle(16, 3, neuron, Surrogate(fast_sigmoid), [1, 4, 4], [6], 3, synapse, 1.0)
    with pytest.raises(OptionError, match=r"^network=decolle: is no network for procedure=activity"):
        activity(Given(network, Inputs(16, 14, 1)), tmp_path, None)


def test_lstm(tmp_path: Path) -> None:
    metrics = activity(parts(neuron=LSTM), tmp_path, None)["metrics"]
    assert metrics["macs/0"] == 4 * (9 * 12 + 12 * 12) + 17 * 12
    assert metrics["acs/0"] == 0
    assert "asymmetry/0" not in metrics
