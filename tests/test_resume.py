"""A run that was killed, wherever, and started again is the uninterrupted run, to the last bit."""

import random
import signal
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

from snnexp.files import read_lines
from tests.runs import in_child, kill_at_call, run, server

# Dropout, a sparsity loss that changes with progress, a schedule, and a checkpoint that falls inside epochs.
PLAIN = ["network.dropout=0.2", "selt=gradual", "scheduler=cosine", "procedure.checkpoint_every=2"]
AVERAGED = [
    *PLAIN,
    "+procedure.averaging._target_=snnexp.procedures.averaging.Average",
    "+procedure.averaging._partial_=true",
    "+procedure.averaging.start=4",
    "+procedure.averaging.every=2",
]
STOPPED = [*PLAIN, "procedure.early_stopping=1", "optimizer.lr=1.0", "trainer.max_epochs=8"]  # it has to get worse
WORKERS = [*PLAIN, "dataset.workers=2"]
NOISY = [*PLAIN, "escape=sigmoid", "neuron=alif", "optimizer=smorms3"]


def kill(target: str, number: int) -> None:
    """Kill this process at the n-th call of a method, given as module:class.method."""
    from importlib import import_module

    module, _, path = target.partition(":")
    owner_name, _, method = path.partition(".")
    kill_at_call(getattr(import_module(module), owner_name), method, number)


TRAIN_STEP = "snnexp.task:Task.training_step"
VALIDATION_STEP = "snnexp.task:Task.validation_step"  # one a validation; the first is before training
LAST_BATCH = "snnexp.procedures.checkpoint:Checkpoint.on_train_batch_end"
EPOCH_LINE = "snnexp.procedures.record:Record.on_train_epoch_end"
EPOCH_SAVE = "snnexp.procedures.checkpoint:Checkpoint.on_train_epoch_end"
SAVE = "lightning:Trainer.save_checkpoint"
RESULT = "snnexp.results:RunFolder.finish"


def everything(folder: Path) -> dict[str, Any]:
    """All that a run left that must not depend on how often it was killed."""
    (run_folder,) = [path for path in (folder / "runs").iterdir() if not path.name.startswith(".")]
    checkpoint = torch.load(run_folder / "last.ckpt", weights_only=True)
    kept = {
        name: checkpoint[name] for name in ("epoch", "global_step", "state_dict", "optimizer_states", "lr_schedulers")
    }
    averages = {name: checkpoint[name] for name in ("current_model_state", "averaging_state") if name in checkpoint}
    import json

    return {
        "result": json.loads((run_folder / "result.json").read_text()),
        "metrics": read_lines(run_folder / "metrics.jsonl"),
        "selected": torch.load(run_folder / "selected.ckpt", weights_only=True),
        "checkpoint": {**kept, **averages},
    }


