"""The number of trained parameters, by hand and as metrics of a run."""

from pathlib import Path

import pytest
from rich.console import Console

from snnexp.procedures.size import parameters
from snnexp.results import RunFolder
from snnexp.run import Parts
from tests.runs import SMALL, composed

SIZES = ["network.widths=[5,3]", "network.recurrent=true", "network/output=linear", "network.bias=false"]


@pytest.mark.parametrize(("neuron", "constants"), [("lif", 0), ("plif", 2), ("se_adlif", 4 * 8)])
def test_weights_and_constants_are_counted(neuron: str, constants: int, tmp_path: Path) -> None:
    parts = Parts(composed([*SMALL, f"neuron={neuron}", *SIZES]), RunFolder(tmp_path, "run"), Console(quiet=True))
    inputs = parts.network.hidden[0].inputs
    weights = inputs * 5 + 5 * 5 + 5 * 3 + 3 * 3 + 3 * 10 + 10
    assert parameters(parts) == {"parameters/all": weights + constants, "parameters/neurons": constants}
