"""What makes two runs the same run: a hash of every value that can change the result."""

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf


def run_id(config: DictConfig) -> str:
    """12 hexadecimal digits that name a run, from its whole configuration.

    Left out are the keys listed in `identity.ignore` (they cannot change a result; what others interpolate from them
    does not count either) and `identity` itself, and every key of `identity.neutral` that has the value given there: an
    option added to the project later, at the value that behaves as before, must not rename old runs. Keys are dotted
    paths to a value or a node. Numbers are compared as floats, so 1 and 1.0 are one value.
    """
    ignored = list(config.identity.ignore)
    neutral: Any = OmegaConf.to_container(config.identity.neutral)
    written, resolved = OmegaConf.to_container(config), OmegaConf.to_container(config, resolve=True)
    values = _plain(_without(written, resolved, written, ignored))
    for key in [*ignored, "identity"]:
        _drop(values, key)
    for key, value in neutral.items():
        _drop(values, key, [_plain(value)])
    return hashlib.sha256(_text(values).encode()).hexdigest()[:12]


def _without(written: Any, resolved: Any, root: Any, ignored: Sequence[str]) -> Any:
    """The resolved tree, with None for every value that was interpolated from an ignored key."""
    if isinstance(written, dict) and isinstance(resolved, dict):
        return {key: _without(inner, resolved[key], root, ignored) for key, inner in written.items()}
    if isinstance(written, list) and isinstance(resolved, list):
        return [_without(*pair, root, ignored) for pair in zip(written, resolved, strict=True)]
    return None if isinstance(written, str) and _comes_from(written, root, ignored) else resolved


def _comes_from(text: str, root: Any, ignored: Sequence[str]) -> bool:
    """Whether a text interpolates an ignored key, or a key that does."""
    for key in re.findall(r"\$\{([\w.]+)\}", text):
        if any(key == name or key.startswith(f"{name}.") for name in ignored):
            return True
        node = root
        for part in key.split("."):
            node = node.get(part) if isinstance(node, dict) else None
        if isinstance(node, str) and _comes_from(node, root, ignored):
            return True
    return False


def _drop(tree: Any, key: str, where: Sequence[Any] | None = None) -> None:
    """Delete a key where it is there; with `where` only if it has one of these values."""
    *parents, leaf = key.split(".")
    for name in parents:
        tree = tree.get(name) if isinstance(tree, dict) else None
    if isinstance(tree, dict) and leaf in tree and (where is None or _text(tree[leaf]) in map(_text, where)):
        del tree[leaf]


def _text(value: Any) -> str:
    """As it is hashed: there false is not 0."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) + 0.0 if is_number else value  # -0.0 + 0.0 is 0.0
