"""Every option composes, is what its constructor takes, and trains a step; what can't be combined says so."""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
import torch
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from snnexp.config import build, check
from snnexp.errors import DataError, OptionError
from snnexp.neurons.reset import Reset
from snnexp.results import RunFolder
from snnexp.run import Parts, quiet
from snnexp.sweep import Outcome, State
from tests.conftest import Ended
from tests.runs import CONF, composed

Compose = Callable[[list[str]], DictConfig]

SMALL = [
    "threads=1",
    "progress=false",
    "trainer.accelerator=cpu",
    "trainer.max_epochs=1",
    "trainer.limit_train_batches=1",
    "trainer.limit_val_batches=1",
    "dataset.batch_size=8",
    "dataset.train_samples=8",
    "network.widths=[32,32]",
    "network.repeat=1",
]
SHORT = "dataset.steps=10"
NOT_OURS = ("hydra", "local")  # Hydra's own groups, a user's own paths
BENEATH = {
    "procedure/quantity": ["procedure=analytic"],
    "procedure/rule": ["procedure=match_spikes"],
}  # groups that only one option of another group has
NEEDS = {
    "readout=spike_count": ["network/output=spiking"],
    "network=embedding": ["dataset=ptb"],
    "learning=online": ["network/output=linear"],
    "init=lsuv": ["network.recurrent=false"],
}
LIF = ["lif", "lif_propagation", "lif_stabilizing"]


def options(group: str) -> list[str]:
    return sorted(file.stem for file in (CONF / group).glob("*.yaml"))


def every_option() -> list[str]:
    """All options as they are put on the command line; those of experiments by their whole path."""
    files = [file.relative_to(CONF).with_suffix("") for file in CONF.rglob("*.yaml") if file.parent != CONF]
    ours = [file for file in files if file.parts[0] not in NOT_OURS]
    return sorted(
        "experiment=" + "/".join(file.parts[1:]) if file.parts[0] == "experiment" else f"{file.parent}={file.name}"
        for file in ours
    )


@cache
def chosen(option: str) -> DictConfig:
    """A small configuration with one option; composed once, since composing takes longer than a step."""
    config = composed([*BENEATH.get(option.partition("=")[0], []), option])
    for word in SMALL:
        (override,) = OverridesParser.create().parse_overrides([word])
        key = override.get_key_element()
        if not key.startswith("network.") or OmegaConf.select(config, key) is not None:  # not every network has them
            OmegaConf.update(config, key, override.value())
    return config


def together(first: str, *others: str) -> DictConfig:
    """What composing several options at once gives: the first, with the nodes that the other ones set."""
    config = chosen(first).copy()
    for other in others:
        path = other.partition("=")[0].replace("/", ".")
        OmegaConf.update(config, path, OmegaConf.select(chosen(other), path), merge=False)
    return config


def take_a_step(config: DictConfig, folder: Path) -> None:
    """Check and build everything, and train one batch; fails unless it moves weights to other finite ones."""
    check(config)
    parts = Parts(config, RunFolder(folder, "run"), Console(quiet=True))
    parts.data.setup("fit")
    before = [weight.detach().clone() for weight in parts.task.parameters()]
    with quiet():
        trainer = parts.trainer(callbacks=[], logger=False)
        trainer.fit(parts.task, parts.data.train_dataloader(), parts.data.val_dataloader())
    assert trainer.global_step == 1
    after = list(parts.task.parameters())
    assert all(weight.isfinite().all() for weight in after)
    assert not all(map(torch.equal, before, after))


@pytest.mark.parametrize("option", every_option())
def test_every_option_takes_a_step(option: str, tmp_path: Path) -> None:
    config = together(option, *NEEDS.get(option, []))
    config.paths.data = str(tmp_path)
    if "root" in config.dataset or "path" in config.dataset:
        with pytest.raises(DataError, match=r"fetch_data\.py \w+ --root|https://|dataset\.path"):
            take_a_step(config, tmp_path)
    else:
        take_a_step(config, tmp_path)


@pytest.mark.data
@pytest.mark.parametrize(
    ("dataset", "folder"),
    [
        ("sl_mnist", "mnist"),
        ("mnist_latency", "mnist"),
        ("mnist", "mnist"),
        ("fashion_mnist", "fashion_mnist"),
        ("cifar10", "cifar10"),
        ("nmnist", "nmnist"),
        ("ptb", "ptb"),
        ("shd", "SHD"),
        ("ssc", "SSC"),
        ("dvs_gesture", "DVSGesture"),
        ("spoken_digits", "spoken_digits"),
        ("raw_audio", "fsdd"),
    ],
)
def test_published_data_take_a_step(dataset: str, folder: str, tmp_path: Path) -> None:
    root = os.environ.get("SNNEXP_DATA")
    if root is None or not (Path(root) / folder).is_dir():
        pytest.skip(f"SNNEXP_DATA does not name a folder with {folder}/")
    config = together(f"dataset={dataset}")
    config.paths.data = root
    take_a_step(config, tmp_path)


