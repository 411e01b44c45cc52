"""What there is to run, from the files alone."""

from pathlib import Path

import pytest

from snnexp import experiments
from snnexp.experiments import asked, heading
from snnexp.reports.standing import Asked

FILES = {
    "base": "seed: 1",
    "fig1": "defaults: [/experiment/mine/base, _self_]\nreport: {title: t, scale: paper}",
    "fig1_other_data": "defaults: [/experiment/mine/fig1, {override /dataset: shd}, _self_]\nreport: {stand_in: s}",
    "fig1_reduced": "defaults: [/experiment/mine/fig1_other_data, _self_]\nreport: {scale: reduced}",
    "unreported": "defaults: [/experiment/mine/fig1, _self_]\nreport: null",
    "base_other_data": "defaults: [/experiment/mine/base, {override /dataset: shd}, _self_]",
}


def test_names_mean_experiments_papers_and_all() -> None:
    assert experiments.experiments("digits") == ["digits/lr_sg"]
    assert experiments.experiments("digits/lr_sg") == ["digits/lr_sg"]
    assert "digits/lr_sg" in experiments.experiments("all")
    assert "stabilizing/base" not in experiments.experiments("all")


def test_a_derived_experiment_has_the_report_of_what_it_is_derived_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "experiment" / "mine").mkdir(parents=True)
    for name, text in FILES.items():
        (tmp_path / "experiment" / "mine" / f"{name}.yaml").write_text(text)
    monkeypatch.setattr(experiments, "CONF", tmp_path)
    assert asked() == [
        Asked("mine/fig1", "t", "paper", None),
        Asked("mine/fig1_other_data", "t", "paper", "s"),
        Asked("mine/fig1_reduced", "t", "reduced", "s"),
    ]
    assert heading("mine") == "mine"


def test_a_paper_is_called_by_its_name() -> None:
    assert heading("stabilizing") == "Stabilizing Spiking Neuron Training"
