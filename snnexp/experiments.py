"""The experiments that there are, read from their files alone: nothing is composed, built or run."""

from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from snnexp.errors import UserError
from snnexp.main import CONF
from snnexp.reports.standing import Asked


def experiments(name: str) -> list[str]:
    """The experiments with a report that a name means: that of one, of a paper's folder, or `all`.

    Raises `UserError` where there is none. (A single one is taken at its word.)
    """
    if (CONF / "experiment" / f"{name}.yaml").is_file():
        return [name]
    found = [each.name for each in asked("" if name == "all" else name)]
    if not found:
        raise UserError(f"experiment={name}: there is no experiment or paper of this name with a report")
    return found


def asked(folder: str = "") -> list[Asked]:
    """What every experiment with a report asks, or every one in a folder of them."""
    root = CONF / "experiment"
    names = [file.relative_to(root).with_suffix("") for file in sorted((root / folder).rglob("*.yaml"))]
    reports = {str(name): _report(CONF, str(name)) for name in names}
    return [
        Asked(name, report["title"], report.get("scale", ""), report.get("stand_in"))
        for name, report in reports.items()
        if report
    ]


def heading(paper: str) -> str:
    """What a folder of experiments is called: the first line of its README.md, or its name where there is none."""
    readme = CONF / "experiment" / paper / "README.md"
    return readme.read_text().partition("\n")[0].removeprefix("# ") if readme.exists() else paper


@cache
def _report(conf: Path, name: str) -> dict[str, Any]:
    """The report of an experiment, its own keys before those of the experiments that it is derived from."""
    config: Any = OmegaConf.to_container(OmegaConf.load(conf / "experiment" / f"{name}.yaml"))
    own = config.get("report", {})
    if own is None:
        return {}
    prefix = "/experiment/"
    bases = [str(entry) for entry in config.get("defaults", ()) if str(entry).startswith(prefix)]
    reports = [*(_report(conf, base.removeprefix(prefix)) for base in bases), own]
    return {key: value for report in reports for key, value in report.items()}
