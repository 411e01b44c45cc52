"""The rules of the house: who may import whom, style, types, length of files."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent


@pytest.mark.parametrize(
    "command",
    [["lint-imports", "--no-cache"], ["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy"]],
    ids=lambda command: " ".join(command[:2]),
)
def test_checker(command: list[str]) -> None:
    done = subprocess.run([BIN / command[0], *command[1:]], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_files_stay_short() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in (ROOT / "snnexp").rglob("*.py")}
    assert {str(path): length for path, length in lengths.items() if length > 300} == {}
    assert sorted(lengths.values())[len(lengths) // 2] <= 120


def test_every_module_is_in_the_house_plan() -> None:
    """A module outside the layers of the import contract would escape it."""
    plan = (ROOT / "pyproject.toml").read_text()
    rooms = {f"snnexp.{path.stem}" for path in (ROOT / "snnexp").iterdir() if not path.stem.startswith("_")}
    assert {room for room in rooms if room not in plan} == set()
