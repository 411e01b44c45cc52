"""DECOLLE: its gradients against the three-factor rule written out by hand, which learns online as well."""

from functools import partial
from typing import NamedTuple

import pytest
import torch
from lightning import Trainer
from torch import Tensor
from torch.nn import functional
from torch.optim import SGD
from torch.utils.data import DataLoader

from snnexp.config import build
from snnexp.data.augment import Augment
from snnexp.decolle import Decolle
from snnexp.errors import OptionError
from snnexp.init import NoInputs, biased, glorot
from snnexp.learning import Learning
from snnexp.losses import SmoothL1, layer_absolute
from snnexp.neurons.leaky_integrator import LeakyIntegrator
from snnexp.neurons.refractory import Refractory
from snnexp.readouts import Readout, every_step
from snnexp.run import quiet
from snnexp.schedules import first_epochs
from snnexp.sparsity import SELT, none
from snnexp.surrogates import Surrogate, fast_sigmoid
from snnexp.task import Task
from tests.runs import composed

T, B, C = 12, 3, 4
SHAPE, FILTERS, POOLING = (2, 6, 6), (3, 4, 5), (2, 1, 2)
ALPHA, BETA, RHO = 0.875, 0.75, 0.625  # the same in single precision
LR = 0.5


def network(dropout: float = 0.0) -> Decolle:
    torch.manual_seed(0)
    made = Decolle(
        72,
        C,
        partial(Refractory, refractory_decay=RHO, threshold=0.0),
        Surrogate(fast_sigmoid),
        SHAPE,
        FILTERS,
        kernels=3,
        synapse=partial(LeakyIntegrator, synaptic_decay=BETA, membrane_decay=ALPHA),
        amplitude=2.0,
        paddings=1,
        pooling=POOLING,
        dropout=dropout,
    )
    for parameter in made.parameters():
        torch.nn.init.normal_(parameter, std=0.7)
    for layer in made.hidden:
        layer.sharpness.fill_(5.0)
    return made.double()


def inputs() -> Tensor:
    return (torch.rand(T, B, 72, generator=torch.Generator().manual_seed(1)) < 0.3).double()


TARGETS = torch.tensor([2, 0, 3])


class Rule(NamedTuple):
    """What the hand-written rule finds of every layer: gradients of weights and biases, outputs of the readouts."""

    weights: list[Tensor]
    biases: list[Tensor]
    outputs: Tensor


