"""The command line around Hydra's: a help page of our own, and one line for what a user can mend."""

import atexit
import gc
import os
import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import get_type_hints

from hydra import compose, initialize_config_dir
from hydra._internal.utils import get_args_parser
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, OverrideParseException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from yaml import YAMLError

from snnexp.config import Config, unknown
from snnexp.errors import UserError, shortage
from snnexp.help import chosen, page
from snnexp.kinds import describe

# A waiting OpenMP thread then sleeps. By default it spins, and where other processes want its core (two runs side by
# side are enough) a two-thread run was measured to be ten times slower than with one thread. A thousand turns (GNU's
# runtime) cost such runs nothing, and save a lone one of the default 6%; ten thousand save 15%, and cost 22%. Read
# once, by torch.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

# Large tensors on huge pages: filling a fresh batch of frames (72 MB) was measured to take less than half the time.
# Read once, by torch.
os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")

CONF = Path(__file__).resolve().parent.parent / "conf"

# What comes with an extra of the package: the module, and the extra's name.
EXTRAS = {"optuna": "search", "wandb_workspaces": "dashboards"}

STOPPED = "stopped; the same command goes on from the last checkpoint"

GROUP_IS_NULL = "Config group override must be"  # so begins the ValueError that Hydra raises for group=null


def command_line(program: Callable[[], None]) -> None:
    """Run a Hydra program; its errors become one line on stderr and exit code 1, unless HYDRA_FULL_ERROR=1 is set.

    Options may stand anywhere between the words (`sg=gaussian -m seed=0,1`), which Hydra itself does not take.
    """
    if {"--help", "-h"} & set(sys.argv[1:]):
        print(page(CONF))
        return
    given = get_args_parser().parse_known_intermixed_args()[0]
    words, conf = given.overrides, Path(given.config_dir) if given.config_dir else None
    sys.argv[1:] = [*words, *(word for word in sys.argv[1:] if word not in words)]
    atexit.register(gc.freeze)  # or the interpreter, before it ends, collects garbage for a second
    with one_line_errors(sys.argv[1:], conf):
        program()


@contextmanager
def one_line_errors(arguments: list[str], conf: Path | None = None) -> Iterator[None]:
    """Within, errors that a user can mend end the program with one line; with HYDRA_FULL_ERROR=1 they stay errors.

    arguments: the words of the command line.  conf: a further folder of options, as for `train.py --config-dir`.
    """
    if os.environ.get("HYDRA_FULL_ERROR") == "1":
        try:
            yield
        except SystemExit as stop:  # a job's line; its cause has the traceback
            if stop.__cause__ is None:
                raise
            raise stop.__cause__ from stop.__cause__.__cause__
        return
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra then raises, instead of printing several lines of its own
    try:
        arguments = [*search_path(conf), *arguments]
        _refuse_lists(arguments)
        yield
    except KeyboardInterrupt:
        raise SystemExit(STOPPED) from None
    except SystemExit as stop:
        if not isinstance(stop.__context__, KeyboardInterrupt):  # of which Lightning makes an exit without a word
            raise
        raise SystemExit(STOPPED) from None
    except BrokenExecutor:
        line = "a process that runs jobs was killed, perhaps for want of memory; the same command goes on from there"
        raise SystemExit(line) from None
    except UserError as error:
        raise SystemExit(str(error)) from None
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        raise SystemExit(f"{error.name} is not installed: pip install -e .[{EXTRAS[error.name]}]") from None
    except (HydraException, OmegaConfBaseException, YAMLError) as error:
        raise SystemExit(one_line(error, arguments)) from None
    except (OSError, MemoryError, RuntimeError) as error:  # after Hydra's: one of its errors is an OSError as well
        lacking = shortage(error)
        if lacking is None:
            raise
        raise SystemExit(lacking) from None
    except ValueError as error:
        if not str(error).startswith(GROUP_IS_NULL):
            raise
        raise SystemExit(one_line(error, arguments)) from None
    finally:
        del os.environ["HYDRA_FULL_ERROR"]


def search_path(conf: Path | None) -> list[str]:
    """The words that let Hydra find a further folder of options, as `train.py --config-dir` does."""
    if conf is None:
        return []
    if not conf.is_dir():  # which Hydra passes over
        raise UserError(f"--config-dir {conf}: there is no such folder")
    return [f"hydra.searchpath=[file://{conf.resolve()}]"]


def _refuse_lists(words: list[str]) -> None:
    """Raise `UserError` where a list stands for an option: Hydra would merge all of its options into one."""
    for word in words:
        key, _, value = word.partition("=")
        group = key.lstrip("+").partition("@")[0]
        if group and value.startswith("[") and (CONF / group).is_dir():
            raise UserError(f"{word}: must be the name of one option; several are a sweep: -m {key}={value[1:-1]}")


