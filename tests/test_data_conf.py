import inspect
from pathlib import Path

import pytest
from hydra.utils import get_class, instantiate
from omegaconf import OmegaConf

from snnexp.data.module import DataModule

FILES = sorted((Path(__file__).parents[1] / "conf" / "dataset").glob("*.yaml"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_file_is_the_signature(path: Path) -> None:
    keys = OmegaConf.to_container(OmegaConf.load(path), resolve=False)
    assert isinstance(keys, dict)
    parameters = inspect.signature(get_class(keys.pop("_target_"))).parameters
    assert list(keys) == list(parameters)
    for name, parameter in parameters.items():
        if parameter.default is not parameter.empty:
            assert keys[name] == parameter.default
    assert path.read_text().startswith("# ")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_sizes_are_known_without_the_files(path: Path, tmp_path: Path) -> None:
    config = OmegaConf.create({"seed": 3, "paths": {"data": str(tmp_path)}, "dataset": OmegaConf.load(path)})
    data = instantiate(config.dataset)
    assert isinstance(data, DataModule)
    assert data.order_seed == 3
    assert data.inputs > 0
    assert data.steps > 0
    assert data.classes in (10, 11, 20, 35, 10000)
