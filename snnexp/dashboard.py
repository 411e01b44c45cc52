"""The W&B workspace of an experiment, as code: panels over what `snnexp.wandb_logger` writes."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import wandb
from hydra import initialize_config_dir
from omegaconf import DictConfig, OmegaConf
from wandb_workspaces import expr
from wandb_workspaces.reports.v2 import interface as wr
from wandb_workspaces.workspaces import interface as ws

from snnexp.errors import UserError
from snnexp.main import CONF, search_path
from snnexp.sweep import Job, expand

METRICS = ("test/accuracy", "val/accuracy")
STEP = "trainer/global_step"
MOST_RUNS = 1000  # that W&B shows in a panel


class Sweep(NamedTuple):
    """What the panels are drawn from.

    options, numbers: the swept keys that choose an option of a group (`sg`), and those that set a number
    (`optimizer.lr`). verdicts: the text of the experiment's report.
    """

    experiment: str
    config: DictConfig
    options: list[str]
    numbers: list[str]
    metrics: list[str]
    runs: int
    verdicts: str


def read(words: Sequence[str], conf: Path | None = None) -> Sweep:
    """Expand a sweep as the command line would; `UserError` where no experiment is named or a job does not compose.

    conf: a further folder of options, as for `train.py --config-dir`.
    """
    experiments = [word.partition("=")[2] for word in words if word.startswith("experiment=")]
    if len(experiments) != 1 or "," in experiments[0]:
        raise UserError("a workspace shows one experiment: give experiment=<paper>/<figure>")
    first: list[DictConfig] = []

    def keep(job: Job, config: DictConfig) -> None:
        if not first:
            first.append(config.copy())

    with initialize_config_dir(str(CONF), version_base="1.3"):
        jobs = expand([*search_path(conf), *words, "logger=wandb"], keep)
    config = first[0]
    swept = [key for key in jobs[0].swept if key != "seed"]
    options = [key for key in swept if isinstance(OmegaConf.select(config, key.replace("/", ".")), DictConfig)]
    numbers = [key for key in swept if isinstance(OmegaConf.select(config, key), int | float)]
    metrics = OmegaConf.select(config, "report.metrics") or METRICS
    report = Path(config.paths.outputs) / "reports" / f"{experiments[0]}.md"
    command = f"python scripts/report.py experiment={experiments[0]}"
    verdicts = report.read_text() if report.exists() else f"no data yet: `{command}` writes the verdicts"
    return Sweep(experiments[0], config, options, numbers, list(metrics), len(jobs), verdicts)


def specification(sweep: Sweep) -> ws.Workspace:
    """The workspace: verdicts, the grid, how sensitive the measures are, firing rates, learning and pictures.

    The table of runs beside the panels is the grid as well: grouped by the swept options and numbers, with the mean of
    each measure.
    """
    logger = sweep.config.logger
    keys = [*map(_option, sweep.options), *sweep.numbers]
    network = sweep.config.network
    layers = range(len(network.get("widths") or network.get("filters") or []))
    by = wr.Config(keys[0]) if keys else None
    sections: dict[str, list[wr.PanelTypes]] = {
        "Verdicts": [wr.MarkdownPanel(markdown=sweep.verdicts)],
        "Grid": [
            *(_scatter(number, metric) for metric in sweep.metrics for number in sweep.numbers),
            wr.ParallelCoordinatesPlot(title="all runs", columns=[*map(_column, keys), *map(_result, sweep.metrics)]),
        ],
        "Sensitivity: mean and standard deviation over all other values": [
            _bars(key, metric) for metric in sweep.metrics for key in keys
        ],
        "Firing rates": [
            *(_curve(f"val/firing_rate/{layer}", f"layer {layer}, spikes a step", by) for layer in layers),
            wr.BarPlot(
                title="of the selected weights",
                metrics=[wr.SummaryMetric(f"test/firing_rate/{layer}") for layer in layers],
                groupby=by,
            ),
        ],
        "Learning": [_curve(f"{split}/loss", f"{split} loss", by) for split in ("train", "val")],
        "Pictures": [
            wr.MediaBrowser(title="surrogate over voltages", media_keys=[f"surrogate/{layer}" for layer in layers]),
            wr.MediaBrowser(title="pages", media_keys=["page"]),
        ],
    }
    return ws.Workspace(
        entity=logger.entity or "",
        project=logger.project,
        name=sweep.experiment,
        sections=[ws.Section(name=name, panels=panels, is_open=True) for name, panels in sections.items()],
        settings=ws.WorkspaceSettings(x_axis=STEP, max_runs=min(sweep.runs, MOST_RUNS)),
        runset_settings=ws.RunsetSettings(
            filters=expr.And(expr.Metric("Group") == (logger.group or sweep.experiment)),
            groupby=[expr.Config(key) for key in keys],
            pinned_columns=["summary:status", *(f"summary:{metric}" for metric in sweep.metrics)],
        ),
    )


def as_json(workspace: ws.Workspace) -> str:
    """The specification as it is sent, built and validated without a network (through a private name of the client)."""
    return str(workspace._to_model().model_dump_json(by_alias=True, exclude_none=True, indent=2))


def save(workspace: ws.Workspace) -> str:
    """Make the workspace on the server, as a new view; returns its address."""
    try:
        workspace.entity = workspace.entity or wandb.Api().default_entity or ""
        workspace.save()  # type: ignore[no-untyped-call]
        return str(workspace.url)
    except wandb.Error as error:
        text = " ".join(str(error).split())
        raise UserError(f"W&B: {text}; --dry-run shows the specification without a server") from error


def _option(key: str) -> str:
    """Where the logger puts the option of a group, in a run's configuration."""
    return f"choices.{key}"


def _scatter(key: str, metric: str) -> wr.ScatterPlot:
    return wr.ScatterPlot(title=f"{metric} over {key}", x=wr.Config(key), y=wr.SummaryMetric(metric), log_x=True)


def _bars(key: str, metric: str) -> wr.BarPlot:
    return wr.BarPlot(
        title=f"{metric} by {key}",
        metrics=[wr.SummaryMetric(metric)],
        groupby=wr.Config(key),
        groupby_aggfunc="mean",
        groupby_rangefunc="stddev",
    )


def _curve(metric: str, title: str, by: wr.Config | None) -> wr.LinePlot:
    return wr.LinePlot(title=title, x=STEP, y=[metric], groupby=by, groupby_aggfunc="mean", groupby_rangefunc="stddev")


def _column(key: str) -> wr.ParallelCoordinatesPlotColumn:
    return wr.ParallelCoordinatesPlotColumn(metric=wr.Config(key), display_name=key.removeprefix("choices."))


def _result(metric: str) -> wr.ParallelCoordinatesPlotColumn:
    return wr.ParallelCoordinatesPlotColumn(metric=wr.SummaryMetric(metric))
