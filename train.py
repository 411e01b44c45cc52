"""Train a spiking network: `python train.py sg=fast_sigmoid init=stability`; `--help` lists the choices."""

import hydra
from omegaconf import DictConfig

from snnexp.imports import uncollected
from snnexp.main import command_line


@hydra.main(version_base="1.3", config_path="conf", config_name="train")
def train(cfg: DictConfig) -> object:
    with uncollected():
        from snnexp.run import run  # torch and Lightning are slow to import: not before there is something to run

    return run(cfg)


if __name__ == "__main__":
    command_line(train)
