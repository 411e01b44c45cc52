"""Reports, from the names of experiments to files: reads plans and run folders, runs nothing."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import DictConfig

from snnexp.config import build, check_nodes
from snnexp.errors import UserError
from snnexp.experiments import asked, experiments, heading
from snnexp.files import write_atomically
from snnexp.main import CONF, search_path
from snnexp.reports import index, table
from snnexp.reports.interactive import write_script
from snnexp.reports.png import png
from snnexp.reports.sheet import Sheet
from snnexp.reports.standing import standings
from snnexp.sweep import Job, expand, state, unique

OURS = ("paths.", "allow=")  # all that may be said beside the names: a report is of the whole sweep


def publish(words: Sequence[str], conf: Path | None = None) -> Iterator[str]:
    """Write the reports that the command line asks for, and the index over all; yields lines for the terminal.

    words: names separated by commas, with `experiment=` before them or without, each that of an experiment, of a
    paper's folder, or `all`; and overrides of `paths` and `allow`.
    conf: a further folder of options, as for `train.py --config-dir`.
    """
    named = {word: word.removeprefix("experiment=") for word in words}
    names = [name.split(",") for name in named.values() if "=" not in name]
    others = [word for word, name in named.items() if "=" in name]
    if foreign := [word for word in others if not word.startswith(OURS)]:
        only = "only experiment=, paths. and allow= can be given; for other values write an experiment of your own"
        raise UserError(f"{foreign[0]}: a report is of a whole experiment; {only}")
    if not names:
        raise UserError("experiment= is missing: name experiments, papers or all, separated by commas")
    for name in dict.fromkeys(found for group in names for given in group for found in experiments(given, conf)):
        try:
            sheet, reports = _sheet(name, others, conf)
            kept = richer(sheet, reports)
            page = None if kept else write(sheet, reports)
        except UserError as error:
            raise UserError(f"experiment={name}: {error}") from error
        overview = index.write(reports, standings(asked(conf=conf), reports), heading)
        yield from sheet.lines()
        yield f"  {page or kept}"
    yield f"all reports: {overview}"


def _sheet(name: str, others: Sequence[str], conf: Path | None) -> tuple[Sheet, Path]:
    """The report of one experiment, and the folder of all reports."""
    configs: list[DictConfig] = []
    seeds: dict[str, int] = {}
    data: dict[str, str] = {}

    def look(job: Job, config: DictConfig) -> None:
        if not configs:
            check_nodes("report", config.report, config.allow)  # of the others, constructors import torch
            configs.append(config.copy())
        seeds[job.id] = config.seed
        data[job.id] = str(config.dataset._target_).rpartition(".")[2]

    GlobalHydra.instance().clear()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        jobs = list(unique(expand([*search_path(conf), f"experiment={name}", *others], look)))
    (config,) = configs
    if config.report is None:
        raise UserError("has no report")
    runs = Path(config.paths.outputs) / "runs"
    planned = (table.Planned(job.id, state(runs, job.id), _values(job), seeds[job.id]) for job in jobs)
    found = table.read(runs, planned)
    over = found.loc[found["state"].isin(table.OVER), "id"]
    used = ", ".join(dict.fromkeys(data[id] for id in (over if len(over) else found["id"])))
    report = build(config.report)
    return Sheet(name, report, found, report.data or used), Path(config.paths.outputs) / "reports"


def _values(job: Job) -> dict[str, str]:
    pairs = (word.lstrip("+").partition("=") for word in job.overrides)
    return {key: value for key, _, value in pairs if key != "experiment" and not f"{key}=".startswith(OURS)}


def richer(sheet: Sheet, reports: Path) -> str:
    """A line about the report that is there already, if it rests on more runs than this one would; else nothing.

    Reports are committed and run folders are not, so in a fresh checkout an empty report would take a full one's place.
    """
    path = reports / f"{sheet.name}.json"
    over = json.loads(path.read_text())["over"] if path.exists() else 0
    if over <= sheet.over:
        return ""
    return f"not written: the report there rests on {over} runs, here are {sheet.over}; without {path} it is replaced"


def write(sheet: Sheet, reports: Path) -> Path:
    """Write a report's files into the folder of its paper; returns the page's path."""
    stem = reports / sheet.name
    # Before anything is written: a run's file that is missing is no fault of the folder.
    contents: dict[str, str | bytes] = {
        "png": png(sheet.panels, sheet.line),
        "csv": sheet.csv(),
        "md": sheet.markdown(),
        "json": index.entry(sheet),
        "html": sheet.html(),
    }
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
        write_script(stem.parent)
        for ending, content in contents.items():
            write_atomically(stem.with_name(f"{stem.name}.{ending}"), content)
    except OSError as error:
        raise UserError(f"paths.outputs={reports.parent}: reports can't be written there ({error.strerror})") from error
    return stem.with_name(f"{stem.name}.html")
