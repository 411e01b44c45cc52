"""Whatever a configuration gets wrong is one line that names the key, the value and what would be right."""

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hydra.errors import InstantiationException
from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from snnexp.config import build, check, explain, locate
from snnexp.errors import OptionError, UserError
from snnexp.run import execute

Compose = Callable[[list[str]], DictConfig]


def refused(config: DictConfig) -> str:
    """The line with which a configuration is refused."""
    with pytest.raises(UserError) as caught:
        execute(config, Console(quiet=True))
    return explain(config, caught.value) if isinstance(caught.value, OptionError) else str(caught.value)


LINES = {
    # Keys that do not exist, added with a plus so that Hydra lets them pass.
    "+foo=3": "foo: the configuration has no such option; it has: sg, dampening, ",
    "+optimiser.lr=1": "optimiser: the configuration has no such option, did you mean optimizer?; it has: ",
    "+paths.date=x": "paths.date: paths has no such option, did you mean data?; it has: data, outputs",
    "+identity.ignored=[]": "identity.ignored: identity has no such option, did you mean ignore?; it has: ignore, ",
    "+neuron.treshold=2": "neuron.treshold: LIF has no such option, did you mean threshold?; it has: membrane_decay, ",
    "+neuron.threshold.maen=2": "neuron.threshold.maen: PerNeuron has no such option, did you mean mean?; it has: ",
    "+optimizer.lrr=1": "optimizer.lrr: adabelief has no such option, did you mean lr?; it has: lr, betas, ",
    "+trainer.max_epoch=1": "trainer.max_epoch: Trainer has no such option, did you mean max_epochs?; it has: ",
    "scheduler=none +scheduler.eta=1": "scheduler.eta: constant_rate has no such option; it has: none",
    # Values that are not there.
    "~sg": "sg is missing",
    "~paths": "paths is missing",
    "~dataset.batch_size": "dataset.batch_size is missing: Digits needs it",
    "~sg.shape": "sg.shape is missing: Surrogate needs it",
    "optimizer.lr=${foo}": "optimizer.lr: Interpolation key 'foo' not found",
    # Targets.
    "sg.shape._target_=snnexp.surrogates.fastsigmoid": (
        "sg.shape._target_=snnexp.surrogates.fastsigmoid: "
        "snnexp.surrogates has no fastsigmoid, did you mean fast_sigmoid?"
    ),
    "sg.shape._target_=snnexp.surogates.gaussian": (
        "sg.shape._target_=snnexp.surogates.gaussian: snnexp has no surogates, did you mean surrogates?"
    ),
    "sg.shape._target_=gaussian": "sg.shape._target_=gaussian: must be a module and a name in it, such as ",
    "sg.shape._target_=os.system": (
        "sg.shape._target_=os.system: only snnexp, torch, lightning may be named; for code of your own add allow=[os]"
    ),
    # Values of the wrong kind.
    "optimizer.lr=abc": "optimizer.lr=abc: must be a number",
    "optimizer.lr=null": "optimizer.lr=null: must be a number",
    "optimizer.betas=[0.9]": "optimizer.betas=[0.9]: must be a list of 2: a number, a number",
    "neuron.threshold.mean=abc": "neuron.threshold.mean=abc: must be a number",
    "neuron.membrane_decay=abc": "neuron.membrane_decay=abc: must be a number or a node with a _target_",
    "neuron.detach_reset=3": "neuron.detach_reset=3: must be true or false",
    "network.widths=5": "network.widths=5: must be a list, each item an integer",
    "network.widths=[4.5]": "network.widths=[4.5]: must be a list, each item an integer",
    "trainer.max_epochs=1.5": "trainer.max_epochs=1.5: must be an integer or null",
    "trainer.precision=half": "trainer.precision=half: must be 64, 32, 16 or ",
    "sg.shape=3": "sg.shape=3: must be a node with a _target_",
    # Values out of range.
    "seed=-1": "seed=-1: must lie in [0, 2^32)",
    "seed=4294967296": "seed=4294967296: must lie in [0, 2^32)",
    "threads=0": "threads=0: must be at least 1",
    "backend=fused neuron=perceptron": "backend=fused: there is no fused kernel for Perceptron; take reference",
    "backend=triton neuron=lstm": "backend=triton: there is no triton kernel for LSTM; take fused",
    "backend=recompute neuron=lstm": "backend=recompute: there is no recompute kernel for LSTM; take fused",
    "backend=quick": "backend=quick: must be one of auto, reference, fused, triton, recompute",
    "optimizer.lr=-1": "optimizer.lr=-1: a learning rate is finite and greater than 0",
    "optimizer.lr=nan": "optimizer.lr=nan: a learning rate is finite and greater than 0",
    "optimizer.lr=inf": "optimizer.lr=inf: a learning rate is finite and greater than 0",
    "optimizer.weight_decay=-1": "optimizer.weight_decay=-1: must not be negative",
    "trainer.max_epochs=0": "trainer.max_epochs=0: must be at least 1",
    "trainer.accelerator=fast": "trainer.accelerator=fast: must be one of auto, cpu, gpu",
    "trainer.limit_train_batches=0": "trainer.limit_train_batches=0: must be a share in (0, 1.0] or a number",
    "trainer.limit_val_batches=1.5": "trainer.limit_val_batches=1.5: must be a share in (0, 1.0] or a number",
    "trainer.gradient_clip_val=-1": "trainer.gradient_clip_val=-1: must not be negative; null: no clipping",
    "neuron.threshold.mean=-1": "neuron.threshold.mean=-1: must not be negative",
    "neuron.threshold.sd=-1": "neuron.threshold.sd=-1: must not be negative",
    "neuron.threshold.sd=0.6": "neuron.threshold.mean=0.3: must be greater than cut times sd, here 1.2, or negative ",
    "neuron.threshold=-2": "neuron.threshold=-2: must not be negative",
    "neuron.membrane_decay.time=0": "neuron.membrane_decay.time=0: a time constant, in steps, is greater than 0",
    "neuron.membrane_decay=1.5": "neuron.membrane_decay=1.5: a decay per step lies in [0, 1]",
    "neuron.reset=foo": "neuron.reset=foo: must be one of pre, post, minus, minus_immediate",
    "network.dropout=2": "network.dropout=2: a probability, must lie in [0, 1)",
    "network.widths=[]": "network.widths=[]: must be a list of positive integers",
    "network.widths=[4,0]": "network.widths=[4, 0]: must be a list of positive integers",
    "network=conv network.shape=[1,8,9]": "network.shape=[1, 8, 9]: these are 72 inputs, the data set has 64",
    "network=conv network.strides=[1]": (
        "network.strides=[1]: must be an integer of at least 1, or a list of one for each of the 2 layers"
    ),
    "dampening.value=-1": "dampening.value=-1: a dampening is greater than 0",
    "sg=q_pseudospike sg.shape.q=1": "sg.shape.q=1: the tail fatness must be greater than 1",
    "selt=gradual selt.target=3": "selt.target=3: a firing rate lies in [0, 1]",
    "selt=gradual selt.schedule.start=0.7": "selt.schedule.start=0.7: must lie in [0, end) with end <= 1; end is 0.6",
    "escape=sigmoid escape.steepness=0": "escape.steepness=0: must be greater than 0",
    "escape=exponential escape.train=false escape.test=false": (
        "escape.test=false: without noise in training and in test take escape=none"
    ),
    "loss.label_smoothing=1": "loss.label_smoothing=1: must lie in [0, 1)",
    "procedure.checkpoint_every=0": "procedure.checkpoint_every=0: must be at least 1",
    "dataset.batch_size=5000": "dataset.batch_size=5000: there are 1257 training samples",
    "dataset.train_samples=5000": "dataset.train_samples=5000: there are 1257 training samples",
    "dataset.batch_size=0": "dataset.batch_size=0: must be at least 1",
    "optimizer=adam optimizer.betas=[0.9,2]": "optimizer: Invalid beta parameter at index 1: 2",
    # What does not go together.
    "dampening=stability neuron=alif": (
        "neuron=ALIF: dampening by conditions I-IV needs neuron=lif and network.recurrent=true"
    ),
    "init=condition_I network.recurrent=false": (
        "neuron=LIF without recurrence: init by conditions I-IV needs neuron=lif and network.recurrent=true"
    ),
    "escape=sigmoid neuron=slstm": "escape=sigmoid: escape noise is not defined for SLSTM",
}


