"""The experiments of *robustness* and *beyond*: what they expand to, what they say without runs, and a step of each."""

import re
from pathlib import Path

import pytest

from snnexp.experiments import experiments
from snnexp.publish import publish
from tests.runs import CONF

ROOT = CONF / "experiment"
FILES = {
    f"{paper}/{file.stem}": file for paper in ("robustness", "beyond") for file in sorted((ROOT / paper).glob("*.yaml"))
}
STAND_INS = [
    f"robustness/{name}" for name in ("raw_audio", "raw_audio_reduced", "fig6_shd_reduced", "sparsity_shd_reduced")
]
PAPER_SCALE = [
    "robustness/fig2",
    "robustness/fig3",
    "robustness/fig5",
    "robustness/fig5e",
    "robustness/fig6",
    "robustness/fig6_mnist",
    "robustness/fig6_shd",
    "robustness/raw_audio",
    "robustness/sparsity",
    "robustness/sparsity_mnist",
    "robustness/sparsity_shd",
    "robustness/activity",
]
CLAIMS = {"beyond/cross_digits": 2, "beyond/neurons_reduced": 4, "beyond/spikeinit_reduced": 5}
NAMES = [name for name in FILES if "/base" not in name]


def test_all_of_them_have_a_report() -> None:
    assert experiments("robustness") + experiments("beyond") == NAMES


def test_every_figure_has_a_reduced_version() -> None:
    figures = [name for name in NAMES if name.startswith("robustness/") and not name.endswith("_reduced")]
    assert {f"{name}_reduced" for name in figures} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_as_many_runs_as_the_comment_says_and_no_verdict_without_them(name: str, tmp_path: Path) -> None:
    (said,) = re.findall(r"= (\d+)\s+(?:#\s+)?runs", FILES[name].read_text())
    head, *lines = publish([f"experiment={name}", f"paths.outputs={tmp_path}"])
    scale = "paper" if name in PAPER_SCALE else "reduced"
    stand_in = ", stand-in data" if name in STAND_INS else ""
    assert head == f"{name} ({scale} scale{stand_in}), {said} runs: {said} missing"
    claims = sum(line.startswith("  no data yet") for line in lines)
    assert claims == CLAIMS.get(name, claims) > 1
    assert not any("reproduced" in line for line in lines)
