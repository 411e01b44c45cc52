"""The command, run in this process: what it says of mistakes, and what it does with runs that are there already."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from snnexp.data.digits import Digits
from snnexp.data.ptb import Ptb
from snnexp.embedding import Embedding
from snnexp.main import one_line_errors
from tests.conftest import Ended

Command = Callable[..., Ended]

SMALL = [
    "threads=1",
    "progress=false",
    "trainer.accelerator=cpu",
    "trainer.max_epochs=2",
    "dataset.train_samples=32",
    "dataset.batch_size=16",
    "dataset.steps=10",
    "network.widths=[8]",
]

RUNS = "runs/[0-9a-f]*"

LINES = {
    # Options and keys that do not exist.
    "sg=fast_sigmiod": "sg=fast_sigmiod: sg has no such option, did you mean fast_sigmoid?; it has: arctan, ",
    "sg=": "sg=: sg has no such option; it has: arctan, ",
    "network/output=foo": (
        "network/output=foo: network/output has no such option; it has: leaky_integrator, linear, spiking\n"
    ),
    "experiment=foo": "experiment=foo: experiment has no such option; it has: beyond/",
    "experiment=digitz/lr_sg": "experiment=digitz/lr_sg: experiment has no such option, did you mean digits/lr_sg?",
    "experiment=digits/lr": (
        "experiment=digits/lr: experiment has no such option, did you mean digits/lr_sg?; it has: digits/lr_sg\n"
    ),
    "network/outpt=linear": "network/outpt: the configuration has no such option, did you mean network/output?",
    "procedure/quantity=loop": (
        "procedure/quantity: no option that is chosen has this part; it belongs to procedure=analytic\n"
    ),
    "experiment/stabilizing/setting=shd": (
        "experiment/stabilizing/setting: no option that is chosen has this part; it belongs to experiment=stab"
    ),
    "sgg=gaussian": "sgg: the configuration has no such option, did you mean sg?; it has: sg, dampening, ",
    "foo=3": "foo: the configuration has no such option; it has: sg, dampening, ",
    "neuron.treshold=2": (
        "neuron.treshold: neuron (LIF) has no such option, did you mean threshold?; it has: membrane_decay, threshold, "
        "current, reset, detach_reset; a parameter of LIF that is not listed is given as +neuron.treshold=\n"
    ),
    "neuron=alif neuron.adaptation=2": "neuron.adaptation: neuron (ALIF) has no such option, did you mean adaptation_",
    "neuron.threshold.maen=2": (
        "neuron.threshold.maen: neuron.threshold (PerNeuron) has no such option, did you mean mean?; it has: mean, sd, "
    ),
    "neuron={treshold:2}": "neuron.treshold: neuron (LIF) has no such option, did you mean threshold?; it has: ",
    "dampening=stability dampening.value=0.5": "dampening.value: dampening (Stability) has no such option; it has: ",
    "seed.foo=3": "seed.foo=3: Value '{}' of type 'dict' could not be converted to Integer\n",
    "paths.date=x": "paths.date: paths has no such option, did you mean data?; it has: data, outputs\n",
    "hydra.foo=1": "hydra.foo: hydra has no such option; it has: run, sweep, ",
    # Values that the top level refuses.
    "seed=1.5": "seed=1.5: must be an integer\n",
    "threads=all": "threads=all: must be an integer or null\n",
    "force=perhaps": "force=perhaps: must be true or false\n",
    "allow=mylab": "allow=mylab: must be a list, each item a text\n",
    "paths=3": "paths=3: ",
    "neuron.threshold=[0.1]": "neuron.threshold=[0.1]: must be no list, but a value or a node\n",
    # A list, where an option is to be named.
    "sg=[gaussian,triangular]": (
        "sg=[gaussian,triangular]: must be the name of one option; several are a sweep: -m sg=gaussian,triangular\n"
    ),
    "-m trainer=[1]": "trainer=[1]: must be the name of one option; several are a sweep: -m trainer=1\n",
    "hydra.job.chdir=foo": "hydra.job.chdir=foo: Value 'foo' is not a valid bool",
    # What is no override.
    "slstm": "slstm: must be key=value (missing EQUAL at '<EOF>')\n",
    "network.widths=[8,": "network.widths=[8,: must be key=value (brackets and quotes closed, no comma at an end, ",
    "-m optimizer.lr=1e-3, 3e-3": "optimizer.lr=1e-3,: must be key=value (brackets and quotes closed, no comma at an ",
    "paths.data=~/x": "paths.data=~/x: must be key=value (brackets and quotes closed, no comma at an end, $HOME ",
    "paths.data='~/x'": "paths.data=~/x: must be written out, or with ${oc.env:HOME} for ~\n",
    "-m seed=choice()": "seed=choice(): must be key=value ('choice()': empty choice is not legal)\n",
    "seed=range(3)": "seed=range(3): several values are a sweep, which needs -m\n",
    "conditions=none,all": "conditions=none,all: several values are a sweep, which needs -m; one list ",
    "logger=null": ("logger=null: must be the name of an option; none, where there is one, leaves the part out\n"),
    # What a job finds.
    "optimizer.lr=-1": "optimizer.lr=-1: a learning rate is finite and greater than 0\n",
    "neuron.threshold.mean=-1": "neuron.threshold.mean=-1: must not be negative",
    "sg=q_pseudospike sg.shape.q=1": "sg.shape.q=1: the tail fatness must be greater than 1\n",
    "+neuron.treshold=2": "neuron.treshold: LIF has no such option, did you mean threshold?; it has: ",
    "dataset=sl_mnist paths.data=/nothing": "/nothing/mnist/",
    # Options between the words.
    "sg=foo -m seed=0,1": "sg=foo: sg has no such option",
}


@pytest.mark.parametrize("arguments", LINES)
def test_mistakes_are_one_line_and_exit_code_1(command: Command, arguments: str, tmp_path: Path) -> None:
    ended = command(f"paths.outputs={tmp_path}", *arguments.split())
    assert ended.err.startswith(LINES[arguments])
    assert ended.err.count("\n") == 1
    assert (ended.out, ended.code) == ("", 1)


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("sede: 3", "experiment/mine: sede: the configuration has no such option, did you mean seed?; it has: "),
        ("neuron: {treshold: 2}", "neuron.treshold: "),
        ("neuron: {threshold: {maen: 2}}", "neuron.threshold.maen: "),
        ("optimizer: {lr: -1}", "optimizer.lr=-1: a learning rate is finite and greater than 0\n"),
        ("defaults: [override /sgg: gaussian]", "sgg"),
        ("\ttrainer: {max_epochs: 1}", "found character '\\t' that cannot start any token in "),
        ("defaults: [override /sg: gausian]", "sg=gausian: sg has no such option, did you mean gaussian?; it has: "),
    ],
)
def test_mistakes_in_an_experiment_are_one_line(command: Command, body: str, line: str, tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text(f"# @package _global_\n{body}\n")
    ended = command("--config-dir", str(tmp_path), "experiment=mine", f"paths.outputs={tmp_path}/outputs")
    assert line in ended.err
    assert ended.err.count("\n") == 1
    assert ended.code == 1
    assert not (tmp_path / "outputs").exists()


def test_a_file_without_its_first_line_is_told_of_it(command: Command, tmp_path: Path) -> None:
    (tmp_path / "experiment").mkdir()
    (tmp_path / "experiment" / "mine.yaml").write_text("trainer: {max_epochs: 1}\n")
    ended = command("experiment=mine", "--config-dir", str(tmp_path))
    assert (
        ended.err
        == "experiment/mine: the file must begin with # @package _global_, for it sets keys of the top level\n"
    )


def test_a_mistake_beside_options_of_ones_own_is_told_with_them(command: Command, tmp_path: Path) -> None:
    (tmp_path / "experiment" / "mine").mkdir(parents=True)
    (tmp_path / "experiment" / "mine" / "shapes.yaml").write_text("# @package _global_\nseed: 3\n")
    further = ("--config-dir", str(tmp_path))
    assert command(*further, "experiment=mine/shape").err == (
        "experiment=mine/shape: experiment has no such option, did you mean mine/shapes?; it has: mine/shapes\n"
    )
    assert command(*further, "experiment=mine/shapes", "neuron.tau=3").err.startswith(
        "neuron.tau: neuron (LIF) has no such option; it has: membrane_decay, "
    )
    assert command("--config-dir", "nowhere").err == "--config-dir nowhere: there is no such folder\n"


def interrupted(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("place", ["snnexp.run.initialise", "snnexp.task.Task.training_step"])
def test_ctrl_c_is_one_line_and_no_failure(
    command: Command, monkeypatch: pytest.MonkeyPatch, place: str, tmp_path: Path
) -> None:
    """Also in training, where Lightning makes a silent exit of it (and ignores further ones)."""
    handler = signal.getsignal(signal.SIGINT)
    monkeypatch.setattr(place, interrupted)
    try:
        ended = command(f"paths.outputs={tmp_path}", *SMALL)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert ended.err == "stopped; the same command goes on from the last checkpoint\n"
    assert ended.code == 1
    assert not list(tmp_path.glob("runs/*/failure.json"))


def test_words_for_a_network_that_is_not_made_for_them_are_told(
    command: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert Ptb.words
    assert Embedding.reads_words
    monkeypatch.setattr(Digits, "words", True)
    ended = command(f"paths.outputs={tmp_path}", *SMALL)
    assert "every word is shown as 64 channels, which takes long; network=embedding is made for words\n" in ended.out


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_one_line(command: Command, tmp_path: Path) -> None:
    ended = command(f"paths.outputs={tmp_path}", *SMALL, "trainer.accelerator=gpu")
    assert ended.err == "trainer: No supported gpu backend found! (trainer.accelerator=gpu; auto takes what there is)\n"
    assert ended.code == 1


@pytest.mark.parametrize("mistake", ["sg=foo", "optimizer.lr=-1"])
def test_full_errors_are_errors(
    command: Command, monkeypatch: pytest.MonkeyPatch, mistake: str, tmp_path: Path
) -> None:
    monkeypatch.setenv("HYDRA_FULL_ERROR", "1")
    with pytest.raises(Exception, match=mistake.partition("=")[2]):
        command(f"paths.outputs={tmp_path}", mistake)
    assert os.environ["HYDRA_FULL_ERROR"] == "1"


def test_environment_is_left_as_it_was(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    command("sg=foo")
    assert "HYDRA_FULL_ERROR" not in os.environ


def test_a_mistake_of_the_program_is_not_hidden(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(config: Any) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr("snnexp.run.run", broken)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        command()


def run(command: Command, outputs: Path, *arguments: str) -> Path:
    """The folder of one small run."""
    before = set(outputs.glob(RUNS))
    ended = command(f"paths.outputs={outputs}", *SMALL, *arguments)
    assert (ended.err, ended.code) == ("", 0)
    (folder,) = set(outputs.glob(RUNS)) - before
    return folder


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return torch.load(folder / "selected.ckpt", weights_only=True)  # type: ignore[no-any-return]


def test_a_finished_run_is_shown_and_not_run_again(command: Command, tmp_path: Path) -> None:
    folder = run(command, tmp_path)
    kept = {file.name: (file.stat().st_ino, file.stat().st_mtime_ns) for file in folder.iterdir()}
    assert {"result.json", "config.yaml", "env.json", "metrics.jsonl", "page.html"} <= set(kept)
    again = command(f"paths.outputs={tmp_path}", *SMALL)
    assert (again.err, again.code) == ("", 0)
    assert "is over already" in again.out
    accuracy = json.loads((folder / "result.json").read_text())["metrics"]["test/accuracy"]
    assert f"{accuracy:.4g}" in again.out
    assert kept == {file.name: (file.stat().st_ino, file.stat().st_mtime_ns) for file in folder.iterdir()}


def test_force_runs_again_and_keeps_the_old_run(command: Command, tmp_path: Path) -> None:
    folder = run(command, tmp_path)
    first = (folder / "result.json").stat()
    aside = run(command, tmp_path, "force=true")
    assert aside == folder.with_name(f"{folder.name}.old-1")
    assert (aside / "result.json").stat().st_ino == first.st_ino
    assert (folder / "result.json").stat().st_ino != first.st_ino
    assert (folder / "metrics.jsonl").read_text() == (aside / "metrics.jsonl").read_text()


def test_seed_is_all_that_a_run_depends_on(command: Command, tmp_path: Path) -> None:
    dropout = "network.dropout=0.3"
    one, same = (run(command, tmp_path / name, dropout, "seed=7") for name in ("one", "same"))
    other = run(command, tmp_path / "one", dropout, "seed=8")
    assert one.name == same.name != other.name
    for name in ("metrics.jsonl", "result.json"):
        assert (one / name).read_text() == (same / name).read_text()
    assert all(torch.equal(weight, weights(same)[name]) for name, weight in weights(one).items())
    assert (one / "metrics.jsonl").read_text() != (other / "metrics.jsonl").read_text()
    assert not all(torch.equal(weight, weights(other)[name]) for name, weight in weights(one).items())


def test_every_precision_runs(command: Command, tmp_path: Path) -> None:
    for precision in ("32-true", "64-true", "bf16-mixed"):
        run(command, tmp_path, f"trainer.precision={precision}")
    assert len(list(tmp_path.glob("runs/*/result.json"))) == 3


def test_a_missing_extra_is_named_with_what_installs_it() -> None:
    with (
        pytest.raises(SystemExit, match=r"^optuna is not installed: pip install -e \.\[search\]$"),
        one_line_errors([]),
    ):
        raise ModuleNotFoundError("No module named 'optuna'", name="optuna")
