"""Networks of layers: shapes, states, dropout, time."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from torch import Tensor, nn

from snnexp.config import build
from snnexp.errors import OptionError
from snnexp.escape import Sigmoid
from snnexp.init import glorot
from snnexp.layers import LinearOutput
from snnexp.network import Dense
from snnexp.neurons.lif import LIF
from snnexp.neurons.slstm import SLSTM
from snnexp.surrogates import Surrogate, fast_sigmoid

CONF = Path(__file__).parents[1] / "conf"
OUTPUTS = sorted(path.stem for path in (CONF / "network" / "output").glob("*.yaml"))
T, B, I, C = 12, 3, 8, 4  # noqa: E741

SURROGATE = Surrogate(fast_sigmoid)
LIF_NEURON = partial(LIF, membrane_decay=0.75, threshold=0.5)


class NoInputs:
    def input_moments(self) -> tuple[float, float]:
        raise AssertionError("Glorot weights ask nothing of the inputs")


def output(name: str) -> Callable[[int, int], nn.Module]:
    """An output layer of conf/network/output, as it is made in the place where it refers to sg and neuron."""
    files = {"sg": "sg/fast_sigmoid", "neuron": "neuron/lif", "output": f"network/output/{name}"}
    config = OmegaConf.create({key: OmegaConf.load(CONF / f"{file}.yaml") for key, file in files.items()})
    made: Callable[[int, int], nn.Module] = build(config.output)
    return made


def network(*, name: str = "linear", dropout: float = 0.0, time_repeat: int = 1) -> Dense:
    torch.manual_seed(0)
    made = Dense(I, C, LIF_NEURON, SURROGATE, [7, 5], output(name), dropout=dropout, time_repeat=time_repeat)
    glorot(made, NoInputs())
    return made.double()


def inputs(steps: int = T) -> Tensor:
    return (torch.rand(steps, B, I, generator=torch.Generator().manual_seed(1)) < 0.5).double()


@pytest.mark.parametrize("name", OUTPUTS)
def test_shapes(name: str) -> None:
    done = network(name=name)(inputs(), record=("v",))
    assert done.outputs.shape == (T, B, C)
    assert [layer.spikes.shape for layer in done.layers] == [(T, B, 7), (T, B, 5)]
    assert [layer.trace["v"].shape for layer in done.layers] == [(T, B, 7), (T, B, 5)]
    assert len(done.state) == 3


@pytest.mark.parametrize("name", OUTPUTS)
def test_every_weight_learns(name: str) -> None:
    made = network(name=name)
    torch.autograd.backward((made(inputs()).outputs + 1).square().sum())
    for parameter in made.parameters():
        assert parameter.grad is not None
        assert parameter.grad.any()


@pytest.mark.parametrize("name", OUTPUTS)
def test_state_is_passed_through_the_whole_network(name: str) -> None:
    made = network(name=name)
    whole = made(inputs())
    early = made(inputs()[:5])
    late = made(inputs()[5:], early.state)
    assert all(layer.spikes.any() for layer in whole.layers)
    torch.testing.assert_close(torch.cat([early.outputs, late.outputs]), whole.outputs, rtol=1e-12, atol=1e-14)
    assert torch.equal(torch.cat([early.layers[1].spikes, late.layers[1].spikes]), whole.layers[1].spikes)
    assert not torch.equal(made(inputs()[5:]).layers[1].spikes, late.layers[1].spikes)


def test_dropout_acts_in_training_only() -> None:
    made = network(dropout=0.5)
    made.eval()
    assert torch.equal(made(inputs()).outputs, network()(inputs()).outputs)
    made.train()
    assert not torch.equal(made(inputs()).layers[0].spikes, made(inputs()).layers[0].spikes)


def test_dropout_is_drawn_for_every_step() -> None:
    made = network(dropout=0.5)
    seen: list[Tensor] = []
    made.layers[0].register_forward_pre_hook(lambda _, arguments: seen.append(arguments[0]))
    made(torch.ones(200, B, I, dtype=torch.float64))
    kept_TBI = seen[0] != 0
    assert kept_TBI.double().mean().item() == pytest.approx(0.5, abs=4.5 * 0.5 / (200 * B * I) ** 0.5)
    assert (kept_TBI != kept_TBI[:1]).any(0).all()


def test_time_repeat_shows_every_step_so_many_times() -> None:
    x_TBI = inputs()
    repeated = torch.stack([x_TBI[t // 3] for t in range(3 * T)])
    done = network(time_repeat=3)(x_TBI)
    assert done.outputs.shape == (3 * T, B, C)
    assert torch.equal(done.outputs, network()(repeated).outputs)


def test_layers_have_neurons_of_their_own() -> None:
    hidden = network().hidden
    assert hidden[0].neuron is not hidden[1].neuron
    assert [(layer.inputs, layer.size) for layer in hidden] == [(I, 7), (7, 5)]


def test_escape_noise_reaches_every_hidden_layer() -> None:
    made = Dense(I, C, LIF_NEURON, SURROGATE, [7, 5], LinearOutput, escape=Sigmoid(1.0))
    rates = [layer.spikes.mean().item() for layer in made(torch.zeros(500, B, I)).layers]
    # Weights are 0, so u is -threshold and every neuron fires with probability sigmoid(-0.5) = 0.378.
    assert rates == pytest.approx([0.3775, 0.3775], abs=4.5 * 0.485 / (500 * B * 5) ** 0.5)


@pytest.mark.parametrize(("train", "test"), [(True, False), (False, True)])
def test_escape_noise_of_one_mode_leaves_the_other_deterministic(train: bool, test: bool) -> None:
    made = Dense(I, C, LIF_NEURON, SURROGATE, [7, 5], LinearOutput, escape=Sigmoid(5.0, train, test)).double()
    plain = Dense(I, C, LIF_NEURON, SURROGATE, [7, 5], LinearOutput).double()
    torch.manual_seed(0)
    glorot(made, NoInputs())
    plain.load_state_dict(made.state_dict())
    deterministic = plain(inputs()).layers[1].spikes
    for mode, noisy in ((True, train), (False, test)):
        made.train(mode)
        assert torch.equal(made(inputs()).layers[1].spikes, deterministic) != noisy


def test_escape_noise_of_the_output_is_its_own() -> None:
    files = {"sg": "sg/fast_sigmoid", "neuron": "neuron/lif", "output": "network/output/spiking"}
    config = OmegaConf.create({key: OmegaConf.load(CONF / f"{file}.yaml") for key, file in files.items()})
    config.output.escape = {"_target_": "snnexp.escape.Sigmoid", "steepness": 5.0}
    made = Dense(I, C, LIF_NEURON, SURROGATE, [5], build(config.output), escape=Sigmoid(1.0))
    done = made(torch.zeros(500, B, I))
    # Weights are 0, so u is -0.5 below and -0.3 in the output: sigmoid(-0.5) = 0.378, sigmoid(-5 0.3) = 0.182.
    assert done.layers[0].spikes.mean().item() == pytest.approx(0.3775, abs=4.5 * 0.485 / (500 * B * 5) ** 0.5)
    assert done.outputs.mean().item() == pytest.approx(0.1824, abs=4.5 * 0.386 / (500 * B * C) ** 0.5)


def test_escape_noise_is_refused_for_a_neuron_that_fires_more_than_once() -> None:
    with pytest.raises(OptionError, match=r"^escape=sigmoid: escape noise is not defined for SLSTM"):
        Dense(I, C, SLSTM, SURROGATE, [4], LinearOutput, escape=Sigmoid())


def test_refused_options() -> None:
    make = partial(Dense, I, C, LIF_NEURON, SURROGATE, output=LinearOutput)
    for widths in ([], [4, 0]):
        with pytest.raises(OptionError, match=r"^widths="):
            make(widths=widths)
    with pytest.raises(OptionError, match=r"^dropout=1\.0: "):
        make(widths=[4], dropout=1.0)
    with pytest.raises(OptionError, match=r"^time_repeat=0: "):
        make(widths=[4], time_repeat=0)
    with pytest.raises(OptionError, match=r"^backend=quick: must be one of auto, reference, fused, triton, recompute$"):
        make(widths=[4], backend="quick")
