"""What makes two runs the same run: a hash of every value that can change the result."""

import hashlib
import json
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
    copy = OmegaConf.create(OmegaConf.to_container(config))
    for key in ignored:
        _blank(copy, key)
    resolved = _plain(OmegaConf.to_container(copy, resolve=True))
    for key in [*ignored, "identity"]:
        _drop(resolved, key)
    for key, value in neutral.items():
        _drop(resolved, key, [_plain(value)])
    text = json.dumps(resolved, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _blank(config: Any, key: str) -> None:
    """Make every value below a key None, so that interpolations into it still resolve, to nothing."""
    value = OmegaConf.select(config, key)
    if isinstance(value, DictConfig):
        for inner in value:
            _blank(config, f"{key}.{inner!s}")
    elif value is not None:
        OmegaConf.update(config, key, None)


def _drop(tree: Any, key: str, where: Sequence[Any] | None = None) -> None:
    """Delete a key where it is there; with `where` only if it has one of these values."""
    *parents, leaf = key.split(".")
    for name in parents:
        tree = tree.get(name) if isinstance(tree, dict) else None
    if isinstance(tree, dict) and leaf in tree and (where is None or tree[leaf] in where):
        del tree[leaf]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
