"""The command line around Hydra's: a help page of our own, and one line for what a user can mend."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from snnexp.config import unknown
from snnexp.errors import UserError
from snnexp.help import page

# A waiting OpenMP thread then sleeps. By default it spins, and where other processes want its core (two runs side by
# side are enough) a two-thread run was measured to be ten times slower than with one thread. Read once, by torch.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

CONF = Path(__file__).resolve().parent.parent / "conf"


def command_line(program: Callable[[], None]) -> None:
    """Run a Hydra program; its errors become one line on stderr and exit code 1, unless HYDRA_FULL_ERROR=1 is set."""
    if {"--help", "-h"} & set(sys.argv[1:]):
        print(page(CONF))
        return
    with one_line_errors(sys.argv[1:]):
        program()


@contextmanager
def one_line_errors(arguments: list[str]) -> Iterator[None]:
    """Within, errors that a user can mend end the program with one line; with HYDRA_FULL_ERROR=1 they stay errors."""
    if os.environ.get("HYDRA_FULL_ERROR") == "1":
        yield
        return
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises, instead of printing several lines of its own
    try:
        yield
    except KeyboardInterrupt:
        raise SystemExit("stopped; the same command goes on from the last checkpoint") from None
    except UserError as error:
        raise SystemExit(str(error)) from None
    except (HydraException, OmegaConfBaseException) as error:
        raise SystemExit(one_line(str(error), arguments)) from None
    finally:
        del os.environ["HYDRA_FULL_ERROR"]


def one_line(message: str, arguments: list[str]) -> str:
    """What Hydra says in several lines, in one, with what would have been right."""
    option = re.search(r"Could not find '(.+?)/([^/']+)'\s+Available options in '.+?':\s*(.*)", message, re.DOTALL)
    if option:
        group, name, options = option.groups()
        return unknown(f"{group}=", name, group, options.split())
    key = re.search(r"Could not override '([^']+)'", message)
    if key:
        return _unknown_key(key.group(1), arguments)
    return " ".join(message.split())


def _unknown_key(key: str, arguments: list[str]) -> str:
    """The line for a key that the chosen options do not have: composed again without it, to see what they have."""
    parent, _, name = key.rpartition(".")
    others = [word for word in arguments if "=" in word and not word.startswith("-") and word.split("=")[0] != key]
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = compose("train", others)
    except HydraException:  # something else is wrong as well
        return f"{key}: there is no such key"
    node = OmegaConf.select(config, parent) if parent else config
    if not isinstance(node, DictConfig):
        return f"{key}: {parent} has no keys, it is {node}"
    return unknown(f"{parent}." if parent else "", name, _owner(node, parent), [str(k) for k in node if k[0] != "_"])


def _owner(node: DictConfig, path: str) -> str:
    target = node.get("_target_")
    return f"{path} ({target.rpartition('.')[2]})" if target else path or "the configuration"
