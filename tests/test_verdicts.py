"""The verdicts over all experiments, put into a file."""

import subprocess
import sys
from pathlib import Path

from snnexp.experiments import asked
from snnexp.reports.overview import NOTE, markdown
from snnexp.reports.standing import standings
from tests.test_standing import example, write

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "verdicts.py"
SUMMARY = """\
|  | figures with a report | of these at the paper's scale | not run | reproduced | not reproduced | no data yet |
| --- | --- | --- | --- | --- | --- | --- |
| stabilizing | 1 |  | 2 | 2 (2) | 1 (1) |  |
| theory | 1 | 1 |  | 1 |  | 1 |
| robustness |  |  | 1 |  |  |  |
| **the papers** | 2 | 1 | 3 | 3 (2) | 1 (1) | 1 |
| mine | 1 | 1 |  |  | 1 |  |
"""
STABILIZING = """\
<details><summary><b>stabilizing</b>: 1 of 3 figures have a report</summary>

| experiment | asks | scale | reproduced | not reproduced | no data yet | report |
| --- | --- | --- | --- | --- | --- | --- |
| [fig4_reduced](conf/experiment/stabilizing/fig4_reduced.yaml) | Which condition? | reduced, stand-in data \
| 2 | 1 |  | [30 runs](outputs/reports/stabilizing/fig4_reduced.md) |

Not run:

- fig4 ([paper](conf/experiment/stabilizing/fig4.yaml)): Which condition?
- fig4_code ([paper](conf/experiment/stabilizing/fig4_code.yaml)): Which condition of the code?
- fig10 ([paper](conf/experiment/stabilizing/fig10.yaml)): Last?

</details>
"""


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *words], cwd=folder, capture_output=True, text=True)


def test_papers_and_their_sum_then_what_was_run_and_what_was_not(tmp_path: Path) -> None:
    write(tmp_path, "mine/fig1", 5, "n", scale="reduced")
    text = markdown(example(tmp_path))
    assert text.startswith(f"{SUMMARY}\n{NOTE}\n{STABILIZING}\n<details><summary><b>theory</b>")
    theory, robustness = text.split("<details>")[2:4]
    assert "Not run" not in theory
    assert "| experiment |" not in robustness


def test_both_scales_of_a_figure_that_was_not_run_are_one_line(tmp_path: Path) -> None:
    paper, reduced = (f"conf/experiment/stabilizing/fig2_alif{scale}.yaml" for scale in ("", "_reduced"))
    assert f"- fig2_alif ([paper]({paper}); [reduced, stand-in data]({reduced})): Which learning rate" in markdown(
        standings(asked(), tmp_path)
    )


def test_they_stand_between_the_marks(tmp_path: Path) -> None:
    example(tmp_path / "outputs" / "reports")
    (tmp_path / "README.md").write_text("before\n<!-- verdicts -->\nold\n<!-- end -->\nafter\n")
    table = command(tmp_path).stdout
    assert table == markdown(standings(asked(), tmp_path / "outputs" / "reports"))
    assert command(tmp_path, "README.md").returncode == 0
    assert (tmp_path / "README.md").read_text() == f"before\n<!-- verdicts -->\n{table}<!-- end -->\nafter\n"


def test_without_marks_the_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("nothing\n")
    refused = command(tmp_path, "README.md")
    assert refused.returncode == 1
    assert refused.stderr.startswith("there is no place for the table: the lines <!-- verdicts --> and")
    assert (tmp_path / "README.md").read_text() == "nothing\n"


def test_command_imports_no_torch() -> None:
    program = "import sys, snnexp.experiments, snnexp.reports.overview; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], cwd=SCRIPT.parent.parent, check=True)
