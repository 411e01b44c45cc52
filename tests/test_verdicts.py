"""The table of verdicts, put into a file."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).resolve().parent.parent / "scripts" / "verdicts.py"
TABLE = """\
| experiment | reproduced | not reproduced | no data yet | scale | runs |
|---|---|---|---|---|---|
| [paper/fig1](outputs/reports/paper/fig1.md) | 1 |  | 2 | paper | 30 |
| [paper/fig2](outputs/reports/paper/fig2.md) | 1 |  | 2 | paper, stand-in data | 30 |
"""


def command(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *words], cwd=folder, capture_output=True, text=True)


def test_table_stands_between_the_marks(tmp_path: Path) -> None:
    entry = tmp_path / "outputs" / "reports" / "paper" / "fig1.json"
    entry.parent.mkdir(parents=True)
    judgements = [{"verdict": verdict} for verdict in ("reproduced", "no data yet", "no data yet")]
    content = {"experiment": "paper/fig1", "scale": "paper", "runs": "30 runs: 30 done", "judgements": judgements}
    entry.write_text(json.dumps(content))
    other = content | {"experiment": "paper/fig2", "stand_in": "spoken digits for SHD"}
    entry.with_name("fig2.json").write_text(json.dumps(other))
    assert command(tmp_path).stdout == TABLE
    readme = tmp_path / "README.md"
    readme.write_text("before\n<!-- verdicts -->\nold\n<!-- end -->\nafter\n")
    assert command(tmp_path, "README.md").returncode == 0
    assert readme.read_text() == f"before\n<!-- verdicts -->\n{TABLE}<!-- end -->\nafter\n"


def test_without_marks_the_file_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text("nothing\n")
    refused = command(tmp_path, "README.md")
    assert refused.returncode == 1
    assert refused.stderr.startswith("there is no place for the table: the lines <!-- verdicts --> and")
    assert (tmp_path / "README.md").read_text() == "nothing\n"
