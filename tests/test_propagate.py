"""Propagation through untrained networks, against NumPy, the exact chain and an independent implementation."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from snnexp.chains import passage
from snnexp.errors import OptionError
from snnexp.init import NoInputs, propagation
from snnexp.layers import LinearOutput
from snnexp.network import Dense
from snnexp.neurons.lif import LIF
from snnexp.neurons.lstm import LSTM
from snnexp.procedures.propagate import measure, propagate
from snnexp.reports.curves import read
from snnexp.results import RunFolder
from snnexp.surrogates import Surrogate, fast_sigmoid
from tests.runs import run

SURROGATE = Surrogate(fast_sigmoid)


def network(width: int, depth: int, seed: int = 0, **neuron: Any) -> Dense:
    constants = {"membrane_decay": 0.5, "threshold": 1.0, "reset": "minus", **neuron}
    made = Dense(
        width,
        3,
        partial(LIF, **constants),
        SURROGATE,
        [width],
        LinearOutput,
        repeat=depth,
        encoder=True,
        recurrent=False,
    )
    torch.manual_seed(seed)
    propagation(made, NoInputs())
    return made


def noise(steps: int, batch: int, width: int, seed: int = 0) -> Tensor:
    x_BI = torch.randn(batch, width, generator=torch.Generator().manual_seed(1000 + seed))
    return x_BI.expand(steps, batch, width)


class Parts:
    def __init__(self, network: Dense, x_TBI: Tensor) -> None:
        self.network, self.data = network, self
        self.x_TBI = x_TBI

    def train_inputs(self) -> Iterator[Tensor]:
        return iter([self.x_TBI])


def kept(made: Dense, x_TBI: Tensor, folder: Path, **options: Any) -> tuple[dict[str, float], dict[str, Any]]:
    result = propagate(Parts(made, x_TBI), folder, RunFolder(folder, "run"), **options)
    assert result["status"] == "finished"
    return result["metrics"], read(folder)


def test_statistics_are_those_of_numpy() -> None:
    made, x_TBI = network(30, 3), noise(4, 2, 30)
    activity = measure(made, x_TBI)
    for layer, output in enumerate(made(x_TBI, record=("v",)).layers):
        v_TBN = output.trace["v"].double().detach().numpy()
        for found, expected in (
            (activity.variance, v_TBN.var(-1)),
            (activity.spikes, output.spikes.detach().numpy().sum(-1)),
            (activity.skewness, stats.skew(v_TBN, -1)),
            (activity.kurtosis, stats.kurtosis(v_TBN, -1)),
        ):
            np.testing.assert_allclose(found[layer].numpy(), expected, rtol=1e-9, atol=1e-12)


def test_voltages_are_seen_before_the_reset_by_their_own_spikes() -> None:
    x_TBI = torch.tensor([[[3.0, 0.0]], [[0.0, 0.0]]])
    first, second = measure(network(2, 1), x_TBI).variance[0, :, 0].tolist()
    assert (first, second) == (1.5**2, 0.25**2)  # the second: 3 / 2 - 1 against 0


def test_what_is_kept(tmp_path: Path) -> None:
    made, x_TBI = network(20, 12), noise(3, 4, 20)
    metrics, curves = kept(made, x_TBI, tmp_path)
    activity = measure(made, x_TBI)
    assert curves["layer"].tolist() == list(range(13))
    assert curves["step"].tolist() == [0, 1, 2]
    np.testing.assert_allclose(curves["variance"], activity.variance.mean((1, 2)))
    np.testing.assert_allclose(curves["spikes_map"], activity.spikes.mean(2))
    assert metrics["variance/layer_10"] == curves["variance"][10]
    assert "variance/layer_20" not in metrics
    assert metrics["spikes/mean"] == pytest.approx(curves["spikes"][1:].mean())
    live_LB = activity.spikes.sum(1).numpy() > 0
    assert metrics["alive/layer_5"] == live_LB[5].mean()
    assert metrics["alive/last_layer"] == np.mean([max(np.flatnonzero(live)) for live in live_LB.T])
    assert 3 < metrics["alive/last_layer"] < 12


def test_one_step_has_no_maps(tmp_path: Path) -> None:
    _, curves = kept(network(20, 2), noise(1, 1, 20), tmp_path)
    assert set(curves) == {"layer", "step", "variance", "spikes", "skewness", "kurtosis", "alive"}


def test_a_silent_network_has_no_shape_and_no_live_layer(tmp_path: Path) -> None:
    metrics, curves = kept(network(20, 2), torch.zeros(2, 3, 20), tmp_path)
    assert metrics["alive/last_layer"] == -1
    assert curves["variance"].tolist() == [0, 0, 0]
    assert np.isnan(curves["skewness"]).all()


def test_theory_is_kept_beside_it(tmp_path: Path) -> None:
    theory = partial(passage, width=40, threshold=1.0)
    metrics, curves = kept(network(40, 5), noise(1, 1, 40), tmp_path, theory=theory)
    expected = passage(6, 40, 1.0)
    np.testing.assert_allclose(curves["expected_variance"], expected.variance)
    assert metrics["expected_alive/layer_5"] == pytest.approx(1 - expected.dead[5].item())


def test_theory_and_simulation_agree() -> None:
    """300 networks of 30 neurons, so narrow that the variance falls and many of them die."""
    layers, width, runs = 9, 30, 300
    rows = [measure(network(width, layers - 1, seed), noise(1, 1, width, seed)) for seed in range(runs)]
    variance_RL = torch.stack([row.variance[:, 0, 0] for row in rows])
    alive_RL = torch.stack([row.spikes[:, 0, 0] > 0 for row in rows]).double()
    expected = passage(layers, width, 1.0)
    assert expected.dead[-1] > 0.3
    for layer in range(layers):
        error, dead = 4 * runs**-0.5, expected.dead[layer].item()
        found = variance_RL[:, layer].mean().item()
        assert found == pytest.approx(expected.variance[layer].item(), abs=error * expected.sd[layer].item())
        chance = error * (dead * (1 - dead)) ** 0.5 + 1e-6
        assert 1 - alive_RL[:, layer].mean().item() == pytest.approx(dead, abs=chance)


# Reset, statistic, layer: the mean of ten runs of an independent implementation, and the sd of one run.
REFERENCE = [
    ("minus", "variance", {0: (2.307, 0.10), 1: (1.956, 0.10), 2: (1.674, 0.15), 5: (1.222, 0.13)}),
    ("minus", "spikes", {0: (172.7, 7.1), 1: (167.3, 8.2), 2: (156.5, 9.0), 5: (129.5, 12.7)}),
    ("minus_immediate", "variance", {0: (2.73, 0.11), 1: (3.50, 0.20), 2: (3.65, 0.35)}),
    ("minus_immediate", "spikes", {0: (225, 9.3)}),
]


@pytest.mark.parametrize(("reset", "statistic", "expected"), REFERENCE)
def test_twenty_steps_with_both_subtracting_resets(
    reset: str, statistic: str, expected: dict[int, tuple[float, float]]
) -> None:
    rows = [measure(network(1000, max(1, *expected), seed, reset=reset), noise(20, 1, 1000, seed)) for seed in range(6)]
    found_RL = torch.stack([getattr(row, statistic).mean((1, 2)) for row in rows])
    for layer, (value, sd) in expected.items():
        error = sd * (1 / 6 + 1 / 10) ** 0.5
        assert found_RL[:, layer].mean().item() == pytest.approx(value, abs=4 * error)


def test_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"^theory=given: is about one step, the data have 2"):
        kept(network(4, 1), noise(2, 1, 4), tmp_path, theory=partial(passage, width=4, threshold=1.0))
    without = Dense(4, 2, LSTM, SURROGATE, [4], LinearOutput)
    with pytest.raises(OptionError, match=r"^neuron=LSTM: has no voltage v"):
        kept(without, noise(2, 1, 4), tmp_path)


def test_any_network_and_data_by_command(tmp_path: Path) -> None:
    result = run(["procedure=propagate", "neuron=cuba_lif", "dataset=digits"], tmp_path)
    assert result["status"] == "finished"
    assert {"variance/layer_0", "variance/layer_1", "spikes/mean", "alive/last_layer"} <= set(result["metrics"])
    small = ["experiment=propagation/fig4", "dataset.inputs=20", "network.repeat=4", "seed=1"]
    result = run(
        [*small, "network.widths=[20]", "dataset.train_samples=1", "dataset.batch_size=1", "dataset.steps=1"], tmp_path
    )
    assert result["metrics"]["expected_alive/layer_4"] < 1
