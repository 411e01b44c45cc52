"""A text read batch by batch, each from where the one before ended, is the text read at once."""

import io
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import nn

from snnexp.carry import Carry
from snnexp.conv import Conv
from snnexp.data.augment import Augment
from snnexp.decolle import Decolle
from snnexp.layers import Layer, LinearOutput
from snnexp.learning import Learning
from snnexp.losses import CrossEntropy
from snnexp.network import Dense, Network
from snnexp.neurons.alif import ALIF
from snnexp.neurons.cuba_lif import CubaLIF
from snnexp.neurons.leaky_integrator import LeakyIntegrator
from snnexp.neurons.lif import LIF
from snnexp.neurons.refractory import Refractory
from snnexp.neurons.slstm import SLSTM
from snnexp.optim import adabelief
from snnexp.readouts import Readout, every_step
from snnexp.sparsity import none
from snnexp.surrogates import Surrogate, fast_sigmoid
from snnexp.task import Task

SURROGATE = Surrogate(fast_sigmoid)
T, B, I, C = 12, 3, 10, 4  # noqa: E741
LIKE = {"membrane_decay": 0.9, "threshold": 0.1}
NEURONS: dict[str, Any] = {
    "lif": partial(LIF, **LIKE),
    "cuba_lif": partial(CubaLIF, **LIKE, synaptic_decay=0.75),
    "alif": partial(ALIF, **LIKE, adaptation_decay=0.875, adaptation_strength=1.0),
    "slstm": SLSTM,
}


def integrator(inputs: int, classes: int) -> Layer:
    return Layer(inputs, classes, partial(LeakyIntegrator, membrane_decay=0.9, synaptic_decay=0.5), None)


def drawn(network: Network) -> Network:
    for weight in network.parameters():
        nn.init.normal_(weight, std=1.0)
    return network


def dense(neuron: str = "lif", output: Callable[[int, int], nn.Module] = integrator) -> Network:
    torch.manual_seed(0)
    return drawn(Dense(I, C, NEURONS[neuron], SURROGATE, [8, 6], output))


def conv() -> Network:
    torch.manual_seed(0)
    return drawn(Conv(I, C, NEURONS["lif"], SURROGATE, [1, I], [3, 2], 3, integrator, recurrent=True))


def encoded() -> Network:
    torch.manual_seed(0)
    return drawn(Dense(I, C, partial(LIF, membrane_decay=0.9, threshold=1.5), SURROGATE, [8], integrator, encoder=True))


def decolle() -> Network:
    torch.manual_seed(0)
    neuron = partial(Refractory, refractory_decay=0.9, threshold=0.0)
    low_pass = partial(LeakyIntegrator, synaptic_decay=0.5, membrane_decay=0.9)
    return drawn(Decolle(I, C, neuron, SURROGATE, [1, I], [3, 2], 3, low_pass, 1.0, bias=False))


def parts() -> tuple[torch.Tensor, ...]:
    x_TBI = (torch.rand(T, B, I, generator=torch.Generator().manual_seed(1)) < 0.5).float()
    return x_TBI.split(5)  # the last one is shorter


MADE = {
    **{name: partial(dense, name) for name in NEURONS},
    "linear output": partial(dense, output=LinearOutput),
    "conv": conv,
    "encoder": encoded,
    "decolle": decolle,
}


@pytest.mark.parametrize("name", MADE)
def test_parts_are_the_whole(name: str) -> None:
    network = MADE[name]()
    carry, outputs = Carry(network, on=True), []
    for x_TBI in parts():
        done = network(x_TBI, carry.state)
        carry.keep(done.state)
        # By way of a file that holds nothing but tensors and lists.
        file = io.BytesIO()
        torch.save(carry.kept(), file)
        file.seek(0)
        carry = Carry(network, on=True)
        carry.restore(torch.load(file, weights_only=True))
        carry.to(torch.device("cpu"))
        outputs.append(done.outputs)
    whole = network(torch.cat(parts())).outputs
    assert torch.allclose(torch.cat(outputs), whole, atol=1e-6)
    assert not torch.allclose(torch.cat([network(x_TBI).outputs for x_TBI in parts()]), whole, atol=1e-2)


def test_no_gradient_goes_back_into_the_batch_before() -> None:
    network = dense()
    first, second, _ = (part.requires_grad_() for part in parts())
    carry = Carry(network, on=True)
    carry.keep(network(first).state)
    network(second, carry.state).outputs.sum().backward()
    assert first.grad is None
    assert second.grad is not None


def test_nothing_is_carried_where_it_is_off_or_reset() -> None:
    network = dense()
    state = network(parts()[0]).state
    off, on = Carry(network, on=False), Carry(network, on=True)
    off.keep(state)
    on.keep(state)
    assert on.state is not None
    on.reset()
    assert off.state is on.state is off.kept() is on.kept() is None
    on.restore(None)
    assert on.state is None


class Part:
    def __init__(self, inputs: torch.Tensor) -> None:
        self.inputs = inputs
        self.targets = torch.randint(C, inputs.shape[:2], generator=torch.Generator().manual_seed(len(inputs)))


@pytest.mark.parametrize("stateful", [True, False])
def test_the_task_measures_the_whole_text(stateful: bool) -> None:
    network = dense()
    task = Task(
        network,
        Readout(every_step),
        CrossEntropy(),
        none,
        partial(adabelief, lr=0.1),
        lambda _: None,
        C,
        seed=0,
        augment=Augment([]),
        stateful=stateful,
        learning=Learning(),
    )
    task.progress = lambda: 0.0  # type: ignore[method-assign]  # it asks the trainer, and here is none
    batches = [Part(x_TBI) for x_TBI in parts()]
    for batch in batches:
        task.measure(batch.inputs, batch.targets, task.evaluation_metrics, task.evaluation_carry)
    logits = network(torch.cat(parts())).outputs
    targets = torch.cat([batch.targets for batch in batches])
    loss = nn.functional.cross_entropy(logits.flatten(0, 1), targets.flatten()).item()
    measured = task.evaluation_metrics.values()
    assert (measured["loss"] == pytest.approx(loss, rel=1e-5)) is stateful
    if stateful:
        assert measured["perplexity"] == pytest.approx(torch.tensor(loss).exp().item(), rel=1e-5)
        assert measured["accuracy"] == pytest.approx((logits.argmax(-1) == targets).float().mean().item(), rel=1e-6)
    assert task.train_carry.state is None
