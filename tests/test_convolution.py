"""A convolutional layer is the dense layer whose matrices repeat its kernels."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from math import prod
from typing import Any

import pytest
import torch
from torch import Tensor

from snnexp.convolution import ConvLayer
from snnexp.errors import OptionError
from snnexp.layers import Layer
from snnexp.neurons.lif import LIF
from snnexp.neurons.slstm import SLSTM
from snnexp.surrogates import Surrogate, fast_sigmoid

T, B = 9, 2
SURROGATE = Surrogate(fast_sigmoid)
LIF_NEURON = partial(LIF, membrane_decay=0.75, threshold=1.0)
GEOMETRIES: dict[str, dict[str, Any]] = {
    "1-D": {"inputs_shape": (2, 11), "kernel": 4, "stride": 3, "padding": 1, "recurrent_kernel": 5},
    "2-D": {"inputs_shape": (2, 5, 4), "kernel": 3, "stride": 2, "padding": 1, "recurrent_kernel": 3},
    "feed-forward": {"inputs_shape": (3, 4, 4), "kernel": 2},
}


def layer(filters: int = 3, neuron: Callable[[int], Any] = LIF_NEURON, **options: Any) -> ConvLayer:
    torch.manual_seed(0)
    made = ConvLayer(filters=filters, neuron=neuron, surrogate=SURROGATE, **options)
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter)
    return made.double()


def inputs(size: int) -> Tensor:
    return torch.rand(T, B, size, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


def grid(shape: tuple[int, ...]) -> Iterator[tuple[int, tuple[int, ...]]]:
    """Positions on a grid, each with its place in a row."""
    return enumerate(product(*map(range, shape)))


def matrix(kernel: Tensor, before: tuple[int, ...], after: tuple[int, ...], stride: int, padding: int) -> Tensor:
    """The matrix of a convolution: from position q to position p by the kernel's entry q - stride p + padding."""
    features, channels = kernel.shape[:2]
    dense = torch.zeros(features, prod(after), channels, prod(before)).double()
    for (row, p), (column, q) in product(grid(after), grid(before)):
        entry = [b - stride * a + padding for a, b in zip(p, q, strict=True)]
        if all(0 <= place < width for place, width in zip(entry, kernel.shape[2:], strict=True)):
            dense[:, row, :, column] = kernel[(..., *entry)].detach()
    return dense.flatten(2).flatten(0, 1)


@pytest.mark.parametrize("neuron", [LIF_NEURON, SLSTM])
@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_equals_a_dense_layer_with_the_matrices_of_its_kernels(geometry: str, neuron: Callable[[int], Any]) -> None:
    options = GEOMETRIES[geometry]
    made = layer(neuron=neuron, bias=True, **options)
    recurrent = made.recurrent_weight is not None
    dense = Layer(made.inputs, made.size, neuron, SURROGATE, recurrent, zero_diagonal=False, bias=True).double()
    dense.load_state_dict(made.state_dict() | weights_of(made, options))
    done, expected = (one(inputs(made.inputs), record=("u",)) for one in (made, dense))
    assert 0.02 < (done.spikes != 0).double().mean() < 0.98
    assert torch.equal(done.spikes, expected.spikes)
    torch.testing.assert_close(done.trace["u"], expected.trace["u"], rtol=1e-10, atol=1e-10)


def weights_of(made: ConvLayer, options: dict[str, Any]) -> dict[str, Tensor]:
    before, after = made.inputs_shape[1:], made.shape[1:]
    assert made.bias is not None
    weights = {
        "projection": matrix(made.projection, before, after, options.get("stride", 1), options.get("padding", 0)),
        "bias": made.bias.detach().repeat_interleave(prod(after)),
    }
    if made.recurrent_weight is not None:
        weights["recurrent_weight"] = matrix(made.recurrent_weight, after, after, 1, options["recurrent_kernel"] // 2)
    return weights


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_every_weight_learns(geometry: str) -> None:
    made = layer(bias=True, **GEOMETRIES[geometry])
    torch.autograd.backward(made(inputs(made.inputs)).spikes.sum())
    for parameter in made.parameters():
        assert parameter.grad is not None
        assert parameter.grad.any()


def test_detach_recurrent_changes_gradients_and_not_spikes() -> None:
    flowing, cut = (layer(detach_recurrent=detach, **GEOMETRIES["1-D"]) for detach in (False, True))
    outputs = [made(inputs(made.inputs)).spikes for made in (flowing, cut)]
    assert torch.equal(outputs[0], outputs[1])
    gradients = [
        torch.autograd.grad(z_TBN.sum(), made.projection)[0]
        for z_TBN, made in zip(outputs, (flowing, cut), strict=True)
    ]
    assert not torch.allclose(gradients[0], gradients[1])


@pytest.mark.parametrize("shape", [(2, 7), (2, 5, 7)])
def test_the_maximum_of_each_window_is_sent(shape: tuple[int, ...]) -> None:
    made = layer(filters=2, inputs_shape=shape, kernel=1, pooling=2)
    assert made.sent_shape == (2, *(length // 2 for length in shape[1:]))
    z_TBN = inputs(made.size)
    sent = made.send(z_TBN).reshape(T, B, *made.sent_shape)
    spikes = z_TBN.reshape(T, B, *shape)
    for _, place in grid(made.sent_shape[1:]):
        window = spikes[(..., *(slice(2 * at, 2 * at + 2) for at in place))]
        assert torch.equal(sent[(..., *place)], window.flatten(3).amax(-1))


def test_without_pooling_all_is_sent() -> None:
    made = layer(**GEOMETRIES["1-D"])
    z_TBN = inputs(made.size)
    assert made.sent_shape == made.shape
    assert torch.equal(made.send(z_TBN), z_TBN)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"kernel": 6, "padding": 0}, r"^kernels=6: is wider than its input \[1, 5\] with a padding of 0$"),
        ({"kernel": 3, "pooling": 4}, r"^pooling=4: is wider than its layer \[3, 3\]$"),
        ({"kernel": 3, "recurrent_kernel": 4}, r"^recurrent_kernel=4: must be odd"),
        ({"kernel": 3, "recurrent_kernel": 0}, r"^recurrent_kernel=0: must be odd"),
    ],
)
def test_refused_options(options: dict[str, int], line: str) -> None:
    with pytest.raises(OptionError, match=line):
        layer(inputs_shape=(1, 5), **options)
