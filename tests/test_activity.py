"""What an untrained network does: the middle of known voltages, rates and operations of a layer by hand."""

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from snnexp.neurons.alif import ALIF
from snnexp.neurons.cuba_lif import CubaLIF
from snnexp.neurons.lif import LIF
from snnexp.neurons.lstm import LSTM
from snnexp.neurons.slstm import SLSTM
from snnexp.procedures.activity import activity, asymmetry
from snnexp.procedures.inputs import first
from snnexp.reports.curves import read
from tests.looked_at import LIF_LIKE, parts


def test_asymmetry_of_known_distributions() -> None:
    levels = torch.linspace(0, 1, 100_001, dtype=torch.float64)[1:-1]
    # Exponential: mean 1, median log 2, variance 1. A coin of 1/4: mean 1/4, median 0, variance 3/16. All equal: 0.
    u_TX = torch.stack([-levels.log(), (levels < 0.25).double(), torch.ones_like(levels), levels])
    expected = torch.tensor([(1 - torch.tensor(2.0).log()) ** 2, 1 / 3, 0, 0], dtype=torch.float64)
    torch.testing.assert_close(asymmetry(u_TX.unsqueeze(1)), expected, rtol=2e-3, atol=1e-6)


def test_numbers_of_a_layer(tmp_path: Path) -> None:
    found = parts(dropout=0.5)
    metrics = activity(found, tmp_path, None, samples=8)["metrics"]
    x_TBI, layer = first(found.data, 8, 1), found.network.hidden[0]
    output = layer(x_TBI, record=("u",))
    assert metrics["firing_rate/0"] == pytest.approx(output.spikes.mean().item())
    additions = x_TBI.mean().item() * 9 * 12 + output.spikes.mean().item() * 12 * 12
    assert (metrics["macs/0"], metrics["acs/0"]) == (12, pytest.approx(additions))
    assert metrics["energy/all"] == pytest.approx(31 * (12 + 10) + metrics["acs/0"] + metrics["acs/1"])
    curves = read(tmp_path)
    assert curves["step"].tolist() == list(range(14))
    assert curves["asymmetry/0"] == pytest.approx(asymmetry(output.trace["u"]).detach().numpy())
    assert metrics["asymmetry/0/max"] == pytest.approx(curves["asymmetry/0"].max())


class Late:
    """Two silent steps, then spikes in every channel."""

    def train_inputs(self) -> list[Tensor]:
        return [torch.tensor([0.0, 0.0, 1.0, 0.0]).view(4, 1, 1).expand(4, 4, 9)]


def test_silent_steps_do_not_count(tmp_path: Path) -> None:
    found: Any = parts()._replace(data=Late())  # type: ignore[arg-type]
    metrics = activity(found, tmp_path, None)["metrics"]
    curve = read(tmp_path)["asymmetry/0"]
    assert torch.from_numpy(curve).isnan().tolist() == [True, True, False, False]
    assert metrics["asymmetry/0"] == pytest.approx(curve[2:].mean())


ALIF_LIKE = partial(ALIF, **LIF_LIKE, adaptation_decay=0.5, adaptation_strength=1.0)
CUBA = partial(CubaLIF, **LIF_LIKE, synaptic_decay=0.5)


@pytest.mark.parametrize(
    ("neuron", "multiplications"), [(partial(LIF, **LIF_LIKE), 1), (ALIF_LIKE, 3), (SLSTM, 0), (CUBA, None)]
)
def test_spiking_neurons(neuron: Any, multiplications: int | None, tmp_path: Path) -> None:
    metrics = activity(parts(neuron=neuron), tmp_path, None)["metrics"]
    assert 0 <= metrics["firing_rate/0"] <= 1
    assert "asymmetry/0" in metrics
    assert metrics.get("macs/0") == (None if multiplications is None else 12 * multiplications)
    assert ("energy/all" in metrics) == (multiplications is not None)


def test_lstm(tmp_path: Path) -> None:
    metrics = activity(parts(neuron=LSTM), tmp_path, None)["metrics"]
    assert metrics["macs/0"] == 4 * (9 * 12 + 12 * 12) + 17 * 12
    assert metrics["acs/0"] == 0
    assert "asymmetry/0" not in metrics
