"""Two runs are the same run exactly if nothing that can change a result differs."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from omegaconf import DictConfig, OmegaConf

from snnexp.identity import run_id
from tests.runs import composed

Compose = Callable[[list[str]], DictConfig]

# Stored runs bear these names. Whoever changes one renames all runs: an option that is added later belongs into
# `identity.neutral`, with the value that behaves as before.
GOLDEN = {
    "": "099d9b242ed3",
    "sg=triangular init=stability neuron.reset=minus": "68c51d02eb8b",
    "dataset=shd neuron=alif selt=gradual network/output=leaky_integrator seed=3": "12c352aea275",
}


@pytest.mark.parametrize("overrides", GOLDEN)
def test_golden_ids(compose: Compose, overrides: str) -> None:
    assert run_id(compose(overrides.split())) == GOLDEN[overrides]


@pytest.mark.parametrize(
    "overrides",
    [
        "paths.outputs=/elsewhere",
        "paths.data=/elsewhere",
        "force=true",
        "backend=reference",
        "backend=triton",
        "backend=recompute",
        "threads=3",
        "progress=false",
        "allow=[mylab]",
        "logger=wandb",
        "dataset.workers=2",
        "procedure.checkpoint_every=7",
    ],
)
def test_what_cannot_change_a_result_does_not_count(compose: Compose, overrides: str) -> None:
    assert run_id(compose([overrides])) == run_id(compose([]))


def test_ignored_values_do_not_count_where_others_interpolate_them(compose: Compose) -> None:
    here, there = (compose(["dataset=shd", f"paths.data={folder}"]) for folder in ("/here", "/there"))
    assert here.dataset.root != there.dataset.root
    assert run_id(here) == run_id(there)


def test_a_single_value_can_be_ignored(compose: Compose) -> None:
    ignoring = "identity.ignore=[paths,dataset.workers]"
    assert run_id(compose([ignoring])) == run_id(compose([ignoring, "dataset.workers=2"]))
    assert run_id(compose([ignoring])) != run_id(compose([ignoring, "dataset.batch_size=2"]))


def test_interpolated_values_count(compose: Compose) -> None:
    assert compose([]).dataset.order_seed == 0
    assert run_id(compose(["seed=1"])) != run_id(compose(["seed=1", "dataset.order_seed=0"]))
    assert run_id(compose(["seed=1"])) == run_id(compose(["seed=1", "dataset.order_seed=1"]))


@pytest.mark.parametrize("neutral", [1, 0.5, None, "a", True, [1, 2], {"_target_": "x", "n": 1}])
def test_a_neutral_value_does_not_count_and_another_does(compose: Compose, neutral: Any) -> None:
    before = compose([])
    after = before.copy()
    OmegaConf.update(after, "neuron.added", neutral, force_add=True)
    after.identity.neutral = {**before.identity.neutral, "neuron.added": neutral}
    assert run_id(after) == run_id(before)
    OmegaConf.update(after, "neuron.added", "another", merge=False)
    assert run_id(after) != run_id(before)


def test_the_list_of_neutral_values_does_not_count(compose: Compose) -> None:
    assert run_id(compose(["+identity.neutral={nothing.there: 1}"])) == run_id(compose([]))


def test_order_of_keys_does_not_count() -> None:
    identity: dict[str, Any] = {"ignore": [], "neutral": {}}
    one = OmegaConf.create({"a": 1, "b": {"c": 1, "d": 2}, "identity": identity})
    other = OmegaConf.create({"identity": identity, "b": {"d": 2, "c": 1}, "a": 1})
    assert run_id(one) == run_id(other)


DEFAULT = composed([])
DEFAULT_ID = run_id(DEFAULT)
IGNORED = {*DEFAULT.identity.ignore, "identity"}


def leaves(tree: Any, path: str = "") -> dict[str, Any]:
    if not isinstance(tree, dict) or not tree:
        return {path: tree}
    return {
        key: leaf for name, inner in tree.items() for key, leaf in leaves(inner, f"{path}.{name}".strip(".")).items()
    }


LEAVES = {
    key: value
    for key, value in leaves(OmegaConf.to_container(DEFAULT, resolve=True)).items()
    if key.partition(".")[0] not in IGNORED and key not in IGNORED
}
VALUES = (
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.floats(allow_nan=False) | st.text("ab1.", max_size=3)
)


def test_there_are_leaves() -> None:
    assert len(LEAVES) > 50
    assert {"seed", "sg.shape._target_", "optimizer.lr", "network.widths", "dataset.order_seed"} <= set(LEAVES)


@pytest.mark.parametrize("key", LEAVES)
def test_every_leaf_counts(key: str) -> None:
    config = DEFAULT.copy()
    OmegaConf.update(config, key, 12345)
    assert run_id(config) != DEFAULT_ID


def same(a: Any, b: Any) -> bool:
    """Numbers are the same as floats; nothing else is the same as anything of another kind."""
    if (
        isinstance(a, int | float)
        and isinstance(b, int | float)
        and not isinstance(a, bool)
        and not isinstance(b, bool)
    ):
        return float(a) == float(b)
    return type(a) is type(b) and a == b


@settings(max_examples=40)
@example("optimizer.lr", 0, -0.0)
@example("optimizer.lr", 1, True)
@example("network.repeat", 1, True)
@example("network.bias", False, 0)  # neutral at false
@given(key=st.sampled_from(sorted(set(LEAVES) - {"seed"})), one=VALUES, other=VALUES)
def test_two_values_are_one_run_exactly_if_they_are_equal(key: str, one: Any, other: Any) -> None:
    ids = []
    for value in (one, other):
        config = DEFAULT.copy()
        OmegaConf.update(config, key, value)
        ids.append(run_id(config))
    assert (ids[0] == ids[1]) == same(one, other)


@given(number=st.integers(-(2**53), 2**53))
def test_numbers_are_floats(number: int) -> None:
    config = {"a": number, "identity": {"ignore": [], "neutral": {}}}
    assert run_id(OmegaConf.create(config)) == run_id(OmegaConf.create(config | {"a": float(number)}))


def test_id_is_twelve_hexadecimal_digits(compose: Compose) -> None:
    identifier = run_id(compose([]))
    assert len(identifier) == 12
    assert json.dumps(int(identifier, 16))
