"""A finished run, tested again under other circumstances."""

import json
from collections.abc import Sequence
from pathlib import Path

import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf
from rich.console import Console
from rich.table import Table

from snnexp.config import check
from snnexp.errors import UserError
from snnexp.files import append_line
from snnexp.main import CONF
from snnexp.procedures.checkpoint import newest
from snnexp.procedures.record import SELECTED
from snnexp.procedures.train import evaluate
from snnexp.results import RunFolder
from snnexp.run import Parts, quiet


def evaluate_run(run: Path, split: str, overrides: Sequence[str]) -> dict[str, float]:
    """Evaluate the selected weights of a run; prints a table, and appends a line to the run's evaluations.jsonl.

    overrides: changes of the run's configuration as on the command line; an option (`escape=sigmoid`) replaces its
    whole group. Raises `UserError` where the folder holds no trained run, or the weights do not fit the network.
    """
    if not (run / SELECTED).exists():
        raise UserError(f"{run}: no trained run lies here ({SELECTED} is missing)")
    stored = OmegaConf.load(run / "config.yaml")
    assert isinstance(stored, DictConfig)
    config = changed(stored, overrides)
    check(config)
    parts = Parts(config, RunFolder(run.parent, run.name), Console(quiet=True), newest(run))
    with quiet():
        parts.data.setup("test")
        weights = torch.load(run / SELECTED, weights_only=True, map_location="cpu")
        try:
            parts.task.network.load_state_dict(weights)
        except RuntimeError as error:
            raise UserError(
                f"{run}: the weights do not fit {' '.join(overrides)}: {error}".replace("\n", " ")
            ) from None
        measures = evaluate(parts, split)
    append_line(run / "evaluations.jsonl", json.dumps({"split": split, "overrides": list(overrides), **measures}))
    table = Table("", *measures)
    table.add_row(split, *(f"{value:.4g}" for value in measures.values()))
    Console().print(table)
    return measures


def changed(stored: DictConfig, overrides: Sequence[str]) -> DictConfig:
    """A stored configuration with overrides: whole groups for options, single values for dotted keys."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        composed = compose("train", list(overrides))
    config = OmegaConf.create(OmegaConf.to_container(stored))
    assert isinstance(config, DictConfig)
    for key in set(composed) - set(config):  # a group that is younger than the run
        config[key] = composed[key]
    for override in sorted(overrides, key=lambda text: "." in text.partition("=")[0]):  # options before values
        key = override.partition("=")[0].lstrip("+").replace("/", ".")
        OmegaConf.update(config, key, OmegaConf.select(composed, key), merge=False, force_add=True)
    return config
