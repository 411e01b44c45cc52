"""The sweeps that no paper has: as many runs as they say, which can be built."""

import re

import pytest
from hydra import initialize_config_dir

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


def test_the_readme_names_them_all() -> None:
    named = set(re.findall(r"^\| `(\w+)`", (FOLDER / "README.md").read_text(), re.MULTILINE))
    assert named == set(EXPERIMENTS)
