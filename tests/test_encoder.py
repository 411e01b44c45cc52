"""The encoder: neurons that are driven by the input itself."""

from collections.abc import Iterator
from functools import partial

import pytest
import torch

from snnexp.encoder import Encoder
from snnexp.errors import OptionError
from snnexp.escape import Sigmoid
from snnexp.init import glorot
from snnexp.layers import LinearOutput
from snnexp.network import Dense, Shown
from snnexp.neurons.constants import PerNeuron
from snnexp.neurons.lif import LIF
from snnexp.neurons.slstm import SLSTM
from snnexp.surrogates import Surrogate, fast_sigmoid
from snnexp.unroll import unroll
from tests.test_network import NoInputs

NEURON = partial(LIF, membrane_decay=0.5, threshold=1.0, reset="minus")
SURROGATE = Surrogate(fast_sigmoid)


def noise(*size: int) -> torch.Tensor:
    return torch.randn(size, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def test_input_is_the_current() -> None:
    x_TBN = torch.tensor([1.25, 0.25, 2.0]).view(3, 1, 1)
    output = Encoder(1, NEURON, SURROGATE)(x_TBN, record=("v",))
    assert output.trace["v"].flatten().tolist() == [1.25, 0.625 + 0.25 - 1, -0.0625 + 2]
    assert output.spikes.flatten().tolist() == [1, 0, 1]


def test_layers_see_its_spikes() -> None:
    torch.manual_seed(0)
    made = Dense(6, 3, NEURON, SURROGATE, [5, 4], LinearOutput, encoder=True, recurrent=False).double()
    glorot(made, NoInputs())
    x_TBI = noise(7, 2, 6)
    done = made(x_TBI, record=("v",))
    assert [layer.spikes.shape[-1] for layer in done.layers] == [6, 5, 4]
    encoded = unroll(NEURON(6).double(), x_TBI, None, lambda u: u).spikes
    assert encoded.any()
    assert torch.equal(done.layers[0].spikes, encoded)
    without = Dense(6, 3, NEURON, SURROGATE, [5, 4], LinearOutput, recurrent=False).double()
    without.load_state_dict(made.state_dict(), strict=False)
    assert torch.equal(without(encoded).outputs, done.outputs)
    assert made.populations == [made.encoder, *made.hidden]
    assert made.of_hidden(done) == done.layers[1:]
    plain = without(encoded)
    assert without.of_hidden(plain) is plain.layers
    early = made(x_TBI[:3])
    torch.testing.assert_close(made(x_TBI[3:], early.state).outputs, done.outputs[3:])


def test_moments_for_an_initialisation_are_those_of_its_spikes() -> None:
    made = Dense(6, 3, NEURON, SURROGATE, [5], LinearOutput, encoder=True, time_repeat=2)
    batches = [noise(7, 4, 6).float(), noise(7, 2, 6).float() + 1]

    class Given(NoInputs):
        def train_inputs(self) -> Iterator[torch.Tensor]:
            return iter(batches)

    spikes = [made(x_TBI).layers[0].spikes.flatten() for x_TBI in batches]
    rate = torch.cat(spikes).mean().item()
    assert 0.1 < rate < 0.9
    assert Shown(made, Given()).input_moments() == pytest.approx((rate, rate))
    assert torch.equal(made.received(batches[0]), made(batches[0]).layers[0].spikes)


def test_it_has_no_weights_but_its_constants_learn() -> None:
    assert not list(Encoder(4, NEURON, SURROGATE).parameters())
    learning = Encoder(4, partial(NEURON, threshold=PerNeuron(1.0, learnable=True)), SURROGATE)
    torch.autograd.backward(learning(noise(5, 2, 4).float()).spikes.sum())
    (threshold,) = learning.parameters()
    assert threshold.grad is not None
    assert threshold.grad.all()


def test_dropout_spares_its_input() -> None:
    made = Dense(50, 2, NEURON, SURROGATE, [3], LinearOutput, encoder=True, dropout=0.9)
    assert made(torch.full((1, 1, 50), 2.0)).layers[0].spikes.all()


def test_it_is_as_noisy_as_the_layers() -> None:
    rate = Encoder(100, NEURON, SURROGATE, Sigmoid(1.0))(torch.zeros(1, 500, 100)).spikes.mean().item()
    assert rate == pytest.approx(1 / (1 + torch.e), abs=4.5 * 0.45 / 50_000**0.5)


def test_refused() -> None:
    with pytest.raises(OptionError, match=r"^encoder=true: a channel drives one neuron; SLSTM has gates"):
        Dense(4, 2, SLSTM, SURROGATE, [3], LinearOutput, encoder=True)


def test_widths_are_repeated() -> None:
    deep = Dense(3, 2, NEURON, SURROGATE, [4, 5], LinearOutput, repeat=3)
    assert [(layer.inputs, layer.size) for layer in deep.hidden] == [(3, 4), (4, 5), (5, 4), (4, 5), (5, 4), (4, 5)]
    with pytest.raises(OptionError, match=r"^repeat=0: must be at least 1"):
        Dense(3, 2, NEURON, SURROGATE, [4], LinearOutput, repeat=0)
