"""What makes two runs the same run: a hash of every value that can change the result."""

import hashlib
import json
from typing import Any

from omegaconf import DictConfig, OmegaConf


def run_id(config: DictConfig) -> str:
    """12 hexadecimal digits that name a run, from its whole configuration.

    Left out are the nodes listed in `identity.ignore` (they cannot change a result; what others interpolate from them
    does not count either) and `identity` itself, and every key of `identity.neutral` that has the value given there: an
    option added to the project later, at the value that behaves as before, must not rename old runs. Numbers are
    compared as floats, so 1 and 1.0 are one value.
    """
    copy = OmegaConf.create(OmegaConf.to_container(config))
    ignored, neutral = list(config.identity.ignore), dict(config.identity.neutral)
    for key in ignored:
        _blank(copy, key)
    resolved = OmegaConf.to_container(copy, resolve=True)
    assert isinstance(resolved, dict)
    for key in [*ignored, "identity"]:
        resolved.pop(key, None)
    for key, value in neutral.items():
        _drop_if(resolved, key.split("."), _plain(value))
    text = json.dumps(_plain(resolved), sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _blank(config: Any, key: str) -> None:
    """Make every leaf below a key None, so that interpolations into it still resolve, to nothing."""
    value = OmegaConf.select(config, key)
    if isinstance(value, DictConfig):
        for inner in value:
            _blank(value, str(inner))
    else:
        config[key] = None


def _drop_if(tree: Any, path: list[str], value: Any) -> None:
    *parents, leaf = path
    for name in parents:
        tree = tree.get(name) if isinstance(tree, dict) else None
    if isinstance(tree, dict) and leaf in tree and _plain(tree[leaf]) == value:
        del tree[leaf]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
