"""The learning task: a network, how it is read, what it minimises and how it is optimised."""

import hashlib
from collections.abc import Callable, Sequence
from enum import IntEnum
from typing import Any, Protocol

import lightning
import torch
from torch import Tensor
from torch.optim import Optimizer

from snnexp.carry import Carry
from snnexp.errors import OptionError
from snnexp.kernels.native.raster import Raster
from snnexp.learning import Learning, Piece
from snnexp.losses import Loss
from snnexp.metrics import EpochMetrics
from snnexp.network import Network
from snnexp.readouts import Readout
from snnexp.score import score

# Shapes: T time, B batch, I inputs, N neurons.


class Batch(Protocol):
    """Inputs [T, B, I], or words [T, B]; targets [B], or one at every step, [T, B]. See `data.samples.Loaded`."""

    @property
    def inputs(self) -> Tensor: ...
    @property
    def sparse(self) -> Tensor | Raster: ...
    @property
    def targets(self) -> Tensor: ...


class Stream(IntEnum):
    """Independent streams of random numbers of one run."""

    TRAIN = 0
    EVALUATE = 1


class DivergedError(Exception):
    """Loss or weights are not finite; `step` is the number of optimiser steps taken before."""

    def __init__(self, step: int) -> None:
        super().__init__(f"loss or weights are not finite at step {step}")
        self.step = step