def assert_same(ours: Any, theirs: Any, place: str = "") -> None:
    if isinstance(ours, torch.Tensor):
        assert torch.equal(ours, theirs), place
    elif isinstance(ours, dict):
        assert ours.keys() == theirs.keys(), place
        for key in ours:
            assert_same(ours[key], theirs[key], f"{place}/{key}")
    elif isinstance(ours, list | tuple):
        assert len(ours) == len(theirs), place
        for index, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
            assert_same(mine, other, f"{place}/{index}")
    else:
        assert ours == theirs, place


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Results of uninterrupted runs, each made once."""
    made: dict[tuple[str, ...], dict[str, Any]] = {}

    def of(overrides: list[str]) -> dict[str, Any]:
        if tuple(overrides) not in made:
            outputs = tmp_path_factory.mktemp("whole")
            assert in_child(overrides, outputs) == 0
            made[tuple(overrides)] = everything(outputs)
        return made[tuple(overrides)]

    return of


def killed_and_resumed(overrides: list[str], outputs: Path, *deaths: tuple[str, int]) -> dict[str, Any]:
    for target, number in deaths:
        assert in_child(overrides, outputs, partial(kill, target, number)) == -signal.SIGKILL, (target, number)
        assert not list((outputs / "runs").glob("*/result.json"))
    assert in_child(overrides, outputs) == 0
    return everything(outputs)


@pytest.mark.parametrize(
    "death",
    [
        (TRAIN_STEP, 1),
        (TRAIN_STEP, 2),
        (TRAIN_STEP, 4),
        (TRAIN_STEP, 9),
        (VALIDATION_STEP, 1),
        (VALIDATION_STEP, 4),
        (LAST_BATCH, 5),
        (LAST_BATCH, 10),
        (EPOCH_LINE, 2),
        (EPOCH_SAVE, 1),
        (EPOCH_SAVE, 3),
        (SAVE, 4),
        (RESULT, 1),
    ],
    ids=lambda death: f"{death[0].rpartition('.')[2]}-{death[1]}",
)
def test_killed_once(death: tuple[str, int], tmp_path: Path, uninterrupted: Any) -> None:
    assert_same(killed_and_resumed(PLAIN, tmp_path, death), uninterrupted(PLAIN))


def test_killed_at_random_again_and_again(tmp_path: Path, uninterrupted: Any) -> None:
    chance = random.Random(7)
    deaths = [(TRAIN_STEP, chance.randint(2, 4)) for _ in range(4)]
    assert_same(killed_and_resumed(PLAIN, tmp_path, *deaths), uninterrupted(PLAIN))


@pytest.mark.parametrize(
    ("overrides", "deaths"),
    [
        (AVERAGED, ((TRAIN_STEP, 4), (VALIDATION_STEP, 2), (TRAIN_STEP, 4))),
        (NOISY, ((TRAIN_STEP, 4), (VALIDATION_STEP, 2), (TRAIN_STEP, 4))),
        (WORKERS, ((TRAIN_STEP, 4),)),
    ],
    ids=["averaged", "noisy", "workers"],
)
def test_with_other_parts(
    overrides: list[str], deaths: tuple[tuple[str, int], ...], tmp_path: Path, uninterrupted: Any
) -> None:
    assert_same(killed_and_resumed(overrides, tmp_path, *deaths), uninterrupted(overrides))


def words(root: Path, death: tuple[str, int] | None = None) -> None:
    """Take the small text in this folder for the published one, and die if so told."""
    from snnexp.data import ptb
    from tests.published_files import write_text

    ptb.PTB = write_text(root)  # type: ignore[misc]
    if death is not None:
        kill(*death)


@pytest.mark.slow
def test_the_state_of_a_text_is_carried_over_a_resume(tmp_path: Path) -> None:
    text = [
        *(word for word in PLAIN if not word.startswith("selt")),
        f"paths.data={tmp_path}",
        "dataset=ptb",
        "dataset.train_samples=160",
        "network=embedding",
        "neuron.threshold.mean=0.01",
    ]
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert in_child(text, whole, partial(words, tmp_path)) == 0
    for death in ((TRAIN_STEP, 4), (TRAIN_STEP, 4), (VALIDATION_STEP, 2)):
        assert in_child(text, killed, partial(words, tmp_path, death)) == -signal.SIGKILL
    assert in_child(text, killed, partial(words, tmp_path)) == 0
    assert_same(everything(killed), everything(whole))
    stateless = tmp_path / "stateless"
    assert in_child([*text, "dataset.stateful=false"], stateless, partial(words, tmp_path)) == 0
    assert everything(stateless)["metrics"] != everything(whole)["metrics"]


def test_early_stopping_is_remembered(tmp_path: Path, uninterrupted: Any) -> None:
    whole = uninterrupted(STOPPED)
    stopped_at = len(whole["metrics"]) - 1  # the line before training is not an epoch
    assert stopped_at < 8
    # Killed after the last epoch's checkpoint: what was decided in it must not be decided again.
    assert_same(killed_and_resumed(STOPPED, tmp_path, (RESULT, 1)), whole)


def die_of_initialising() -> None:
    import snnexp.run

    kill_at_call(snnexp.run, "initialise", 1)


def test_an_initialisation_which_may_train_is_not_done_again(tmp_path: Path, uninterrupted: Any) -> None:
    words = [*PLAIN, "init=firing_rate", "init.epochs=1"]
    assert in_child(words, tmp_path, partial(kill, TRAIN_STEP, 7)) == -signal.SIGKILL
    assert in_child(words, tmp_path, die_of_initialising) == 0
    assert_same(everything(tmp_path), uninterrupted(words))


def test_a_torn_checkpoint_is_passed_over(tmp_path: Path, uninterrupted: Any) -> None:
    assert in_child(PLAIN, tmp_path, partial(kill, TRAIN_STEP, 12)) == -signal.SIGKILL
    (last,) = (tmp_path / "runs").glob("*/last.ckpt")
    last.write_bytes(last.read_bytes()[: last.stat().st_size // 2])
    assert in_child(PLAIN, tmp_path) == 0
    assert_same(everything(tmp_path), uninterrupted(PLAIN))


def test_two_epochs_have_different_orders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from snnexp.task import Task

    seen: list[list[int]] = []
    original = Task.training_step

    def spy(self: Task, batch: Any, batch_idx: int) -> Any:
        if batch_idx == 0:
            seen.append([])
        seen[-1].extend(batch.inputs.sum((0, 2)).long().tolist())
        return original(self, batch, batch_idx)

    monkeypatch.setattr(Task, "training_step", spy)
    run([], tmp_path)
    assert len(seen) == 3
    assert seen[0] != seen[1] != seen[2] != seen[0]
    assert sorted(seen[0]) == sorted(seen[1]) == sorted(seen[2])


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path: Path, uninterrupted: Any) -> None:
    """From outside, by the clock, as a machine dies."""
    from tests.runs import _child

    chance = random.Random(3)
    for _ in range(5):
        child = server().Process(target=_child, args=(PLAIN, tmp_path, None))
        child.start()
        time.sleep(chance.uniform(0.5, 3.0))
        child.kill()
        child.join()
    assert in_child(PLAIN, tmp_path) == 0
    assert_same(everything(tmp_path), uninterrupted(PLAIN))