@torch.no_grad()
def three_factors(made: Decolle, lr: float = 0.0, penalty: float = 0.0, target: float = 0.0) -> Rule:
    """DECOLLE step by step (Kaiser et al. 2020), in which nothing is ever differentiated by a machine.

    A weight changes by  - lr  error  psi(u)  trace of its input,  the error being G^T of the readout's. With lr > 0 it
    does so at every step. penalty: factor of |rate of the layer at this step - target|.
    """
    weights = [layer.projection.clone() for layer in made.hidden]
    biases = [layer.get_parameter("bias").clone() for layer in made.hidden]
    summed = [torch.zeros_like(weight) for weight in weights], [torch.zeros_like(bias) for bias in biases]
    readouts = [(readout.weight, readout.offset) for readout in (*made.local, made.output)]
    right = functional.one_hot(TARGETS, C).double()
    sizes = [layer.inputs_shape for layer in made.hidden]
    q = [torch.zeros(B, *size).double() for size in sizes]
    p = [torch.zeros(B, *size).double() for size in sizes]
    r = [torch.zeros(B, *layer.shape).double() for layer in made.hidden]
    z = [torch.zeros(B, *layer.shape).double() for layer in made.hidden]
    outputs = torch.zeros(len(weights), T, B, C).double()
    for t, x in enumerate(inputs()):
        sent = x.unflatten(1, SHAPE)
        for index, (weight, bias, (G, g), window) in enumerate(zip(weights, biases, readouts, POOLING, strict=True)):
            p[index] = ALPHA * p[index] + (1 - ALPHA) * q[index]
            q[index] = BETA * q[index] + (1 - BETA) * sent
            r[index] = RHO * r[index] - (1 - RHO) * z[index]
            patches = functional.unfold(p[index], 3, padding=1)
            height, width = r[index].shape[2:]
            u = (weight.flatten(1) @ patches + bias[:, None]).unflatten(2, (height, width)) + r[index]
            z[index] = (u > 0).double()
            error_at_u = torch.zeros_like(u)
            sent = torch.zeros(B, len(weight), height // window, width // window).double()
            chosen = {}
            for b, f, row, column in torch.cartesian_prod(*map(torch.arange, sent.shape)).tolist():
                rows, columns = (range(place * window, (place + 1) * window) for place in (row, column))
                chosen[b, f, row, column] = max((u[b, f, i, j].item(), i, j) for i in rows for j in columns)[1:]
                sent[b, f, row, column] = z[index][b, f, *chosen[b, f, row, column]]
            y = sent.flatten(1) @ G.t() + g
            outputs[index, t] = y
            error = (y - right).clamp(-1, 1) / (B * C)
            at_sent = (error @ G).view_as(sent)
            at_sent = at_sent + penalty * torch.sign(sent.mean() - target) / sent.numel()
            for (b, f, row, column), (i, j) in chosen.items():
                error_at_u[b, f, i, j] = at_sent[b, f, row, column]
            third = error_at_u / (1 + 10 * u.abs()) ** 2
            gradient = torch.einsum("bfp,bkp->fk", third.flatten(2), patches).view_as(weight)
            summed[0][index].add_(gradient)
            summed[1][index].add_(third.sum((0, 2, 3)))
            weight.sub_(lr * gradient)
            bias.sub_(lr * third.sum((0, 2, 3)))
    if lr > 0:
        return Rule(weights, biases, outputs)
    return Rule([each / T for each in summed[0]], [each / T for each in summed[1]], outputs)


def loss_of(made: Decolle) -> list[Tensor]:
    done = made(inputs())
    return [SmoothL1()(outputs_TBC, TARGETS) for outputs_TBC in (*done.local, done.outputs)]


def test_gradients_are_those_of_the_three_factor_rule() -> None:
    made = network()
    rule = three_factors(made)
    done = made(inputs())
    torch.testing.assert_close(torch.stack((*done.local, done.outputs)), rule.outputs)
    torch.stack(loss_of(made)).sum().backward()
    for layer, weight, bias in zip(made.hidden, rule.weights, rule.biases, strict=True):
        assert weight.abs().max() > 1e-4
        torch.testing.assert_close(layer.projection.grad, weight, rtol=1e-10, atol=1e-13)
        torch.testing.assert_close(layer.get_parameter("bias").grad, bias, rtol=1e-10, atol=1e-13)


def test_no_loss_reaches_another_layer() -> None:
    made = network()
    for index, loss in enumerate(loss_of(made)):
        gradients = torch.autograd.grad(loss, [layer.projection for layer in made.hidden], allow_unused=True)
        assert [gradient is not None for gradient in gradients] == [layer == index for layer in range(3)]


def test_pooling_sends_the_spikes_that_maxima_would() -> None:
    made = network()
    for layer, done in zip(made.hidden, made(inputs(), record=("z",)).layers, strict=True):
        assert 0 < done.spikes.mean() < 1
        torch.testing.assert_close(done.spikes, layer.send(done.trace["z"]), rtol=0, atol=0)


def test_state_is_passed_on() -> None:
    made, x_TBI = network(), inputs()
    whole, first = made(x_TBI), made(x_TBI[:5])
    second = made(x_TBI[5:], first.state)
    torch.testing.assert_close(torch.cat([first.outputs, second.outputs]), whole.outputs)
    torch.testing.assert_close(torch.cat([first.local[0], second.local[0]]), whole.local[0])


def test_readouts_are_fixed() -> None:
    made = network()
    before = [readout.weight.clone() for readout in (*made.local, made.output)]
    assert len(before) == 3
    for weight in before:
        bound = 2 * weight.shape[1] ** -0.5
        assert weight.abs().max() <= bound
        assert weight.square().mean().item() == pytest.approx(bound**2 / 3, rel=0.3)
    for init in (glorot, biased):
        init(made, NoInputs())
    assert all(
        torch.equal(weight, readout.weight) for weight, readout in zip(before, (*made.local, made.output), strict=True)
    )
    assert len(list(made.parameters())) == 6
    assert {"output.weight", "local.0.weight", "local.1.offset"} <= set(made.state_dict())


def test_dropout_is_before_the_readouts_alone() -> None:
    made = network(dropout=0.5)
    noisy = made(inputs())
    made.eval()
    for one, other in zip(noisy.layers, made(inputs()).layers, strict=True):
        assert torch.equal(one.spikes, other.spikes)
    assert not torch.equal(noisy.local[0], made(inputs()).local[0])


class Given(NamedTuple):
    inputs: Tensor
    targets: Tensor

    @property
    def sparse(self) -> Tensor:
        return self.inputs


def trained(made: Decolle, learning: Learning, selt: SELT | None = None) -> Task:
    """A task that has learned from one batch of three samples, by plain gradient descent."""
    task = Task(
        made,
        Readout(every_step),
        SmoothL1(),
        selt or none,
        partial(SGD, lr=LR),
        lambda _: None,
        C,
        seed=0,
        augment=Augment([]),
        stateful=False,
        learning=learning,
    )
    batches = DataLoader([Given(inputs(), TARGETS)], batch_size=None)  # type: ignore[arg-type]
    with quiet():
        trainer = Trainer(
            max_epochs=1,
            accelerator="cpu",
            precision="64-true",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(task, batches, batches)
    assert trainer.global_step == 1
    return task


@pytest.mark.parametrize("penalty", [0.0, 0.3])
def test_learning_online_is_the_rule_at_every_step(penalty: float) -> None:
    made = network()
    rule = three_factors(made, LR, penalty, target=0.5)
    before = [layer.projection.detach().clone() for layer in made.hidden]
    selt = SELT(0.5, penalty, partial(first_epochs, epochs=1, of=1), layer_absolute)
    task = trained(made, Learning(every=1), selt)
    for layer, first, weight, bias in zip(made.hidden, before, rule.weights, rule.biases, strict=True):
        assert (weight - first).abs().max() > 1e-3
        torch.testing.assert_close(layer.projection, weight, rtol=1e-10, atol=1e-12)
        torch.testing.assert_close(layer.get_parameter("bias"), bias, rtol=1e-10, atol=1e-12)
    loss = SmoothL1()(rule.outputs.flatten(0, 1), TARGETS).item() * len(made.hidden)
    assert task.train_metrics.values()["loss"] == pytest.approx(loss, rel=1e-5)


def test_learning_at_the_end_is_the_rule_summed() -> None:
    made = network()
    rule = three_factors(made)
    wanted = [layer.projection - LR * weight for layer, weight in zip(made.hidden, rule.weights, strict=True)]
    trained(made, Learning())
    for layer, weight in zip(made.hidden, wanted, strict=True):
        torch.testing.assert_close(layer.projection, weight, rtol=1e-10, atol=1e-12)


def test_amplitude_is_checked() -> None:
    config = composed(["network=decolle", "network.amplitude=0"])
    with pytest.raises(OptionError, match="amplitude=0: must be greater than 0"):
        build(config.network)(
            inputs=64, classes=C, neuron=build(config.neuron), surrogate=build(config.sg), escape=None, backend="auto"
        )