class Task(lightning.LightningModule):
    """Classification of sequences by a spiking network, as a LightningModule.

    sparsity: the SELT term, from the spikes of all populations and the training progress in [0, 1].
    augment: changes the inputs of training batches, and of no others.
    optimizer: makes the optimiser of the parameters.  scheduler: makes its learning-rate schedule, stepped every epoch,
    or None.  seed: all noise (augmentation, dropout, escape) is a function of seed and step, so that a resumed run
    draws the same.
    stateful: a batch starts in the state in which the one before it ended, within an epoch.
    learning: when within its sequences a batch is learned from. Whatever that is, the trainer counts a batch as one
    step; and where a batch is learned in pieces, training measures those, each by its own decisions.

    Readouts of layers below the last have the same loss, and all losses are summed.
    Raises `OptionError` where pieces are too short for a layer to learn anything.
    """

    def __init__(
        self,
        network: Network,
        readout: Readout,
        loss: Loss,
        sparsity: Callable[[Sequence[Tensor], float], Tensor],
        optimizer: Callable[[Any], Optimizer],
        scheduler: Callable[[Optimizer], Any],
        classes: int,
        seed: int,
        augment: Callable[[Tensor | Raster], Tensor | Raster],
        stateful: bool,
        learning: Learning,
    ) -> None:
        super().__init__()
        self.network = network
        self.train_carry, self.evaluation_carry = Carry(network, stateful), Carry(network, stateful)
        self.readout, self.loss, self.sparsity = readout, loss, sparsity
        self.optimizer, self.scheduler, self.seed, self.augment = optimizer, scheduler, seed, augment
        self.learning, self.fewest = learning, learning.check(network)
        self.spiking = [index for index, layer in enumerate(network.populations) if layer.spiking]
        self.train_metrics = EpochMetrics(classes, self.spiking, network.local_readouts)
        self.evaluation_metrics = EpochMetrics(classes, self.spiking, network.local_readouts)

    def configure_optimizers(self) -> Any:
        optimizer = self.optimizer(self.network.parameters())
        scheduler = self.scheduler(optimizer)
        return optimizer if scheduler is None else {"optimizer": optimizer, "lr_scheduler": scheduler}

    def measure(self, inputs: Tensor | Raster, targets: Tensor, metrics: EpochMetrics, carry: Carry) -> Tensor:
        """The loss to minimise on a batch, or on a piece of it, counted in `metrics`."""
        output = self.network(inputs, carry.state)
        carry.keep(output.state)
        *local, last = [score(read, targets, self.readout, self.loss) for read in (*output.local, output.read)]
        loss = torch.stack([*(lower.loss for lower in local), last.loss]).sum()
        spikes = [output.layers[index].spikes for index in self.spiking]
        sparsity_loss = self.sparsity(spikes, self.progress()).to(loss.device)
        decided = [lower.predictions for lower in local]
        metrics.update(last.cross_entropy, last.predictions, targets, loss, sparsity_loss, spikes, decided)
        return loss + sparsity_loss

    def begin(self, whole: Piece, carry: Carry) -> tuple[Piece, Carry]:
        """Run the burn-in; what comes after it, and what carries the state from there to the batch's end at least."""
        carry = carry if carry.on else Carry(self.network, on=True)
        first, rest = self.learning.begin(whole)
        if first is not None:
            with torch.no_grad():
                carry.keep(self.network(first, carry.state).state)
        return rest, carry

    def learn(self, loss: Tensor) -> None:
        """Change the weights in the middle of a batch; the trainer does so at its end."""
        optimizer = self.optimizers(use_pl_optimizer=False)
        assert isinstance(optimizer, Optimizer)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        self.clip_gradients(optimizer)
        optimizer.step()

    def progress(self) -> float:
        """How far training is, by finished epochs, in [0, 1]."""
        return self.current_epoch / (self.trainer.max_epochs or 1)

    def reseed(self, stream: Stream, index: int) -> None:
        # Hashed, because torch's generator looks at 32 bits only: seeds packed side by side would collide.
        digest = hashlib.sha256(f"{self.seed} {stream} {index}".encode()).digest()
        seed = int.from_bytes(digest[:4])
        # As `torch.manual_seed` does, which notes seed and stack for each kind of device that is not used, should it be
        # used later: at every step that is milliseconds, and memory that is never given back.
        torch.default_generator.manual_seed(seed)
        if self.device.type != "cpu":
            torch.get_device_module(self.device).manual_seed(seed)

    def on_train_epoch_start(self) -> None:
        # Not called when an epoch is resumed in its middle.
        self.train_metrics.reset()
        self.train_carry.reset()

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint["carry"] = self.train_carry.kept()

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        self.train_carry.restore(checkpoint.get("carry"))  # there is none in checkpoints of before it

    def on_train_start(self) -> None:
        self.train_carry.to(self.device)
        scaled = getattr(self.trainer.precision_plugin, "scaler", None) is not None
        if scaled and self.learning.every is not None:  # `learn` would step past the scaler
            right = "its loss is scaled once a batch, which learning.every divides; take bf16-mixed or 32-true"
            raise OptionError("trainer.precision", self.trainer.precision, right)

    def on_train_batch_start(self, batch: Batch, batch_idx: int) -> None:
        self.reseed(Stream.TRAIN, self.global_step)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        rest, carry = self.begin(Piece(self.augment(batch.sparse), batch.targets), self.train_carry)
        *pieces, last = self.learning.pieces(rest, self.fewest)
        for piece in pieces:
            self.learn(self.checked(self.measure(*piece, self.train_metrics, carry)))
        return self.checked(self.measure(*last, self.train_metrics, carry))

    def checked(self, loss: Tensor) -> Tensor:
        """The loss, if it is finite."""
        if not torch.isfinite(loss):
            raise DivergedError(self.global_step)
        return loss

    def on_validation_epoch_start(self) -> None:
        # A neuron with a voltage that is no number is silent, so the loss alone would not show it.
        if not all(bool(weight.isfinite().all()) for weight in self.network.parameters()):
            raise DivergedError(self.global_step)
        self.evaluation_metrics.reset()
        self.evaluation_carry.reset()

    def on_validation_batch_start(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        self.reseed(Stream.EVALUATE, batch_idx)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        rest, carry = self.begin(Piece(batch.sparse, batch.targets), self.evaluation_carry)
        self.measure(*rest, self.evaluation_metrics, carry)

    def on_validation_epoch_end(self) -> None:
        # For early stopping; the loggers have them from `procedures.record`, once.
        values = {f"val/{name}": value for name, value in self.evaluation_metrics.values().items()}
        self.log_dict(values, batch_size=1, logger=False)