@pytest.mark.data
@pytest.mark.parametrize(("network", "neuron"), [("dense", "lif"), ("embedding", "lif"), ("embedding", "slstm")])
def test_words_take_a_step(network: str, neuron: str, tmp_path: Path) -> None:
    root = os.environ.get("SNNEXP_DATA")
    if root is None or not (Path(root) / "ptb").is_dir():
        pytest.skip("SNNEXP_DATA does not name a folder with ptb/")
    config = together(f"network={network}", "dataset=ptb", f"neuron={neuron}")
    config.paths.data, config.network.widths = root, [16, 12]
    config.dataset.steps, config.network.time_repeat = 5, 2
    take_a_step(config, tmp_path)


@pytest.mark.data
@pytest.mark.parametrize(
    ("dataset", "folder", "shape"),
    [
        ("mnist", "mnist", [1, 28, 28]),
        ("fashion_mnist", "fashion_mnist", [1, 28, 28]),
        ("cifar10", "cifar10", [3, 32, 32]),
        ("nmnist", "nmnist", [1, 28, 28]),
    ],
)
def test_pictures_take_a_step_with_convolutions(dataset: str, folder: str, shape: list[int], tmp_path: Path) -> None:
    root = os.environ.get("SNNEXP_DATA")
    if root is None or not (Path(root) / folder).is_dir():
        pytest.skip(f"SNNEXP_DATA does not name a folder with {folder}/")
    config = together(f"dataset={dataset}", "network=conv")
    config.paths.data, config.network.shape, config.network.filters = root, shape, [4, 4]
    config.dataset.steps = 3
    take_a_step(config, tmp_path)


def test_options_are_put_together_as_composed(compose: Compose) -> None:
    options = ["conditions=all", "neuron=alif", "network/output=spiking", "neuron.reset=post"]
    assert together(*options) == compose([*SMALL, *options])


@pytest.mark.parametrize("neuron", options("neuron"))
@pytest.mark.parametrize("sg", options("sg"))
def test_every_surrogate_with_every_neuron(sg: str, neuron: str, tmp_path: Path) -> None:
    # The bias of a linear output learns even if nothing fires.
    take_a_step(together(f"sg={sg}", f"neuron={neuron}", "network/output=linear", SHORT), tmp_path)


@pytest.mark.parametrize("scheduler", options("scheduler"))
@pytest.mark.parametrize("optimizer", options("optimizer"))
def test_every_optimizer_with_every_scheduler(optimizer: str, scheduler: str, tmp_path: Path) -> None:
    take_a_step(together(f"optimizer={optimizer}", f"scheduler={scheduler}", SHORT), tmp_path)


@pytest.mark.parametrize("output", options("network/output"))
@pytest.mark.parametrize("readout", options("readout"))
def test_every_readout_with_every_output(readout: str, output: str, tmp_path: Path) -> None:
    config = together(f"readout={readout}", f"network/output={output}", SHORT)
    if readout == "spike_count" and output != "spiking":
        with pytest.raises(OptionError, match="network/output=spiking"):
            take_a_step(config, tmp_path)
    else:
        take_a_step(config, tmp_path)


@pytest.mark.parametrize("reset", Reset)
@pytest.mark.parametrize("conditions", options("conditions"))
def test_all_conditions_with_all_resets(conditions: str, reset: str, tmp_path: Path) -> None:
    # At the default threshold, so few neurons with a post reset need a mean weight that condition II does not allow.
    lower = "neuron.threshold.mean=0.5"
    take_a_step(together(f"conditions={conditions}", f"neuron.reset={reset}", lower, SHORT), tmp_path)


@pytest.mark.parametrize("conditions", sorted(set(options("conditions")) - {"none"}))
@pytest.mark.parametrize(
    "outside", ["network.recurrent=false", *(f"neuron={name}" for name in options("neuron") if name not in LIF)]
)
def test_conditions_cover_recurrent_lif_only(conditions: str, outside: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"conditions I-IV needs neuron=lif and network\.recurrent=true"):
        take_a_step(together(f"conditions={conditions}", outside), tmp_path)


@pytest.mark.parametrize("conditions", sorted(set(options("conditions")) - {"none"}))
def test_conditions_cover_no_convolutions(conditions: str, tmp_path: Path) -> None:
    config = together(f"conditions={conditions}", "network=conv")
    config.network.recurrent = True
    with pytest.raises(OptionError, match=r"^network=conv: \w+ by conditions I-IV needs network=dense"):
        take_a_step(config, tmp_path)


@pytest.mark.parametrize("neuron", options("neuron"))
def test_every_neuron_with_recurrent_convolutions(neuron: str, tmp_path: Path) -> None:
    config = together(f"neuron={neuron}", "network=conv", SHORT)
    config.network.filters, config.network.recurrent = [3, 4], True
    take_a_step(config, tmp_path)


CHOSEN = {
    "none": ("glorot", "fixed", "fixed"),
    "I": ("condition_I", "fixed", "fixed"),
    "II": ("condition_II", "fixed", "fixed"),
    "III": ("glorot", "stability", "fixed"),
    "IV": ("glorot", "fixed", "stability"),
    "I-II": ("stability", "fixed", "fixed"),
    "I-II-III": ("stability", "stability", "fixed"),
    "all": ("stability", "stability", "stability"),
}


