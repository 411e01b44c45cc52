"""The loop over time, for every neuron of conf/neuron: a neuron that is added is tested by itself."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from omegaconf import DictConfig, OmegaConf
from torch import Tensor

from snnexp.config import build
from snnexp.errors import OptionError
from snnexp.neurons.lif import LIF
from snnexp.neurons.neuron import Neuron
from snnexp.neurons.perceptron import Perceptron
from snnexp.surrogates import arctan
from snnexp.unroll import Backend, Feedback, choose, unroll

CONF = Path(__file__).parents[1] / "conf" / "neuron"
NAMES = sorted(path.stem for path in CONF.glob("*.yaml"))
T, B, N = 24, 3, 4


def read(name: str) -> DictConfig:
    node = OmegaConf.load(CONF / f"{name}.yaml")
    assert isinstance(node, DictConfig)
    merged = OmegaConf.merge(*[read(base) for base in node.pop("defaults", [])], node)
    assert isinstance(merged, DictConfig)
    return merged


def make(name: str) -> Neuron:
    torch.manual_seed(0)
    neuron: Any = build(read(name))(N)
    made: Neuron = neuron.double()
    return made


def draws(neuron: Neuron) -> tuple[Tensor, Tensor]:
    """Currents [T, B, G] and a recurrence [G, N] with which every neuron has something to do."""
    generator = torch.Generator().manual_seed(1)
    currents_TBG = 6 * torch.randn(T, B, neuron.gates * N, generator=generator, dtype=torch.float64)
    recurrence_GN = torch.randn(neuron.gates * N, N, generator=generator, dtype=torch.float64)
    return currents_TBG.requires_grad_(), recurrence_GN.requires_grad_()


def nodes(tensor: Tensor) -> Iterator[Any]:
    """Every node of the graph behind a tensor, once."""
    waiting, seen = [tensor.grad_fn], set()
    while waiting:
        node = waiting.pop()
        if node is not None and node not in seen:
            seen.add(node)
            yield node
            waiting.extend(before for before, _ in node.next_functions)


@pytest.mark.parametrize("name", NAMES)
def test_one_long_call_equals_two_short_ones(name: str) -> None:
    neuron = make(name)
    currents_TBG, recurrence_GN = draws(neuron)
    whole = unroll(neuron, currents_TBG, recurrence_GN, arctan, record=("z",))
    early = unroll(neuron, currents_TBG[:9], recurrence_GN, arctan)
    late = unroll(neuron, currents_TBG[9:], recurrence_GN, arctan, early.state)
    assert whole.spikes.shape == (T, B, N)
    assert (whole.spikes != 0).double().mean() > 0.02
    assert torch.equal(torch.cat([early.spikes, late.spikes]), whole.spikes)
    assert torch.equal(whole.trace["z"], whole.spikes)
    for field in whole.state._fields:
        assert torch.equal(getattr(late.state, field), getattr(whole.state, field))
    gradients = [
        torch.autograd.grad(z_TBN.sum(), (currents_TBG, recurrence_GN))
        for z_TBN in (whole.spikes, torch.cat([early.spikes, late.spikes]))
    ]
    torch.testing.assert_close(gradients[0], gradients[1], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", NAMES)
def test_feed_forward_is_a_recurrence_of_zeros(name: str) -> None:
    neuron = make(name)
    currents_TBG, recurrence_GN = draws(neuron)
    without = unroll(neuron, currents_TBG, None, arctan)
    zeros = unroll(neuron, currents_TBG, 0 * recurrence_GN, arctan)
    assert torch.equal(without.spikes, zeros.spikes)
    assert not torch.equal(without.spikes, unroll(neuron, currents_TBG, recurrence_GN, arctan).spikes)


@pytest.mark.parametrize("name", NAMES)
def test_a_recurrence_is_read_one_step_later(name: str) -> None:
    # The same as a current that is computed outside: current_t + R z_{t-1}.
    neuron = make(name)
    currents_TBG, recurrence_GN = draws(neuron)
    output = unroll(neuron, currents_TBG, recurrence_GN, arctan)
    before_TBN = torch.cat([torch.zeros(1, B, N, dtype=torch.float64), output.spikes[:-1]])
    outside = unroll(neuron, currents_TBG + before_TBN @ recurrence_GN.T, None, arctan)
    torch.testing.assert_close(output.spikes, outside.spikes, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("detach", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_a_recurrence_may_be_a_function(name: str, detach: bool) -> None:
    neuron = make(name)
    currents_TBG, recurrence_GN = draws(neuron)
    matrix, function = (
        unroll(neuron, currents_TBG, recurrence, arctan, detach_recurrent=detach).spikes
        for recurrence in (recurrence_GN, lambda z_BN: z_BN @ recurrence_GN.T)
    )
    torch.testing.assert_close(function, matrix, rtol=1e-12, atol=1e-14)
    gradients = [torch.autograd.grad(z_TBN.sum(), (currents_TBG, recurrence_GN)) for z_TBN in (matrix, function)]
    torch.testing.assert_close(gradients[1], gradients[0], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_the_graph_is_linear_in_time(name: str) -> None:
    # Indexing currents[t] would leave a SelectBackward each, whose backward fills a whole [T, B, G] tensor.
    neuron = make(name)
    currents_TBG, recurrence_GN = draws(neuron)
    graphs = [
        list(nodes(unroll(neuron, currents_TBG[:t], recurrence_GN, arctan, backend=Backend.REFERENCE).spikes))
        for t in (6, 12, 24)
    ]
    assert len(graphs[2]) - len(graphs[1]) == 2 * (len(graphs[1]) - len(graphs[0]))
    names = [node.name() for node in graphs[2]]
    assert "SelectBackward0" not in names
    assert "IndexBackward0" not in names
    assert "UnbindBackward0" in names


def test_detach_recurrent_stops_gradients_to_earlier_spikes() -> None:
    # Without memory (alpha = 0), z_1 sees current_0 by the recurrence only, psi(u_1) R psi(u_0); R gets psi(u_1) z_0.
    neuron = LIF(1, 0.0, 1.0).double()
    currents_TBG = torch.tensor([1.5, 0.7], dtype=torch.float64).view(2, 1, 1).requires_grad_()
    recurrence_GN = torch.tensor([[0.25]], dtype=torch.float64, requires_grad=True)
    at_0, at_1 = arctan(torch.tensor([0.5, 0.7 + 0.25 - 1.0], dtype=torch.float64)).tolist()
    for detach, through in ((False, at_1 * 0.25 * at_0), (True, 0.0)):
        z_TBN = unroll(neuron, currents_TBG, recurrence_GN, arctan, detach_recurrent=detach).spikes
        of_currents, of_recurrence = torch.autograd.grad(z_TBN[1].sum(), (currents_TBG, recurrence_GN))
        assert of_currents.flatten().tolist() == pytest.approx([through, at_1])
        assert of_recurrence.item() == pytest.approx(at_1)


@pytest.mark.parametrize("name", NAMES)
def test_every_field_of_the_state_can_be_recorded(name: str) -> None:
    neuron = make(name)
    currents_TBG, recurrence_GN = draws(neuron)
    fields = neuron.initial_state(B, currents_TBG)._fields
    output = unroll(neuron, currents_TBG, recurrence_GN, arctan, record=fields)
    assert tuple(output.trace) == fields
    for field, values_TBN in output.trace.items():
        assert values_TBN.shape == (T, B, N)
        assert torch.equal(values_TBN[-1], getattr(output.state, field))
    assert unroll(neuron, currents_TBG, recurrence_GN, arctan).trace == {}


def test_noise_is_the_threshold_of_its_step() -> None:
    neuron = LIF(N, 0.5, 1.0).double()
    currents_TBG, recurrence_GN = draws(neuron)
    wanted_TBN = torch.rand(T, B, N, generator=torch.Generator().manual_seed(2)) < 0.5
    noise_TBN = torch.where(wanted_TBN, -1e9, 1e9).double()
    output = unroll(neuron, currents_TBG, recurrence_GN, arctan, noise_TBN=noise_TBN)
    assert torch.equal(output.spikes, wanted_TBN.double())
    deterministic = unroll(neuron, currents_TBG, recurrence_GN, arctan, noise_TBN=torch.zeros(T, B, N).double())
    assert torch.equal(deterministic.spikes, unroll(neuron, currents_TBG, recurrence_GN, arctan).spikes)


class Slow(LIF):
    """A user's neuron, which may step as it likes."""


