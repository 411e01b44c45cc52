"""The help page: what can be put on the command line, read from the files of the configuration.

Hydra's own page composes a configuration first and takes seconds; this one needs the standard library only.
"""

import re
from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path, PurePosixPath
from textwrap import fill
from typing import NamedTuple

WIDTH = 100

INTRODUCTION = """\
Trains a spiking neural network with surrogate gradients, evaluates it, and leaves everything about
the run in a folder of its own, outputs/runs/<id>; page.html there shows it.
"""

EXAMPLES = (
    ("python train.py", "a run with the defaults"),
    ("python train.py sg=fast_sigmoid init=stability", "other parts"),
    ("python train.py -m sg=fast_sigmoid,triangular optimizer.lr=1e-3,3e-3", "every combination"),
    ("python train.py --cfg job", "show the configuration only"),
    ('eval "$(python train.py --shell-completion install=bash)"', "completion with the tab key"),
)

KEYS = (
    ("seed", "of weights, order of batches and noise"),
    ("force", "true runs a finished run again and keeps the old one"),
    ("paths.data", "folder of the published data sets"),
    ("paths.outputs", "folder that runs are written to"),
    ("trainer.max_epochs", "length of training"),
    ("optimizer.lr", "learning rate"),
    ("dataset.batch_size", "samples a step"),
    ("neuron.reset", "what a spike does to the voltage: pre, post, minus or minus_immediate"),
)

# An entry of a defaults list that chooses an option: "- sg: fast_sigmoid   # what the group is".
CHOICE = re.compile(r"\s+- (?:optional )?(?P<group>[\w/]+): *(?P<option>[\w/.-]+)(?: +# *(?P<comment>.*))?")

# Up to a stop that ends no abbreviation, nor an enumeration with dots.
SENTENCE = re.compile(r".*?(?<!Fig)(?<!Figs)(?<!Sec)(?<!Secs)(?<! al)(?<!\.)[.?](?= |$)")


class Group(NamedTuple):
    """A folder of options; `default` is "null" where none is chosen."""

    name: str
    default: str
    comment: str


def page(conf: Path) -> str:
    """The text of `python train.py --help`, at most 100 columns wide.

    conf: the folder of train.yaml, whose defaults list gives the order of the groups, the defaults and what each group
    is. An option is a YAML file; the comment that it begins with says what it is.
    """
    groups = _groups(conf)
    choices = "\n".join(_show_group(conf, group, groups) for group in groups)
    return (
        f"{INTRODUCTION}\nExamples\n{_columns(EXAMPLES)}\n"
        f"Groups: group=option chooses a part; * marks the default\n\n{choices}\n"
        f"Common keys: key=value\n{_columns(KEYS)}"
    )


def _groups(conf: Path) -> list[Group]:
    """All folders of options: those that train.yaml names, those that their options name in turn, then the others."""
    groups: dict[str, Group] = {}

    def add(group: Group) -> None:
        folder = conf / group.name
        if group.name in groups or not folder.is_dir():
            return
        groups[group.name] = group
        for file in sorted(folder.glob("*.yaml")):
            for inner in chosen(conf, file).values():
                add(inner)

    for group in chosen(conf, conf / "train.yaml").values():
        add(group)
    for folder in sorted({file.parent.relative_to(conf) for file in conf.rglob("*.yaml")} - {Path()}):
        if not any(folder.is_relative_to(name) for name in groups):
            add(Group(str(folder), "null", ""))
    return list(groups.values())


def chosen(conf: Path, file: Path) -> dict[str, Group]:
    """The groups of which the defaults list of a file in `conf` chooses an option, by name."""
    text = file.read_text()
    start = re.search(r"^defaults:.*\n", text, re.MULTILINE)
    if start is None:
        return {}
    entries = re.match(r"(?:\s+- .*\n?|\s*#.*\n?)*", text[start.end() :])
    assert entries is not None
    place, groups = PurePosixPath("/") / file.parent.relative_to(conf), {}
    for line in entries[0].splitlines():
        if match := CHOICE.fullmatch(line):
            # Hydra reads a name from the file's own folder, unless it begins with a slash.
            name = str(place / match["group"]).removeprefix("/")
            groups[name] = Group(name, match["option"], match["comment"] or "")
    return groups


def _show_group(conf: Path, group: Group, groups: list[Group]) -> str:
    folder = conf / group.name
    inner = [conf / other.name for other in groups if other.name.startswith(f"{group.name}/")]
    explained, bare = [], []
    for file in sorted(folder.rglob("*.yaml")):
        if any(file.is_relative_to(other) for other in inner):
            continue
        name, comment = str(file.relative_to(folder).with_suffix("")), _comment(file)
        marked = f"* {name}" if name == group.default else f"  {name}"
        if comment:
            explained.append((marked, comment))
        else:
            bare.append(marked.strip())
    return f"{group.name:15} {group.comment}".rstrip() + f"\n{_columns(explained)}{_wrapped('    ', ', '.join(bare))}"


def _comment(file: Path) -> str:
    """The first sentence of the comment that the file begins with, Hydra's own apart; its first line if none ends."""
    comments = takewhile(lambda line: line.startswith("#"), file.read_text().splitlines())
    lines = [line.lstrip("# ").strip() for line in comments if not line.startswith("# @package")]
    sentence = SENTENCE.match(" ".join(lines))
    return sentence[0] if sentence else "".join(lines[:1])


def _columns(rows: Sequence[tuple[str, str]]) -> str:
    left = max((len(name) for name, _ in rows), default=0)
    return "".join(_wrapped(f"  {name:{left}}  ", text) for name, text in rows)


def _wrapped(start: str, text: str) -> str:
    """The text after `start`, further lines below its beginning; nothing where there is no text."""
    indent = " " * len(start)
    return (
        fill(text, WIDTH, initial_indent=start, subsequent_indent=indent, break_on_hyphens=False) + "\n" if text else ""
    )