FORMULA, RANDOM = "init.formula=code", "sharpness.infeasible=code"
CODED = {"II": [FORMULA], "I-II": [FORMULA], "I-II-III": [FORMULA], "IV": [RANDOM], "all": [FORMULA, RANDOM]}


def test_conditions_are_known() -> None:
    assert {*CHOSEN, *(f"{name}-code" for name in CODED)} == set(options("conditions"))


@pytest.mark.parametrize("conditions", CODED)
def test_conditions_of_the_code_are_those_with_its_formulas(compose: Compose, conditions: str) -> None:
    assert compose([f"conditions={conditions}-code"]) == compose([f"conditions={conditions}", *CODED[conditions]])


@pytest.mark.parametrize("conditions", CHOSEN)
def test_conditions_choose_what_they_say(compose: Compose, conditions: str) -> None:
    init, dampening, sharpness = CHOSEN[conditions]
    by_hand = [f"init={init}", f"dampening={dampening}", f"sharpness={sharpness}"]
    assert compose([f"conditions={conditions}"]) == compose(by_hand)


def test_ablation_is_one_multirun(
    command: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    jobs: list[DictConfig] = []

    def record(job: DictConfig) -> Outcome:
        jobs.append(job)
        return Outcome(State.DONE)

    monkeypatch.setattr("snnexp.run.run", record)
    command("-m", f"paths.outputs={tmp_path}", "conditions=none,I,II,III,IV,I-II,I-II-III,all")
    chosen = [
        tuple(part._target_.rpartition(".")[2] for part in (job.init, job.dampening, job.sharpness)) for job in jobs
    ]
    assert chosen == [
        tuple(name if part == 0 else name.capitalize() for part, name in enumerate(names)) for names in CHOSEN.values()
    ]


def test_init_stability_is_all_four_and_can_be_undone(compose: Compose) -> None:
    whole = compose(["init=stability"])
    assert whole == compose(["conditions=all"])
    undone = compose(["init=stability", "dampening=fixed", "dampening.value=0.5"])
    assert build(undone.dampening).value == 0.5
    assert undone.sharpness == whole.sharpness
    assert undone.init == whole.init


def test_value_of_an_experiment_beats_train_yaml(command: Callable[..., Ended], tmp_path: Path) -> None:
    experiment = (
        "# @package _global_\ndefaults:\n  - override /sg: gaussian\n  - _self_\nseed: 5\nnetwork: {widths: [3]}\n"
    )
    (tmp_path / "experiment" / "mine").mkdir(parents=True)
    (tmp_path / "experiment" / "mine" / "fig1.yaml").write_text(experiment)
    shown = command("--config-dir", str(tmp_path), "experiment=mine/fig1", "network.dropout=0.1", "--cfg", "job")
    config = OmegaConf.create(shown.out)
    assert config.seed == 5
    assert config.network.widths == [3]
    assert config.network.dropout == 0.1
    assert config.sg.shape._target_ == "snnexp.surrogates.gaussian"
    louder = command("--config-dir", str(tmp_path), "experiment=mine/fig1", "seed=6", "sg=arctan", "--cfg", "job")
    assert OmegaConf.create(louder.out).seed == 6
    assert OmegaConf.create(louder.out).sg.shape._target_ == "snnexp.surrogates.arctan"


SHAPE = """
def mine(x, width: float = 1.0):
    return (1 - x.abs() / width).clamp_min(0)
"""


def test_code_from_outside(command: Callable[..., Ended], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "mylab").mkdir()
    (tmp_path / "mylab" / "shapes.py").write_text(SHAPE)
    (tmp_path / "conf" / "sg").mkdir(parents=True)
    option = (
        "_target_: snnexp.surrogates.Surrogate\nshape: {_target_: mylab.shapes.mine, _partial_: true, width: 1.0}\n"
    )
    (tmp_path / "conf" / "sg" / "mine.yaml").write_text(option)
    monkeypatch.syspath_prepend(str(tmp_path))
    outputs = tmp_path / "outputs"
    arguments = ["--config-dir", str(tmp_path / "conf"), "sg=mine", f"paths.outputs={outputs}", *SMALL]
    refused = command(*arguments)
    assert (refused.code, refused.err) == (
        1,
        "sg.shape._target_=mylab.shapes.mine: only snnexp, torch, lightning may be named; "
        "for code of your own add allow=[mylab]\n",
    )
    assert not outputs.exists()
    ended = command(*arguments, "allow=[mylab]")
    assert (ended.code, ended.err) == (0, "")
    assert len(list(outputs.glob("runs/*/result.json"))) == 1
    mistyped = command(*arguments, "allow=[mylab]", "+sg.shape.widht=2")
    assert (mistyped.code, mistyped.err) == (
        1,
        "sg.shape.widht: mine has no such option, did you mean width?; it has: width\n",
    )