@pytest.mark.parametrize("overrides", LINES)
def test_one_line_says_what_is_wrong_and_what_is_right(compose: Compose, overrides: str, tmp_path: Path) -> None:
    config = compose([f"paths.outputs={tmp_path}", "threads=1", "trainer.accelerator=cpu", *overrides.split()])
    line = refused(config)
    assert line.startswith(LINES[overrides])
    assert "\n" not in line
    assert not list(tmp_path.glob("runs/*/result.json"))


@pytest.mark.parametrize("dataset", ["shd", "sl_mnist"])
def test_missing_data_say_where_they_are_looked_for_and_to_be_had(
    compose: Compose, dataset: str, tmp_path: Path
) -> None:
    line = refused(compose([f"paths.outputs={tmp_path}", f"dataset={dataset}", f"paths.data={tmp_path}/nothing"]))
    assert f"{tmp_path}/nothing" in line
    assert "paths.data" in line
    assert "fetch_data.py" in line or "https://" in line


def test_nothing_is_built_before_all_is_checked(compose: Compose, tmp_path: Path) -> None:
    assert refused(
        compose([f"paths.outputs={tmp_path}", "paths.data=/nothing", "dataset=shd", "loss.label_smoothing=x"])
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "override",
    [
        "neuron.membrane_decay=0.9",
        "neuron.threshold=1",
        "neuron.current={_target_:snnexp.neurons.constants.PerNeuron,mean:0.1}",
        "optimizer.lr=1",
        "trainer.gradient_clip_val=null",
        "trainer.limit_train_batches=3",
        "+trainer.max_steps=3",
        "network.dropout=0",
        "seed=4294967295",
    ],
)
def test_right_values_pass(compose: Compose, override: str) -> None:
    check(compose([override]))


