"""Where the time of a training step goes."""

import time
from collections import defaultdict
from enum import StrEnum

from lightning.pytorch.profilers import Profiler
from torch import nn


class Part(StrEnum):
    """Of a training step. data: loading a batch, unfolding and augmenting it.  measures: readout, loss and metrics.
    optimiser: with the clipping of gradients.  lightning: the training loop, callbacks, files."""

    NETWORK = "network"
    DATA = "data"
    MEASURES = "measures"
    OPTIMISER = "optimiser"
    LIGHTNING = "lightning"


ACTIONS = {  # of Lightning's, by how their names end; all others belong to what they are called from
    "run_training_epoch": Part.LIGHTNING,
    ".train_dataloader_next": Part.DATA,
    ".batch_to_device": Part.DATA,
    ".training_step": Part.DATA,  # until the network starts
    ".backward": Part.NETWORK,
    ".optimizer_step": Part.OPTIMISER,
}
VALIDATION = "on_validation_model_eval", "on_validation_model_train"


class Stopwatch(Profiler):
    """Lightning's profiler that charges every moment of a training epoch to the part that works then.

    What runs innermost is charged; validation is left out, and so are the first `skipped` epochs.
    """

    def __init__(self, network: nn.Module, skipped: int = 1) -> None:
        super().__init__()
        self.seconds: dict[Part, float] = defaultdict(float)
        self.steps, self._left, self._paused = 0, skipped, False
        self._parts: list[Part] = []
        self._since = 0.0
        network.register_forward_pre_hook(lambda *_: self._enter(Part.NETWORK))
        network.register_forward_hook(lambda *_: self._forward_ends())

    def start(self, action_name: str) -> None:
        part = next((part for end, part in ACTIONS.items() if action_name.endswith(end)), None)
        self._enter(part or (self._parts[-1] if self._parts else Part.LIGHTNING))
        self._paused = action_name != "run_training_epoch" and (self._paused or action_name.endswith(VALIDATION[0]))

    def stop(self, action_name: str) -> None:
        self._leave()
        if action_name.endswith(VALIDATION[1]):
            self._since, self._paused = time.perf_counter(), False
        if action_name == "run_training_epoch":
            self._left -= 1
        if action_name.endswith("Strategy.training_step") and self._left <= 0:
            self.steps += 1

    def _forward_ends(self) -> None:
        self._leave()
        if self._parts:
            self._parts[-1] = Part.MEASURES

    def _enter(self, part: Part) -> None:
        self._charge()
        self._parts.append(part)

    def _leave(self) -> None:
        self._charge()
        self._parts.pop()

    def _charge(self) -> None:
        now = time.perf_counter()
        if self._parts and self._left <= 0 and not self._paused:
            self.seconds[self._parts[-1]] += now - self._since
        self._since = now
