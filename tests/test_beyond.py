"""The sweeps that no paper has: as many runs as they say, each of which can be built, and a report before any is there."""

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
def test_as_many_runs_as_the_comment_says_and_each_can_be_built(name: str) -> None:
    (said,) = re.findall(r"= (\d+)(?:\s+#)?\s+runs", (FOLDER / f"{name}.yaml").read_text())
    words = [f"experiment=beyond/{name}", "seed=0"]
    with initialize_config_dir(str(CONF), version_base="1.3"):
        assert len(list(unique(expand(words, check_job)))) * 3 == int(said)


def test_a_report_without_runs_says_so(tmp_path: Path) -> None:
    head, *lines = publish(["experiment=beyond/cross_digits", f"paths.outputs={tmp_path}"])
    assert "315 missing" in head
    assert sum(line.startswith("  no data yet") for line in lines) == 2


def test_the_readme_names_them_all() -> None:
    named = set(re.findall(r"^\| `(\w+)`", (FOLDER / "README.md").read_text(), re.MULTILINE))
    assert named == set(EXPERIMENTS)