def test_plain_number_is_the_decay_itself(compose: Compose) -> None:
    neuron = build(compose(["neuron.membrane_decay=0.9"]).neuron)(3)
    assert neuron.membrane_decay().tolist() == pytest.approx([0.9] * 3)


def test_build_gives_the_constructors_own_error() -> None:
    with pytest.raises(OptionError, match=r"^sd=-1: must not be negative$"):
        build(OmegaConf.create({"_target_": "snnexp.neurons.constants.PerNeuron", "mean": 1.0, "sd": -1}))


def test_build_gives_lists_of_nodes_and_plain_partials() -> None:
    plain = {"_target_": "torch.add", "_partial_": True, "alpha": 2}
    made = build(OmegaConf.create({"of": 3, "in": [{"_target_": "torch.nn.Dropout", "p": 0.25}, plain]}))
    assert made["of"] == 3
    dropout, add = made["in"]
    assert dropout.p == 0.25
    assert type(add) is functools.partial  # Hydra's own goes through all its rules at every call
    assert add.func is torch.add
    assert add.keywords == {"alpha": 2}


def test_build_says_whose_error_it_is() -> None:
    with pytest.raises(InstantiationException, match=r"^torch.nn.Dropout: ValueError.*has to be between 0 and 1"):
        build(OmegaConf.create({"_target_": "torch.nn.Dropout", "p": 2}))


def test_explain_finds_the_value_that_was_refused() -> None:
    config = OmegaConf.create(
        {"a": {"time": 1, "sd": -1}, "b": {"time": 2, "sd": 0}, "c": {"theta": {"mean": -3, "sd": 0}}}
    )
    assert explain(config, OptionError("sd", -1, "wrong")) == "a.sd=-1: wrong"
    assert explain(config, OptionError("theta", -3.0, "wrong")) == "c.theta.mean=-3: wrong"
    assert explain(config, OptionError("width", 4, "wrong")) == "width=4: wrong"


def test_explain_names_no_place_where_there_are_two() -> None:
    config = OmegaConf.create({"a": {"sd": -1}, "b": {"sd": -1}})
    assert explain(config, OptionError("sd", -1, "wrong")) == "sd=-1: wrong"


class Base:
    def __init__(self, *, size: int, rate: float = 0.5) -> None: ...


class Derived(Base):
    def __init__(self, steps: int = 3, **common: Any) -> None: ...


def collecting(steps: int, **others: Any) -> None: ...


def node(compose: Compose, target: Any, **arguments: Any) -> DictConfig:
    """A configuration with a part of this module."""
    config = compose([f"allow=[{__name__.partition('.')[0]}]"])
    config.loss = {"_target_": f"{__name__}.{target.__name__}", **arguments}
    return config


def test_class_that_passes_options_on_is_asked_with_its_base(compose: Compose) -> None:
    check(node(compose, Derived, steps=4, size=3, rate=0.1))
    for wrong, line in (
        ({"size": 3, "sise": 4}, "loss.sise: Derived has no such option, did you mean size?; it has: "),
        ({"size": "a"}, "loss.size=a: must be an integer"),
        ({"steps": 3}, "loss.size is missing: Derived needs it"),
    ):
        with pytest.raises(UserError) as caught:
            check(node(compose, Derived, **wrong))
        assert str(caught.value).startswith(line)


def test_function_that_takes_anything_is_given_it(compose: Compose) -> None:
    check(node(compose, collecting, steps=4, anything="goes"))


def test_locate_walks_into_classes() -> None:
    assert locate("x", "torch.nn.Module.eval", ("torch",)).__name__ == "eval"


def test_error_is_written_as_the_user_writes() -> None:
    assert str(OptionError("lr", None, "wrong")) == "lr=null: wrong"
    assert str(OptionError("detach", True, "wrong")) == "detach=true: wrong"
