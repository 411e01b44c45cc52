"""What a run says of itself at its end, whatever came of it."""

import io
from pathlib import Path
from typing import Any

from rich.console import Console

from snnexp.init import LayerReport
from snnexp.terminal import show_initialisation, show_result


def shown(result: dict[str, Any], folder: Path = Path("outputs/runs/abc")) -> str:
    text = io.StringIO()
    show_result(Console(file=text, width=80), result, folder)
    return text.getvalue()


def test_initialisation_shows_what_there_is_to_show() -> None:
    text = io.StringIO()
    known = {"projection_mean": 0.0, "projection_variance": 0.0104, "input_rate": 0.0139, "dampening": 1.0}
    empty = dict.fromkeys(LayerReport._fields)
    reports = [LayerReport(**empty | known | {"layer": index, "notes": ("said",)}) for index in range(2)]  # type: ignore[arg-type]
    show_initialisation(Console(file=text, width=80), reports)
    rows = [line.replace("│", " ").split() for line in text.getvalue().splitlines()]
    assert ["1", "0", "0.0104", "0.0139"] in rows
    assert ["1", "1"] in rows
    assert "mean R" not in text.getvalue()
    assert "layer 1: said" in text.getvalue()


def test_of_a_deep_network_only_the_first_layers_are_shown() -> None:
    text = io.StringIO()
    reports = [
        LayerReport(**dict.fromkeys(LayerReport._fields) | {"layer": index, "dampening": 1.0, "notes": ()})  # type: ignore[arg-type]
        for index in range(100)
    ]
    show_initialisation(Console(file=text, width=80), reports)
    assert "and 92 more layers in result.json" in " ".join(text.getvalue().split())
    assert len(text.getvalue().splitlines()) < 20


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
