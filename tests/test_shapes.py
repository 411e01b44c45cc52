"""The surrogate as a curve: peak, area and area of the square of every shape against closed forms."""

import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snnexp import dampening, surrogates
from snnexp.errors import OptionError
from snnexp.neurons.lstm import LSTM
from snnexp.procedures.shapes import shapes
from snnexp.reports.curves import read
from snnexp.surrogates import Surrogate, q_pseudospike
from tests.looked_at import parts

SQUARES = {
    "rectangular": 1.0,
    "triangular": 2 / 3,
    "exponential": 1 / 2,
    "gaussian": math.sqrt(0.5),
    "sigmoid": 2 / 3,
    "fast_sigmoid": 1 / 3,
    "arctan": 1 / 2,
}


def drawn(folder: Path, shape: Any, **options: Any) -> dict[str, float]:
    metrics: dict[str, float] = shapes(parts(surrogate=Surrogate(shape)), folder, None, **options)["metrics"]
    return metrics


@pytest.mark.parametrize("name", SQUARES)
def test_closed_forms(name: str, tmp_path: Path) -> None:
    metrics = drawn(tmp_path, getattr(surrogates, name))
    assert metrics["psi/peak"] == 1
    assert metrics["psi/area"] == pytest.approx(1, abs=1e-6)
    assert metrics["psi/area_of_square"] == pytest.approx(SQUARES[name], abs=1e-8)
    curves = read(tmp_path)
    assert (curves["u"][0], curves["u"][-1], curves["psi"][0]) == (0.0, 1.5, 1.0)
    assert (np.diff(curves["psi"]) <= 0).all()


@pytest.mark.parametrize("q", [1.01, 1.3981, 2.0, 16.8489])
def test_closed_forms_of_the_tails(q: float, tmp_path: Path) -> None:
    metrics = drawn(tmp_path, partial(q_pseudospike, q=q))
    assert metrics["psi/area_of_square"] == pytest.approx((q - 1) / (2 * q - 1), rel=1e-6)
    beyond = (1 + 2e6 / (q - 1)) ** (1 - q)  # the share of the area beyond the reach
    assert metrics["psi/area"] == pytest.approx(1 - beyond, rel=1e-6)


def test_dampening_and_grid_count(tmp_path: Path) -> None:
    halved = parts(surrogate=Surrogate(surrogates.triangular), damping=dampening.Fixed(0.5))
    metrics = shapes(halved, tmp_path, None, voltages=(-1.0, 1.0), points=5)["metrics"]
    assert (metrics["psi/peak"], metrics["psi/area"]) == (0.5, pytest.approx(0.5))
    curves = read(tmp_path)
    assert curves["u"].tolist() == [-1, -0.5, 0, 0.5, 1]
    assert curves["psi"].tolist() == [0, 0.25, 0.5, 0.25, 0]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"voltages": (1.0, 1.0)}, "voltages=[1.0, 1.0]: must be [lowest, highest]"),
        ({"points": 1}, "points=1: must be at least 2"),
        ({"reach": 0.0}, "reach=0.0: must be greater than 0"),
    ],
)
def test_what_is_refused(options: dict[str, Any], line: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError) as raised:
        drawn(tmp_path, surrogates.gaussian, **options)
    assert str(raised.value) == line


def test_an_lstm_has_no_surrogate(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"^neuron=LSTM: has no surrogate"):
        shapes(parts(neuron=LSTM), tmp_path, None)
