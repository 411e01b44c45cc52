"""What the README and the pages of docs say works: their commands, their examples, the map."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from snnexp.config import check
from snnexp.experiments import asked
from snnexp.reports.overview import markdown
from snnexp.reports.standing import standings
from tests.runs import SMALL, composed, in_child

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()
PAGES = {path: path.read_text() for path in (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))}
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", "\n".join(PAGES.values()), re.DOTALL)
COMMANDS = [line for kind, text in BLOCKS if kind == "bash" for line in text.splitlines()]
TRAIN = [shlex.split(line, comments=True)[2:] for line in COMMANDS if line.startswith("python train.py")]
NAMED = [(re.search(r"^# (\S+\.(?:py|yaml))$", text, re.MULTILINE), text) for _, text in BLOCKS]
FILES = {name[1]: text for name, text in NAMED if name is not None}
ADDED = [words for words in TRAIN if "--config-dir" in words and "-m" not in words]


def jobs(words: list[str]) -> list[list[str]]:
    """The single jobs of a command, a multirun's lists taken apart one at a time."""
    if "-m" not in words:
        return [words]
    words = [word for word in words if word != "-m"]
    pairs = [word.partition("=") for word in words]
    return [[f"{key}={value}"] for key, _, values in pairs for value in values.split(",")]


@pytest.mark.parametrize("words", [words for words in TRAIN if "--config-dir" not in words], ids=" ".join)
def test_commands_compose_and_pass_the_check(words: list[str]) -> None:
    for job in jobs(words):
        check(composed(job))


def write_files(folder: Path) -> None:
    for name, text in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


@pytest.mark.parametrize("words", ADDED, ids=lambda words: words[-1])
def test_what_is_added_trains(words: list[str], tmp_path: Path) -> None:
    write_files(tmp_path)
    small = [word for word in SMALL if not (word.startswith("dataset.") and "dataset=order" in words)]
    done = subprocess.run(
        [sys.executable, ROOT / "train.py", *words, *small],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    (result,) = tmp_path.glob("outputs/runs/*/result.json")
    metrics = json.loads(result.read_text())["metrics"]
    assert metrics["train/loss/last"] < metrics["train/loss/max"]


def test_an_experiment_that_is_added_has_a_plan_and_a_report(tmp_path: Path) -> None:
    write_files(tmp_path)
    report = next(line for line in COMMANDS if line.startswith("python scripts/report.py --config-dir"))
    assert report.replace("scripts/report.py", "train.py").replace("experiment=", "-m experiment=") in COMMANDS
    for script in ("plan", "report"):
        words = shlex.split(report)[2:]
        command = [sys.executable, ROOT / "scripts" / f"{script}.py", *words, f"paths.outputs={tmp_path}"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert "9 runs" in done.stdout
    assert "mine/shapes" in (tmp_path / "reports" / "index.html").read_text()


def test_the_users_command_verbatim(tmp_path: Path) -> None:
    assert ["sg=fast_sigmoid", "init=stability"] in TRAIN
    assert in_child(["sg=fast_sigmoid", "init=stability"], tmp_path) == 0
    assert list(tmp_path.glob("runs/*/page.html"))


def test_the_question_can_be_followed(tmp_path: Path) -> None:
    (tmp_path / "scanner.py").write_text(FILES["scanner.py"])
    assert "python scanner.py" in COMMANDS
    subprocess.run([sys.executable, "scanner.py"], cwd=tmp_path, check=True)
    assert len(list(tmp_path.glob("data/scanner/*.npz"))) == 1797
    for words in (["procedure=predict"], ["procedure=train", "init=fluctuation", "dampening.value=0.01"]):
        assert in_child(["experiment=question/scanner", f"paths.data={tmp_path / 'data'}", *words], tmp_path) == 0


def test_the_question_shows_its_experiment() -> None:
    (shown,) = re.findall(r"```yaml\n(.*?)```", PAGES[ROOT / "docs" / "question.md"], re.DOTALL)
    assert shown in (ROOT / "conf" / "experiment" / "question" / "scanner.yaml").read_text()


@pytest.mark.parametrize("script", sorted({line.split()[1] for line in COMMANDS if line.startswith("python scripts/")}))
def test_scripts_explain_themselves(script: str) -> None:
    done = subprocess.run([sys.executable, ROOT / script, "--help"], capture_output=True, text=True)
    assert done.returncode == 0
    assert "usage:" in done.stdout


def test_map_is_true() -> None:
    (table,) = re.findall(r"\| where \| what \|\n\|---\|---\|\n(.*?)\n\n", README, re.DOTALL)
    named = [name for row in table.splitlines() for name in re.findall(r"`([^`]+)`", row.split("|")[1])]
    for name in named:
        assert (ROOT / name).exists() or (ROOT / "snnexp" / name).exists(), name
    rooms = {path.name for path in (ROOT / "snnexp").iterdir() if path.is_dir() and not path.name.startswith("_")}
    assert rooms <= {Path(name).name for name in named}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!http)([^)]+)\)", PAGES[page]):
        assert (page.parent / target).exists(), target


def test_every_page_is_linked() -> None:
    assert {f"docs/{page.name}" for page in PAGES} - {"docs/README.md"} <= set(re.findall(r"\]\(([^)]+)\)", README))


def test_captions_have_the_number_of_runs() -> None:
    captions = re.findall(r"!\[[^]]*\]\((outputs/reports/\S+)\.png\)\n\n\*(.*?)\*\n", README, re.DOTALL)
    assert len(captions) == 3
    for report, caption in captions:
        over = json.loads((ROOT / f"{report}.json").read_text())["over"]
        assert f"{over} runs" in " ".join(caption.split()), report


def test_table_of_verdicts_is_that_of_the_reports() -> None:
    (table,) = re.findall(r"<!-- verdicts -->\n(.*?)<!-- end -->\n", README, re.DOTALL)
    assert table == markdown(standings(asked(), ROOT / "outputs" / "reports"))
