"""Spikes by their events: what is unfolded in C++ is what torch and numpy unfold, and a network reads either."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from snnexp.data.augment import Augment, TimeJitter
from snnexp.data.gaps import GapBatch, decode, encode
from snnexp.data.samples import EIGHT, unpack
from snnexp.encoder import Encoder
from snnexp.kernels.native import call, raster
from snnexp.kernels.native.raster import Raster
from snnexp.kernels.tier import lacking
from snnexp.layers import Layer, LinearOutput
from snnexp.network import Network
from snnexp.neurons.constants import Decay, PerNeuron
from snnexp.neurons.lif import LIF
from snnexp.neurons.lstm import LSTM
from snnexp.surrogates import Surrogate, triangular
from snnexp.unroll import Backend

CPU = torch.device("cpu")
pytestmark = pytest.mark.skipif(bool(lacking(CPU, torch.float64)), reason=lacking(CPU, torch.float64))


@pytest.fixture(params=[1, 2], autouse=True)
def threads(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(call, "GRAIN", 1)
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


def batch(steps: int, channels: int, rows: list[list[int]]) -> GapBatch:
    """Samples with spikes in these places, modulo how many there are."""
    places = [np.array([place % (steps * channels) for place in row], np.int64) for row in rows]
    coded = [encode(place // channels, place % channels, channels) for place in places]
    lengths, targets = torch.tensor([len(code) for code in coded]), torch.arange(len(rows)) % 3
    return GapBatch(torch.from_numpy(np.concatenate(coded)), lengths, targets, steps, channels)


def drawn(steps: int = 9, samples: int = 5, channels: int = 13) -> GapBatch:
    generator = torch.Generator().manual_seed(4)
    count = steps * channels // 8
    return batch(steps, channels, torch.randint(2**20, (samples, count), generator=generator).tolist())


sizes = st.integers(1, 60), st.integers(1, 600)
spikes = st.lists(st.lists(st.integers(0, 2**20), max_size=30), min_size=1, max_size=5)


@given(*sizes, spikes)
def test_gaps_are_unfolded_as_torch_does(steps: int, channels: int, rows: list[list[int]]) -> None:
    given = batch(steps, channels, rows)
    expected = decode(given.gaps, given.lengths, steps, channels)
    assert isinstance(given.sparse, Raster)
    assert torch.equal(given.sparse.frames(), expected)
    assert torch.equal(given.inputs, expected)
    assert given.sparse.density == pytest.approx(expected.mean().item(), rel=1e-5)
    slow = given.sparse.repeat(3)
    assert slow.shape == (3 * steps, len(rows), channels)
    assert torch.equal(slow.frames(), expected.repeat_interleave(3, 0))
    assert torch.equal(slow.to(torch.float64).frames(), expected.repeat_interleave(3, 0).double())


@pytest.mark.parametrize("gaps", [[7], [1, 6], [0, 1], [6, 1]])
def test_gaps_that_lead_too_far_are_refused(gaps: list[int]) -> None:
    given = torch.tensor(gaps, dtype=torch.uint8)
    with pytest.raises(IndexError, match=r"^gaps lead out of 2 steps of 3 channels$"):
        raster.from_gaps(given, torch.tensor([0, len(gaps)]), 2, 3, torch.float32)


@given(st.integers(1, 50), st.integers(1, 6), st.integers(0, 2**31))
def test_bits_are_unfolded_as_torch_does(channels: int, steps: int, seed: int) -> None:
    bits = np.random.default_rng(seed).integers(0, 256, (steps, 3, -(-channels // 8)), np.uint8)
    looked_up = EIGHT[torch.from_numpy(bits).int()].view(torch.uint8)[..., :channels].float()
    assert torch.equal(unpack(torch.from_numpy(bits), channels), looked_up)


def lif(size: int) -> LIF:
    return LIF(size, membrane_decay=Decay(5.0), threshold=PerNeuron(0.3)).double()


def network(
    neuron: type[LSTM] | None = None,
    backend: Backend = Backend.AUTO,
    dropout: float = 0.0,
    repeat: int = 1,
    encoder: bool = False,
) -> Network:
    torch.manual_seed(0)
    surrogate = Surrogate(triangular)
    sizes = pairwise((13, 6, 4))
    layers = [Layer(fan, size, neuron or lif, surrogate, True, backend=backend) for fan, size in sizes]
    made = Network(layers, LinearOutput(4, 3), dropout, repeat, Encoder(13, lif, surrogate) if encoder else None)
    for weight in made.parameters():
        if weight.dim() == 2:
            torch.nn.init.normal_(weight, std=0.5)
    return made.double()


def learned(made: Network, x: Tensor | Raster) -> list[Tensor]:
    """Outputs, spikes and gradients."""
    torch.manual_seed(1)
    output = made(x)
    output.outputs.square().sum().backward()
    gradients = [weight.grad for weight in made.parameters() if weight.grad is not None]
    assert len(gradients) >= 6
    assert all(layer.spikes.any() for layer in output.layers)
    return [output.outputs, *(layer.spikes for layer in output.layers), *gradients]


@pytest.mark.parametrize(
    "made",
    [
        {},
        {"repeat": 2},
        {"dropout": 0.5, "repeat": 2},
        {"encoder": True},
        {"backend": Backend.REFERENCE},
        {"neuron": LSTM},
    ],
    ids=str,
)
def test_a_network_reads_spikes_as_it_reads_frames(made: dict[str, object]) -> None:
    torch.set_default_dtype(torch.float64)
    try:
        given = drawn()
        assert isinstance(given.sparse, Raster)
        ours, theirs = (learned(network(**made), x) for x in (given.sparse, given.inputs))  # type: ignore[arg-type]
    finally:
        torch.set_default_dtype(torch.float32)
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_many_spikes_are_multiplied_as_frames() -> None:
    full = batch(4, 13, [[*range(52)], [*range(0, 52, 2)]]).sparse
    assert isinstance(full, Raster)
    assert full.density == 0.75
    ours, theirs = (learned(network(), x) for x in (full.to(torch.float64), full.frames().double()))
    torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_an_augmentation_changes_frames_and_none_leaves_spikes_alone() -> None:
    given = drawn()
    assert isinstance(given.sparse, Raster)
    sparse = given.sparse
    assert Augment([])(sparse) is sparse
    changed = []
    for x in (sparse, given.inputs):
        torch.manual_seed(2)
        changed.append(Augment([TimeJitter(2.0)])(x))
    assert isinstance(changed[0], Tensor)
    assert torch.equal(changed[0], changed[1])  # type: ignore[arg-type]
    assert not torch.equal(changed[0], given.inputs)


def test_dropout_silences_spikes_and_makes_the_others_larger() -> None:
    given, seen = drawn(60, 20, 40), []
    layer = Layer(40, 4, lambda size: lif(size).float(), Surrogate(triangular))
    layer.register_forward_pre_hook(lambda _, arguments: seen.append(raster.frames(arguments[0])))
    made = Network([layer], LinearOutput(4, 3), 0.25, 1)
    torch.manual_seed(0)
    made(given.sparse)
    made(given.sparse)
    made.eval()(given.sparse)
    first_TBI, second_TBI, all_TBI = seen
    there = given.inputs == 1
    assert torch.equal(all_TBI, given.inputs)
    assert not first_TBI[~there].any()
    assert set(first_TBI[there].tolist()) == {0.0, torch.tensor(1 / 0.75).item()}
    first, second = (x_TBI[there] == 0 for x_TBI in (first_TBI, second_TBI))
    for part, share in ((first, 0.25), (second, 0.25), (first & second, 0.25**2)):
        assert part.double().mean().item() == pytest.approx(share, abs=5 * (share / len(part)) ** 0.5)
