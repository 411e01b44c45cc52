"""The sweeps that no paper has: as many runs as they say, which can be built, and a report before any is there."""

import re
from pathlib import Path

import pytest
from hydra import initialize_config_dir

from snnexp.publish import publish
from snnexp.sweep import check_job, expand, unique
from tests.runs import CONF

FOLDER = CONF / "experiment" / "beyond"
EXPERIMENTS = sorted(file.stem for file in FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_as_many_runs_as_the_comment_says_and_every_one_can_be_built(name: str) -> None:
    text = (FOLDER / f"{name}.yaml").read_text()
    (said,), (shapes,) = re.findall(r"= (\d+)(?:\s+#)?\s+runs", text), re.findall(r"(\d+) shapes", text) or ["1"]
    words = [f"experiment=beyond/{name}", "seed=0", "sg=fast_sigmoid"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        assert len(list(unique(expand(words, check_job)))) * int(shapes) * 3 == int(said)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "runs", "claims"), [("cross_digits", 315, 2), ("neurons_reduced", 36, 4), ("spikeinit_reduced", 30, 5)]
)
def test_a_report_without_runs_says_so(name: str, runs: int, claims: int, tmp_path: Path) -> None:
    head, *lines = publish([f"experiment=beyond/{name}", f"paths.outputs={tmp_path}"])
    assert f"{runs} missing" in head
    assert sum(line.startswith("  no data yet") for line in lines) == claims


def test_the_readme_names_them_all() -> None:
    named = set(re.findall(r"^\| `(\w+)`", (FOLDER / "README.md").read_text(), re.MULTILINE))
    assert named == set(EXPERIMENTS)
