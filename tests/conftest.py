"""What many tests share: one thread, composed configurations, and the command run in this process."""

import os
import runpy
import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pytest
from hydra.core.global_hydra import GlobalHydra
from hypothesis import settings
from omegaconf import DictConfig

import snnexp.config  # noqa: F401  registers the schema, without which nothing composes
from tests.runs import CONF, composed

# Read by torch when it is imported, which is after this.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# A busy machine makes no test wrong.
settings.register_profile("patient", deadline=None)
settings.load_profile("patient")


class Ended(NamedTuple):
    """How a command ended: what it wrote, and its exit code."""

    out: str
    err: str
    code: int


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    import torch

    torch.set_num_threads(1)


@pytest.fixture
def compose() -> Callable[[list[str]], DictConfig]:
    """Composes train.yaml with overrides, as the command line does."""
    return composed


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Ended]]:
    """Runs train.py in this process, which has imported already what takes seconds to import."""

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["train.py", *arguments])
        GlobalHydra.instance().clear()
        line, code = "", 0
        try:
            runpy.run_path(str(CONF.parent / "train.py"), run_name="__main__")
        except SystemExit as stop:  # what the interpreter would make of it
            line, code = ("", 0) if stop.code in (None, 0) else (f"{stop.code}\n", 1)
        out, err = capfd.readouterr()
        return Ended(out, err + line, code)

    yield run
    GlobalHydra.instance().clear()
