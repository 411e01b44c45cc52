"""What a run says on the terminal: how it starts and how it ended."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig
from rich.console import Console
from rich.table import Table

from snnexp.init import LayerReport
from snnexp.results import RunFolder

NOTHING = "-"

# What the start of a run shows of every layer, where there is something to be shown. W: projection, R: recurrence.
WEIGHTS = {
    "mean W": "projection_mean",
    "variance W": "projection_variance",
    "mean R": "mean",
    "variance R": "variance",
    "input rate": "input_rate",
    "firing rate": "firing_rate",
}
SURROGATE = {"dampening": "dampening", "sharpness": "sharpness", "q": "q", "residual of IV": "residual"}
LAYERS = 8  # whose weights are shown
METRICS = 20  # that are shown of a run that trained nothing


def stderr(line: str) -> None:
    print(line, file=sys.stderr)


def show_start(console: Console, config: DictConfig, folder: RunFolder) -> None:
    """The run's id and folder."""
    console.print(f"run {folder.id}  seed {config.seed}  in {folder.path}", highlight=False, soft_wrap=True)


def show_initialisation(console: Console, report: Sequence[LayerReport]) -> None:
    """What the initialisation did to every layer."""
    first = report[:LAYERS]
    for columns in (WEIGHTS, SURROGATE):
        shown = {title: [_number(getattr(layer, name)) for layer in first] for title, name in columns.items()}
        shown = {title: cells for title, cells in shown.items() if set(cells) != {NOTHING}}
        table = Table("layer", *shown, title_justify="left")
        for layer, *cells in zip(first, *shown.values(), strict=True):
            table.add_row(str(layer.layer), *cells)
        if len(report) > LAYERS:
            table.caption = f"and {len(report) - LAYERS} more layers in result.json"
        if shown:
            console.print(table)
    for layer in report:
        for note in layer.notes:
            console.print(f"layer {layer.layer}: {note}", markup=False, highlight=False, soft_wrap=True)


def show_words(console: Console, words: int) -> None:
    """That a network is given words as channels, which runs but is seldom meant."""
    line = f"every word is shown as {words:,} channels, which takes long; network=embedding is made for words"
    console.print(line, highlight=False, soft_wrap=True)


def show_result(console: Console, result: dict[str, Any], folder: Path) -> None:
    """The end of a run: its main numbers and where everything lies."""
    metrics = result["metrics"]
    if result["status"] == "diverged":
        console.print(f"[bold]diverged[/bold]: loss or weights were not finite at step {result['diverged_step']}")
    table = Table("", "accuracy", "loss", "perplexity", "firing rates")
    for split in ("train", "val", "test"):
        if f"{split}/accuracy" in metrics and "selected_epoch" in result:
            rates = [value for name, value in metrics.items() if _is_rate(name, split)]
            table.add_row(
                split,
                *(_number(metrics[f"{split}/{name}"]) for name in ("accuracy", "loss", "perplexity")),
                " ".join(f"{rate:.3f}" for rate in rates),
            )
    if table.rows:
        table.caption = f"weights of epoch {result['selected_epoch']}, the lowest validation loss"
        console.print(table)
    elif metrics:
        _show_metrics(console, metrics)
    console.print(f"result  {folder / 'result.json'}", highlight=False, soft_wrap=True)
    console.print(f"page    {folder / 'page.html'}", highlight=False, soft_wrap=True)


def _show_metrics(console: Console, metrics: dict[str, float | None]) -> None:
    """The numbers of a run that trained nothing."""
    table = Table("", "")
    for name, value in list(metrics.items())[:METRICS]:
        table.add_row(name, _number(value))
    if len(metrics) > METRICS:
        table.caption = f"and {len(metrics) - METRICS} more in result.json"
    console.print(table)


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.4g}"


def _is_rate(name: str, split: str) -> bool:
    return name.startswith(f"{split}/firing_rate/") and name.count("/") == 2
