"""Weights & Biases, as one more reader of a run's measures."""

import io
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import wandb
from lightning.pytorch.loggers import WandbLogger
from PIL import Image

from snnexp.errors import UserError
from snnexp.files import read_lines

TAGGED = ("sg", "neuron", "init", "dataset")


class Wandb(WandbLogger):
    """One W&B run per run, under the run's own id; entered when the run starts, left when it ends, however it ends.

    The lines of metrics.jsonl are sent in their order, so W&B's own count says how many it has: an attempt that
    continues a run continues it there as well, with the first line that is missing. Offline, each attempt is a run of
    its own to W&B's client; the last one then holds all lines, and takes the place of those that were not synced.
    A run that is done again from its start (`force`) has <id>-<n> there.

    run, folder, config, choices: given by `snnexp.run`; choices: the option chosen in every group.
    project, entity: where the run appears.  group: null: the experiment.  job_type: null: the procedure.
    tags: further tags, beside the options of sg, neuron, init and dataset.
    offline: keep the run in its folder, for `wandb sync` later; null: offline where there is no API key.
    """

    def __init__(
        self,
        run: str,
        folder: Path,
        config: dict[str, Any],
        choices: Mapping[str, str],
        project: str = "snnexp",
        entity: str | None = None,
        group: str | None = None,
        job_type: str | None = None,
        tags: Sequence[str] = (),
        offline: bool | None = None,
    ) -> None:
        settings = wandb.Settings(silent=True, console="off")
        with one_line():
            if offline is None:
                wandb.setup(settings)
                offline = not wandb.login(prompt=False, verify=False)
        before = len(list(folder.parent.glob(f"{run}.old-*")))
        name = f"{run}-{before + 1}" if before else run
        super().__init__(
            name=name,
            id=name,
            save_dir=folder,
            project=project,
            mode="offline" if offline else "online",
            resume="allow",
            entity=entity,
            group=group or choices.get("experiment"),
            job_type=job_type or choices.get("procedure"),
            tags=[*(f"{part}={choices[part]}" for part in TAGGED if part in choices), *tags],
            config={**config, "choices": dict(choices)},
            settings=settings,
        )
        self._folder, self._online = folder, not offline

    def __enter__(self) -> Self:
        if not self._online:
            for attempt in (self._folder / "wandb").glob(f"offline-run-*-{self._id}"):
                if not list(attempt.glob("*.synced")):
                    shutil.rmtree(attempt)
        with one_line():
            self.experiment  # noqa: B018  made when it is first asked for
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the W&B run; without it the next job of a multirun would write into this one."""
        self.experiment.finish(exit_code=0 if kind is None else 1)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Send what metrics.jsonl has and W&B does not; the measures of the call are its last line."""
        for line in read_lines(self._folder / "metrics.jsonl")[self.experiment.step :]:
            values = {name: value for name, value in json.loads(line).items() if value is not None}
            super().log_metrics(values, values.pop("step"))

    def conclude(self, result: Mapping[str, Any], page: Path, pictures: Mapping[str, bytes]) -> None:
        """Send how the run ended: the numbers of result.json as the summary, the page and the pictures (PNG)."""
        self.log_metrics({})
        media: dict[str, Any] = {name: wandb.Image(Image.open(io.BytesIO(png))) for name, png in pictures.items()}
        media["page"] = wandb.Html(page.read_text(), inject=False)
        self.experiment.log(media)
        numbers = {name: value for name, value in result["metrics"].items() if value is not None}
        self.experiment.summary.update({"status": result["status"], **numbers})


@contextmanager
def one_line() -> Iterator[None]:
    """Within, what W&B refuses (a key, a project, no connection) is a `UserError`."""
    try:
        yield
    except (wandb.Error, ValueError) as error:
        text = " ".join(str(error).split())
        raise UserError(f"logger=wandb: {text}; logger.offline=true keeps the run in its folder") from error
