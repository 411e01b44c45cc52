"""Weights & Biases, as one more reader of a run's measures."""

from pathlib import Path
from typing import Any

import wandb
from lightning.pytorch.loggers import WandbLogger


class Wandb(WandbLogger):
    """One W&B run per run, under the run's own id, so that an attempt that continues a run continues it there as well.

    run, folder, config: given by `snnexp.run`.  project, entity, group, tags: where the run appears.
    offline: keep the run in its folder, for `wandb sync` later; null: offline where there is no API key.
    """

    def __init__(
        self,
        run: str,
        folder: Path,
        config: dict[str, Any],
        project: str = "snnexp",
        entity: str | None = None,
        group: str | None = None,
        tags: list[str] | None = None,
        offline: bool | None = None,
    ) -> None:
        settings = wandb.Settings(silent=True, console="off")
        if offline is None:
            wandb.setup(settings)
            offline = not wandb.login(prompt=False, verify=False)
        super().__init__(
            name=run,
            id=run,
            version=run,
            save_dir=folder,
            project=project,
            offline=offline,
            mode="offline" if offline else "online",
            resume="allow",
            entity=entity,
            group=group,
            tags=tags,
            config=config,
            settings=settings,
        )

    def close(self) -> None:
        """End the W&B run; without it the next job of a multirun would write into this one."""
        self.experiment.finish()
