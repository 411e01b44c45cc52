"""The task's random numbers."""

import hashlib
import traceback
from functools import partial

import lightning
import pytest
import torch
from lightning.fabric.plugins.environments.lightning import LightningEnvironment
from lightning.pytorch.plugins import MixedPrecision

from snnexp.data.augment import Augment
from snnexp.errors import OptionError
from snnexp.learning import Learning
from snnexp.losses import CrossEntropy
from snnexp.optim import adabelief
from snnexp.readouts import Readout, every_step
from snnexp.sparsity import none
from snnexp.task import Stream, Task
from tests.looked_at import parts


def made(seed: int, learning: Learning | None = None) -> Task:
    return Task(
        parts().network,
        Readout(every_step),
        CrossEntropy(),
        none,
        partial(adabelief, lr=0.1),
        lambda _: None,
        3,
        seed=seed,
        augment=Augment([]),
        stateful=False,
        learning=learning or Learning(),
    )


@pytest.mark.parametrize("stream", Stream)
def test_noise_is_a_function_of_seed_stream_and_step(stream: Stream) -> None:
    made(7).reseed(stream, 12)
    drawn = torch.rand(5)
    torch.manual_seed(int.from_bytes(hashlib.sha256(f"7 {stream} 12".encode()).digest()[:4]))
    assert torch.equal(torch.rand(5), drawn)
    for seed, other, step in ((8, stream, 12), (7, Stream(1 - stream), 12), (7, stream, 13)):
        made(seed).reseed(other, step)
        assert not torch.equal(torch.rand(5), drawn)


def test_nothing_is_kept_of_a_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    def format_stack() -> list[str]:
        raise AssertionError("the stack is kept for a device that is not used")

    task = made(0)
    monkeypatch.setattr(traceback, "format_stack", format_stack)
    task.reseed(Stream.TRAIN, 0)


def test_a_loss_that_is_scaled_once_a_batch_is_refused_where_a_batch_has_several() -> None:
    plugin = MixedPrecision("16-mixed", device="cpu", scaler=torch.amp.GradScaler("cpu"))
    task = made(0, Learning(every=1))
    task.trainer = lightning.Trainer(accelerator="cpu", plugins=[plugin, LightningEnvironment()], logger=False)
    with pytest.raises(OptionError, match=r"^trainer.precision=16-mixed: its loss is scaled once a batch"):
        task.on_train_start()
    task.learning = Learning()
    task.on_train_start()
