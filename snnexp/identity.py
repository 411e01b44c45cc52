"""What makes two runs the same run: a hash of every value that can change the result."""

import hashlib
import json
import re
from collections.abc import Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

REFERENCE = re.compile(r"\$\{([\w.]+)\}")


def run_id(config: DictConfig) -> str:
    """12 hexadecimal digits that name a run, from its whole configuration.

    Left out are the keys listed in `identity.ignore` (they cannot change a result; what others interpolate from them
    does not count either) and `identity` itself, and every key of `identity.neutral` that has the value given there: an
    option added to the project later, at the value that behaves as before, must not rename old runs. Keys are dotted
    paths to a value or a node. Numbers are compared as floats, so 1 and 1.0 are one value.
    """
    written: Any = OmegaConf.to_container(config)
    ignored, neutral = written["identity"]["ignore"], written["identity"]["neutral"]
    for key in [*ignored, "identity"]:
        _drop(written, key)
    values = _plain(_resolved(written, config, written, ignored))
    for key, value in neutral.items():
        _drop(values, key, [_plain(value)])
    return hashlib.sha256(_text(values).encode()).hexdigest()[:12]


def _resolved(written: Any, node: Any, root: Any, ignored: Sequence[str]) -> Any:
    """The written tree with its interpolations resolved; those that come from an ignored key are None.

    OmegaConf resolves a whole tree as well, but parses every text for it: that would take most of the time of planning
    a sweep. `node` is its tree, which is asked for what is more than a reference.
    """
    if isinstance(written, dict):
        return {key: _resolved_at(key, value, node, root, ignored) for key, value in written.items()}
    return [_resolved_at(key, value, node, root, ignored) for key, value in enumerate(written)]


def _resolved_at(key: Any, value: Any, node: Any, root: Any, ignored: Sequence[str]) -> Any:
    if isinstance(value, dict | list):
        return _resolved(value, node._get_node(key), root, ignored)
    if not isinstance(value, str) or "${" not in value:
        return value
    if _comes_from(value, root, ignored):
        return None
    reference = REFERENCE.fullmatch(value)
    found = _found(root, reference[1]) if reference else None
    if isinstance(found, int | float):
        return found
    resolved = node[key]
    return OmegaConf.to_container(resolved, resolve=True) if OmegaConf.is_config(resolved) else resolved


def _comes_from(text: str, root: Any, ignored: Sequence[str]) -> bool:
    """Whether a text interpolates an ignored key, or a key that does."""
    for key in REFERENCE.findall(text):
        if any(key == name or key.startswith(f"{name}.") for name in ignored):
            return True
        value = _found(root, key)
        if isinstance(value, str) and _comes_from(value, root, ignored):
            return True
    return False


def _found(tree: Any, key: str) -> Any:
    """What stands at a dotted key, None where nothing does."""
    for part in key.split("."):
        tree = tree.get(part) if isinstance(tree, dict) else None
    return tree


def _drop(tree: Any, key: str, where: Sequence[Any] | None = None) -> None:
    """Delete a key where it is there; with `where` only if it has one of these values."""
    *parents, leaf = key.split(".")
    tree = _found(tree, ".".join(parents)) if parents else tree
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
