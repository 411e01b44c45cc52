"""What the speed benchmark computes: stacks of spiking layers, their inputs, and a loss to train them by."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from snnexp.kernels.projection import Projection
from snnexp.losses import CrossEntropy
from snnexp.neurons.alif import ALIF
from snnexp.neurons.lif import LIF
from snnexp.neurons.neuron import Neuron
from snnexp.neurons.slstm import SLSTM
from snnexp.readouts import Readout, every_step, max_over_time
from snnexp.score import score

# Shapes: T time, B batch, I inputs, N neurons, C classes.

DECAY, THRESHOLD, SHARPNESS = 0.95, 1.0, 5.0
TYPICAL_RATE = 0.06  # what the weights are drawn for


class Workload(NamedTuple):
    """Sizes of one training step; contenders of the LIF family all have DECAY, THRESHOLD, SHARPNESS and reset `minus`.

    density: the fraction of inputs that is 1; None: inputs are normal numbers, as an embedding gives.
    every_step: the loss is a cross-entropy at every step; else of the maximum over time.
    gain: standard deviation of a neuron's input current at a typical rate; higher ones give higher rates.
    """

    steps: int
    batch: int
    inputs: int
    widths: tuple[int, ...]
    classes: int
    neuron: Callable[[int], Neuron]
    recurrent: bool = True
    density: float | None = 0.02
    every_step: bool = False
    gain: float = 0.55

    @property
    def plain_lif(self) -> bool:
        """Whether other libraries have its neuron."""
        return isinstance(self.neuron(1), LIF)


lif = partial(LIF, membrane_decay=DECAY, threshold=THRESHOLD, reset="minus")
alif = partial(
    ALIF, membrane_decay=DECAY, threshold=THRESHOLD, adaptation_decay=0.97, adaptation_strength=0.5, reset="minus"
)

W1 = Workload(100, 128, 700, (256, 256), 20, lif)
W2 = W1._replace(recurrent=False)
W3 = Workload(70, 32, 300, (1700, 300), 10_000, lif, density=None, every_step=True)
W1_ALIF = W1._replace(neuron=alif)
W1_SLSTM = W1._replace(neuron=SLSTM)


def inputs(workload: Workload) -> tuple[Tensor, Tensor]:
    """x [T, B, I], and targets [B] or [T, B]."""
    generator = torch.Generator().manual_seed(0)
    shape = (workload.steps, workload.batch, workload.inputs)
    if workload.density is None:
        x_TBI = torch.randn(shape, generator=generator)
    else:
        x_TBI = (torch.rand(shape, generator=generator) < workload.density).float()
    targets = torch.randint(workload.classes, shape[:2] if workload.every_step else shape[1:2], generator=generator)
    return x_TBI, targets


def weights(workload: Workload) -> list[tuple[Tensor, Tensor | None]]:
    """Projection and recurrence of every layer; W1 then fires at 6 % in its first layer and 9 % in its second."""
    generator, gates, drawn = torch.Generator().manual_seed(1), workload.neuron(1).gates, []
    power = 1.0 if workload.density is None else workload.density  # mean square of an input
    for fan_in, size in zip((workload.inputs, *workload.widths), workload.widths, strict=False):
        projection = torch.randn(gates * size, fan_in, generator=generator) * workload.gain / (fan_in * power) ** 0.5
        recurrence = torch.randn(gates * size, size, generator=generator) * 0.3 * workload.gain
        drawn.append((projection, recurrence / (size * TYPICAL_RATE) ** 0.5 if workload.recurrent else None))
        power = TYPICAL_RATE
    return drawn


def arithmetic(workload: Workload) -> float:
    """Dense operations of a step in GF: of all matrix products, forward and backward; inputs need no gradient."""
    gates, readout = workload.neuron(1).gates, workload.widths[-1] * workload.classes
    projections = [gates * n * m for n, m in zip((workload.inputs, *workload.widths), workload.widths, strict=False)]
    recurrences = [gates * n * n for n in workload.widths if workload.recurrent]
    products = 3 * (sum(projections) + sum(recurrences) + readout) - projections[0]
    return 2e-9 * workload.steps * workload.batch * products


class Training(nn.Module):
    """A stack of hidden layers [T, B, I] -> [T, B, N], with the same readout, loss and optimiser for all of them."""

    def __init__(self, workload: Workload, hidden: nn.Module, data: tuple[Tensor, Tensor]) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.hidden, self.every_step = hidden, workload.every_step
        self.readout = nn.Linear(workload.widths[-1], workload.classes)
        self.x_TBI, self.targets = data
        self.optimizer = torch.optim.Adam(self.parameters(), lr=1e-5)

    def step(self) -> None:
        self.optimizer.zero_grad()
        self.loss(self.hidden(self.x_TBI)).backward()  # type: ignore[no-untyped-call]
        self.optimizer.step()

    def loss(self, spikes_TBN: Tensor) -> Tensor:
        """As one writes it by hand."""
        outputs_TBC: Tensor = self.readout(spikes_TBN)
        logits = outputs_TBC.flatten(0, 1) if self.every_step else outputs_TBC.amax(0)
        return functional.cross_entropy(logits, self.targets.flatten())

    def rate(self) -> float:
        """The firing rate of the last layer."""
        with torch.no_grad():
            spikes_TBN: Tensor = self.hidden(self.x_TBI)
        return float((spikes_TBN != 0).float().mean())


class OurTraining(Training):
    """With the readout and the loss of the project, which give the classes decided for as well."""

    def loss(self, spikes_TBN: Tensor) -> Tensor:
        outputs = Projection(spikes_TBN, self.readout.weight, self.readout.bias)
        return score(
            outputs, self.targets, Readout(every_step if self.every_step else max_over_time), CrossEntropy()
        ).loss
