"""The experiments that there are, read from their files alone: nothing is composed, built or run."""

from functools import cache
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from snnexp.errors import UserError
from snnexp.main import CONF
from snnexp.reports.standing import Asked


def experiments(name: str, conf: Path | None = None) -> list[str]:
    """The experiments with a report that a name means: that of one, of a paper's folder, or `all`.

    conf: a further folder of options, as for `train.py --config-dir`.
    Raises `UserError` where there is none. (A single one is taken at its word.)
    """
    if any((root / "experiment" / f"{name}.yaml").is_file() for root in _roots(conf)):
        return [name]
    found = [each.name for each in asked("" if name == "all" else name, conf)] if name else []
    if not found:
        raise UserError(f"experiment={name}: there is no experiment or paper of this name with a report")
    return found


def asked(folder: str = "", conf: Path | None = None) -> list[Asked]:
    """What every experiment with a report asks, or every one in a folder of them; conf: as for `experiments`."""
    roots = _roots(conf)
    places = [root / "experiment" for root in roots]
    names = [file.relative_to(place).with_suffix("") for place in places for file in (place / folder).rglob("*.yaml")]
    reports = {str(name): _report(roots, str(name)) for name in sorted(names)}
    return [
        Asked(name, report["title"], report.get("scale", ""), report.get("stand_in"))
        for name, report in reports.items()
        if report
    ]


def heading(paper: str) -> str:
    """What a folder of experiments is called: the first line of its README.md, or its name where there is none."""
    readme = CONF / "experiment" / paper / "README.md"
    return readme.read_text().partition("\n")[0].removeprefix("# ") if readme.exists() else paper


def _roots(conf: Path | None) -> tuple[Path, ...]:
    """Where Hydra looks, in its order: of two files of one name it takes the first."""
    return (CONF,) if conf is None else (CONF, conf)


@cache
def _report(roots: tuple[Path, ...], name: str) -> dict[str, Any]:
    """The report of an experiment, its own keys before those of the experiments that it is derived from."""
    files = [root / "experiment" / f"{name}.yaml" for root in roots]
    found = next((file for file in files if file.is_file()), None)
    if found is None:
        raise UserError(f"experiment={name}: another experiment is derived from it, and there is no {files[-1]}")
    config: Any = OmegaConf.to_container(OmegaConf.load(found))
    own = config.get("report", {})
    if own is None:
        return {}
    prefix = "/experiment/"
    bases = [str(entry) for entry in config.get("defaults", ()) if str(entry).startswith(prefix)]
    reports = [*(_report(roots, base.removeprefix(prefix)) for base in bases), own]
    return {key: value for report in reports for key, value in report.items()}