def one_line(error: Exception, arguments: list[str]) -> str:
    """What Hydra says in several lines, in one, with what would have been right."""
    message = str(error)
    if isinstance(error, OverrideParseException):
        return _unread(error)
    if found := re.search(r"Could not (?:find|load) '(.+?/[^/']*)'(.*?)Config search path", message, re.DOTALL):
        return _unknown_option(found[1], found[2], arguments)
    if found := re.search(r"Could not override '([^']+/[^']+)'", message):
        return _absent_group(found[1])
    if found := re.search(r"Could not override '([^']+)'", message):
        return _unknown_key(str(getattr(error.__cause__, "full_key", found[1])), found[1], arguments)
    if found := re.match(r"Error merging override ([^=]+)=(.*)", message):
        return _wrong_kind(found[1], found[2], error)
    if found := re.match(r"In '(.+)': ConfigKeyError raised .*\s+Key '(.+)' not in 'Config'", message):
        if found[1].startswith(f"{found[2]}/"):  # the file's keys went into its own group
            return f"{found[1]}: the file must begin with # @package _global_, for it sets keys of the top level"
        return f"{found[1]}: " + unknown("", found[2], "the configuration", [item.name for item in fields(Config)])
    if found := re.match(r"Ambiguous value for argument '(.+)'", message):
        return f"{found[1]}: several values are a sweep, which needs -m; one list is written [a,b]"
    if found := re.match(r"Sweep parameters '(.+)' requires --multirun", message):
        return f"{found[1]}: several values are a sweep, which needs -m"
    if message.startswith(GROUP_IS_NULL):
        nulls = [word for word in arguments if word.endswith("=null")]
        return f"{' '.join(nulls)}: must be the name of an option; none, where there is one, leaves the part out"
    return " ".join(message.split())


def _unread(error: OverrideParseException) -> str:
    """The line for a word that Hydra can't read."""
    why = re.search(r"missing EQUAL.*|(?<=Error while evaluating ).*", error.message)
    right = "brackets and quotes closed, no comma at an end, $HOME for ~, other signs in quotes of their own"
    return f"{error.override}: must be key=value ({why[0] if why else right})"


def _unknown_option(path: str, listed: str, arguments: list[str]) -> str:
    """The line for an option that its group does not have.

    path: where Hydra has looked, group and option, each of which may have a slash (`experiment`, `digits/lr_sg`).
    listed: what Hydra lists: the files of the group's own folder, and what plugins add.
    """
    words = (word.partition("=") for word in arguments)
    given = ((key.lstrip("+").partition("@")[0], value) for key, _, value in words)
    group, name = next((pair for pair in given if "/".join(pair) == path), path.rpartition("/")[::2])
    folder = path.rpartition("/")[0].removeprefix(group).lstrip("/")
    further = (re.match(r"hydra\.searchpath=\[file://(.*)\]", word) for word in arguments)
    places = [root / group for root in (CONF, *(Path(match[1]) for match in further if match))]
    files = [str(file.relative_to(place).with_suffix("")) for place in places for file in place.rglob("*.yaml")]
    known = {*files, *listed.partition(":")[2].split()}
    return unknown(f"{group}=", name, group, sorted({each for each in known if each.startswith(folder)} or known))


def _absent_group(group: str) -> str:
    """The line for a group that no chosen option has: which ones would have it, or which groups there are."""
    parent = group.rpartition("/")[0]
    owners = [file for file in sorted((CONF / parent).glob("*.yaml")) if group in chosen(CONF, file)]
    having = [str(file.relative_to(CONF).with_suffix("")).replace("/", "=", 1) for file in owners]
    if having:
        return f"{group}: no option that is chosen has this part; it belongs to {', '.join(having)}"
    groups = {str(file.parent.relative_to(CONF)) for file in CONF.rglob("*/*.yaml")}
    return unknown("", group, "the configuration", sorted(groups))


def _wrong_kind(key: str, value: str, error: Exception) -> str:
    """The line for a value that the schema of the top level refuses."""
    hint = get_type_hints(Config).get(key)
    if hint is not None and not is_dataclass(hint):
        return f"{key}={value}: must be {describe(hint)}"
    said = str(error.__cause__).splitlines()[0]
    return f"{key}={value}: " + ("must be no list, but a value or a node" if said.endswith("ListConfig") else said)


def _unknown_key(key: str, given: str, arguments: list[str]) -> str:
    """The line for a key that the chosen options do not have: composed again without it, to see what they have.

    given: what the argument sets, the key itself or a node with the key in it.
    """
    parent, _, name = key.rpartition(".")
    others = [word for word in arguments if "=" in word and not word.startswith("-") and word.split("=")[0] != given]
    GlobalHydra.instance().clear()
    try:
        with initialize_config_dir(str(CONF), version_base="1.3"):
            config = compose("train", others, return_hydra_config=key.startswith("hydra."))
    except HydraException:  # something else is wrong as well
        return f"{key}: there is no such key"
    node = OmegaConf.select(config, parent) if parent else config
    if not isinstance(node, DictConfig):
        return f"{key}: {parent} has no keys, it is {node}"
    target = node.get("_target_")
    if not target:
        return unknown(f"{parent}." if parent else "", name, parent or "the configuration", list(map(str, node)))
    short, keys = target.rpartition(".")[2], [str(inner) for inner in node if str(inner)[0] != "_"]
    more = f"; a parameter of {short} that is not listed is given as +{key}="
    return unknown(f"{parent}.", name, f"{parent} ({short})", keys) + more
