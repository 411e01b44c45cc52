"""The help page names what the configuration's files hold."""

import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from snnexp.help import KEYS, page

REAL = Path(__file__).parent.parent / "conf"

FILES = {
    "train.yaml": """\
# The table of contents.
defaults:
  - schema
  - sg: fast_sigmoid            # shape of the surrogate gradient
  # a comment between two entries
  - network: dense
  - _self_
  - experiment: null            # a figure of a paper
  - optional local: default     # your own paths
  - override hydra/job_logging: none

seed: 0
loss:
  - weight: 3
""",
    "sg/fast_sigmoid.yaml": "# algebraic tails\n# second line\n_target_: a.b\n",
    "sg/box.yaml": "_target_: a.c  # not at the top\n# nor this\n",
    "sg/none.yaml": "",
    "network/dense.yaml": "# @package _global_\n# fully connected\ndefaults:\n  - output: linear  # what is read\n",
    "network/output/linear.yaml": "# weighted sum\n",
    "network/output/spiking.yaml": "#a neuron per class\n",
    "experiment/paper/fig2.yaml": "# @package _global_\n# Claim (Fig. 2)\ndefaults:\n  - override /sg: box\n",
    "experiment/paper/README.md": "# not an option\n",
    "hydra/launcher/queue.yaml": "# a batch system\n",
}


@pytest.fixture
def conf(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def test_groups_come_in_the_order_of_the_defaults_list(conf: Path) -> None:
    choices = page(conf).split("marks the default\n\n")[1].split("\nCommon keys")[0]
    assert choices == (
        "sg              shape of the surrogate gradient\n"
        "  * fast_sigmoid  algebraic tails\n"
        "    box, none\n"
        "\n"
        "network\n"
        "  * dense  fully connected\n"
        "\n"
        "network/output  what is read\n"
        "  * linear   weighted sum\n"
        "    spiking  a neuron per class\n"
        "\n"
        "experiment      a figure of a paper\n"
        "    paper/fig2  Claim (Fig. 2)\n"
        "\n"
        "hydra/launcher\n"
        "    queue  a batch system\n"
    )


def test_an_option_is_explained_by_its_first_sentence(conf: Path) -> None:
    text = "# Fig. 2 (Secs. 3 and 4 of Zenke et al. 2021):\n# 1, 2, ... layers.\n# Claims.\n"
    (conf / "experiment" / "paper" / "fig2.yaml").write_text(text)
    assert "    paper/fig2  Fig. 2 (Secs. 3 and 4 of Zenke et al. 2021): 1, 2, ... layers.\n" in page(conf)


def test_optional_group_is_shown_where_it_is_there(conf: Path) -> None:
    (conf / "local").mkdir()
    (conf / "local" / "default.yaml").write_text("paths: {data: /data}\n")
    assert "\nlocal           your own paths\n    * default\n" in page(conf)


def test_many_options_and_long_comments_wrap(conf: Path) -> None:
    names = [f"option_{n:02}" for n in range(30)]
    for name in names:
        (conf / "sg" / f"{name}.yaml").write_text("")
    (conf / "sg" / "long.yaml").write_text("# " + "word " * 60)
    lines = page(conf).splitlines()
    assert max(map(len, lines)) <= 100
    assert set(re.findall(r"option_\d\d", "\n".join(lines))) == set(names)
    assert sum(line.count("word") for line in lines) == 60


def test_real_configuration_is_shown_whole() -> None:
    text = page(REAL)
    assert max(map(len, text.splitlines())) <= 100
    assert "\n  * fast_sigmoid " in text
    for file in REAL.rglob("*.yaml"):
        assert re.search(rf"(?m)^ +.*\b{re.escape(file.stem)}\b", text) or file.name == "train.yaml", file


def test_common_keys_exist() -> None:
    """Top-level keys in train.yaml; a key of a group in the group's default option."""
    train = (REAL / "train.yaml").read_text()
    for key, _ in KEYS:
        first, _, last = key.partition(".")
        chosen = re.search(rf"(?m)^  - {first}: *([\w/]+)", train)
        file = REAL / first / f"{chosen[1]}.yaml" if chosen else REAL / "train.yaml"
        assert re.search(rf"(?m)^ *{last or first}:", file.read_text()), key


def test_page_is_quick_and_imports_no_library() -> None:
    program = (
        "import sys; from pathlib import Path; from snnexp.help import page; page(Path(sys.argv[1]))\n"
        "print(*{'hydra', 'omegaconf', 'yaml', 'torch', 'lightning', 'numpy'} & set(sys.modules))"
    )
    run = subprocess.run([sys.executable, "-c", program, str(REAL)], capture_output=True, text=True, check=True)
    assert run.stdout == "\n"
    started = time.process_time()
    page(REAL)
    assert time.process_time() - started < 0.1
