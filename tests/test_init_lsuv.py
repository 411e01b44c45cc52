"""Layer-sequential unit variance: what it promises is so, and what cannot be is said."""

from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import Tensor

from snnexp.config import build
from snnexp.errors import OptionError, UserError
from snnexp.init import lsuv
from snnexp.network import Network
from tests.runs import composed

T, B = 20, 24


class Noise:
    """Sparse events on 64 channels, or silence."""

    def __init__(self, rate: float = 0.1) -> None:
        self.x_TBI = (torch.rand(T, B, 64, generator=torch.Generator().manual_seed(0)) < rate).float()

    def input_moments(self) -> tuple[float, float]:
        return self.x_TBI.mean().item(), self.x_TBI.square().mean().item()

    def train_inputs(self) -> Iterable[Tensor]:
        return [self.x_TBI]


def network(*words: str) -> Network:
    config = composed(["network=decolle", *words])
    parts: dict[str, Any] = {name: build(config[node]) for name, node in (("neuron", "neuron"), ("surrogate", "sg"))}
    torch.manual_seed(0)
    made: Network = build(config.network)(inputs=64, classes=10, escape=None, backend="auto", **parts)
    return made


@pytest.mark.parametrize("pooling", ["[1,1]", "[2,1]"])
def test_voltages_have_the_moments_asked_for(pooling: str) -> None:
    made, noise = network(f"network.pooling={pooling}"), Noise()
    promises = lsuv(made, noise, mean=0.5, variance=2.0)
    assert made.training
    made.eval()
    for layer, done, promise in zip(made.hidden, made(noise.x_TBI, record=("u",)).layers, promises, strict=True):
        u = layer.send(done.trace["u"])
        assert u.var().item() == pytest.approx(2, abs=0.11)
        assert u.mean().item() == pytest.approx(0.5, abs=0.21)
        assert promise.notes[0].startswith("voltage ")
        rows = layer.projection.detach().flatten(1)
        gram = rows @ rows.t() if rows.shape[0] <= rows.shape[1] else rows.t() @ rows
        torch.testing.assert_close(gram / gram[0, 0], torch.eye(len(gram)), rtol=0, atol=1e-5)


def test_an_encoder_is_no_layer_to_be_scaled() -> None:
    made, noise = network("network=dense", "network.recurrent=false", "network.encoder=true"), Noise()
    lsuv(made, noise)
    made.eval()
    variances = [done.trace["u"].var().item() for done in made(noise.x_TBI, record=("u",)).layers]
    assert variances[1:] == pytest.approx([1, 1], abs=0.11)
    assert variances[0] < 0.5


def test_without_events_nothing_can_be_scaled() -> None:
    with pytest.raises(
        UserError, match="layer 0 has a voltage 0 with variance 0 after 3 rounds; 0 with variance 1 was"
    ):
        lsuv(network(), Noise(rate=0.0), rounds=3)


def test_recurrent_layers_are_refused() -> None:
    config = composed([])
    made = build(config.network)(
        inputs=64, classes=3, neuron=build(config.neuron), surrogate=build(config.sg), escape=None, backend="auto"
    )
    with pytest.raises(OptionError, match=r"network\.recurrent=true: init=lsuv scales feed-forward layers only"):
        lsuv(made, Noise())
