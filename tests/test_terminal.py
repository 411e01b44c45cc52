"""What a run says of itself at its end, whatever came of it."""

import io
from pathlib import Path
from typing import Any

from rich.console import Console

from snnexp.terminal import show_result


def shown(result: dict[str, Any], folder: Path = Path("outputs/runs/abc")) -> str:
    text = io.StringIO()
    show_result(Console(file=text, width=80), result, folder)
    return text.getvalue()


def test_numbers_of_the_selected_epoch() -> None:
    metrics = {
        "test/accuracy": 0.51234,
        "test/loss": 1.5,
        "test/perplexity": None,  # it was infinite
        "test/firing_rate/0": 0.25,
        "val/accuracy/max": 0.9,
        "val/firing_rate/0/max": 0.75,
    }
    text = shown({"status": "finished", "selected_epoch": 3, "metrics": metrics})
    row = next(line for line in text.splitlines() if "test" in line)
    assert row.replace("│", " ").split() == ["test", "0.5123", "1.5", "-", "0.250"]
    assert "weights of epoch 3" in text
    assert "0.9" not in text
    assert "0.75" not in text


def test_run_that_diverged_before_it_was_validated() -> None:
    text = shown({"status": "diverged", "diverged_step": 7, "selected_epoch": 0, "metrics": {"val/loss/initial": 2.3}})
    assert "diverged" in text
    assert "step 7" in text
    assert "weights of epoch" not in text


def test_paths_stay_on_one_line() -> None:
    folder = Path("/a" * 100)
    assert str(folder / "result.json") in shown({"status": "finished", "selected_epoch": 1, "metrics": {}}, folder)
