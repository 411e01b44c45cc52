"""Convolutional networks: published sizes, shapes, states, learning."""

import io
from pathlib import Path

import pytest
import torch
from rich.console import Console
from torch import Tensor, nn

from snnexp.config import build
from snnexp.conv import Conv
from snnexp.convolution import ConvLayer
from snnexp.errors import OptionError
from snnexp.run import execute
from tests.runs import composed

T, B = 10, 3


def network(inputs: int, classes: int, *words: str) -> Conv:
    """A network of conf/network/conv.yaml, with weights that make it spike."""
    config = composed(["network=conv", *words])
    torch.manual_seed(0)
    made: Conv = build(config.network)(
        inputs=inputs,
        classes=classes,
        neuron=build(config.neuron),
        surrogate=build(config.sg),
        escape=build(config.escape),
        backend="auto",
    )
    for parameter in made.parameters():
        nn.init.normal_(parameter, std=0.3)
    return made.double()


SMALL = ["network.shape=[1,6,6]", "network.filters=[3,4]", "network.pooling=[2,1]", "network.dropout=0"]


def small(*words: str) -> Conv:
    return network(36, 5, *SMALL, *words)


def inputs(steps: int = T) -> Tensor:
    return (torch.rand(steps, B, 36, generator=torch.Generator().manual_seed(1)) < 0.5).double()


def numbers(made: Conv) -> list[dict[str, int]]:
    return [{name: weight.numel() for name, weight in layer.named_parameters()} for layer in made.hidden]


def shapes(made: Conv) -> list[tuple[int, ...]]:
    return [layer.shape for layer in made.hidden if isinstance(layer, ConvLayer)]


def test_sizes_of_the_spiking_heidelberg_digits_network() -> None:
    # Gygax & Zenke 2025, Sec. 8.4.2, and its public code.
    words = ["shape=[1,700]", "filters=[16,32,64]", "kernels=[21,7,7]", "strides=[10,3,3]", "paddings=0"]
    made = network(700, 20, *(f"network.{word}" for word in words), "network.recurrent=true", "neuron=cuba_lif")
    assert shapes(made) == [(16, 68), (32, 21), (64, 5)]
    assert numbers(made) == [
        {"projection": 336, "recurrent_weight": 1280},
        {"projection": 3584, "recurrent_weight": 5120},
        {"projection": 14336, "recurrent_weight": 20480},
    ]
    assert made.output.get_parameter("projection").numel() == 6400
    assert sum(weight.numel() for weight in made.parameters()) == 51_536


@pytest.mark.parametrize(("shape", "parameters"), [((1, 28, 28), 687_050), ((3, 32, 32), 841_802)])
def test_sizes_of_the_networks_for_images(shape: tuple[int, ...], parameters: int) -> None:
    # Micheli et al., Sec. IV-D: six layers of 64 features that keep the size of the image, biases everywhere.
    words = [f"shape={list(shape)}", "filters=[64,64,64,64,64,64]", "strides=1", "bias=true", "output.bias=true"]
    made = network(torch.Size(shape).numel(), 10, *(f"network.{word}".replace(" ", "") for word in words))
    assert shapes(made) == [(64, *shape[1:])] * 6
    assert sum(weight.numel() for weight in made.parameters()) == parameters


def test_shapes() -> None:
    done = small()(inputs(), record=("v",))
    assert done.outputs.shape == (T, B, 5)
    # The second layer sees 3 x 3 maxima, and has a stride of 2.
    assert [layer.spikes.shape for layer in done.layers] == [(T, B, 3 * 36), (T, B, 4 * 4)]
    assert [layer.trace["v"].shape for layer in done.layers] == [(T, B, 3 * 36), (T, B, 4 * 4)]


@pytest.mark.parametrize("recurrent", ["true", "false"])
def test_state_is_passed_and_every_weight_learns(recurrent: str) -> None:
    made = small(f"network.recurrent={recurrent}", "network.bias=true", "network.output.bias=true")
    whole = made(inputs())
    early = made(inputs()[:4])
    late = made(inputs()[4:], early.state)
    assert all(0.02 < layer.spikes.mean() < 0.98 for layer in whole.layers)
    torch.testing.assert_close(torch.cat([early.outputs, late.outputs]), whole.outputs, rtol=1e-10, atol=1e-10)
    assert not torch.equal(made(inputs()[4:]).layers[1].spikes, late.layers[1].spikes)
    torch.autograd.backward(whole.outputs.square().sum())
    for parameter in made.parameters():
        assert parameter.grad is not None
        assert parameter.grad.any()


def test_a_number_stands_for_all_layers() -> None:
    one, each = small("network.strides=2"), small("network.strides=[2,2]")
    assert shapes(one) == shapes(each) == [(3, 3, 3), (4, 1, 1)]


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("network.shape=[36]", r"^shape=\[36\]: must be \[channels, length\] or \[channels, height, width\]$"),
        ("network.shape=[1,6,5]", r"^shape=\[1, 6, 5\]: these are 30 inputs, the data set has 36$"),
        ("network.filters=[]", r"^filters=\[\]: must be a list of positive integers$"),
        ("network.kernels=[3,3,3]", r"^kernels=\[3, 3, 3\]: must be an integer of at least 1, or a list of one for"),
        ("network.kernels=0", r"^kernels=0: must be an integer of at least 1"),
        ("network.paddings=[-1,0]", r"^paddings=\[-1, 0\]: must be an integer of at least 0"),
        ("network.kernels=[3,9]", r"^kernels=9: is wider than its input \[3, 3, 3\] with a padding of 1$"),
        ("network.time_repeat=0", r"^time_repeat=0: must be at least 1$"),
    ],
)
def test_refused_options(word: str, line: str) -> None:
    with pytest.raises(OptionError, match=line):
        small(word)


@pytest.mark.slow
def test_learns_digits(tmp_path: Path) -> None:
    words = ["dataset.steps=12", "dataset.batch_size=32", "trainer.max_epochs=2", "network.filters=[8,16]"]
    words += [f"paths.outputs={tmp_path}", "threads=1", "progress=false", "trainer.accelerator=cpu"]
    result = execute(composed(["network=conv", "dataset=digits", *words]), Console(file=io.StringIO()))
    # Ten classes. Guessing is right for 0.1 of 360 digits, with a standard deviation of 0.016.
    assert result["metrics"]["test/accuracy"] > 0.5
    assert result["metrics"]["test/firing_rate/1"] > 0