@pytest.mark.parametrize(
    ("neuron", "recurrence", "record", "lacking"),
    [
        (Slow(N, 0.5, 1.0), torch.eye(N), (), "Slow"),
        (Perceptron(N, 1.0), torch.eye(N), (), "Perceptron"),
        (LIF(N, 0.5, 1.0), lambda z_BN: z_BN, (), "a recurrence that is no matrix"),
        (LIF(N, 0.5, 1.0), torch.eye(N), ("u",), "a trace with gradients"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_without_a_kernel_the_loop_runs_and_fused_is_refused(
    neuron: Neuron, recurrence: Tensor | Feedback, record: tuple[str, ...], lacking: str
) -> None:
    currents_TBG = torch.ones(T, B, N, requires_grad=True)
    taken = unroll(neuron, currents_TBG, recurrence, arctan, record=record).spikes
    assert "StackBackward0" in [node.name() for node in nodes(taken)]
    with pytest.raises(OptionError, match=rf"^backend=fused: there is no fused kernel for {lacking}; take reference$"):
        unroll(neuron, currents_TBG, recurrence, arctan, record=record, backend=Backend.FUSED)


def test_a_kernel_is_taken_where_there_is_one() -> None:
    neuron, currents_TBG = LIF(N, 0.5, 1.0), torch.ones(T, B, N, requires_grad=True)
    for backend, taken in ((Backend.AUTO, "fused"), (Backend.FUSED, "fused"), (Backend.REFERENCE, "reference")):
        output = unroll(neuron, currents_TBG, None, arctan, record=("z",), backend=backend)
        assert ("StackBackward0" in [node.name() for node in nodes(output.spikes)]) == (taken == "reference")
        assert choose(neuron, backend) == taken
