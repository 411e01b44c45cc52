"""procedure=analytic: every quantity from the command line, its numbers, and the experiments of the paper."""

import json
import math
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.optimize import brentq  # type: ignore[import-untyped]
from scipy.stats import ortho_group
from torch import Tensor

from snnexp.estimators import five
from snnexp.estimators.unit import slope
from snnexp.procedures.quantities.landscape import landscape
from snnexp.procedures.quantities.loop import loop
from snnexp.procedures.quantities.network import network
from snnexp.procedures.quantities.sign import sign
from snnexp.procedures.quantities.unit import unit
from snnexp.reports.curves import read
from tests.conftest import Ended
from tests.runs import CONF, composed
from tests.sweeps import planned

QUANTITIES = sorted(path.stem for path in (CONF / "procedure" / "quantity").glob("*.yaml"))
PLANE = [list(row) for row in ortho_group.rvs(5, random_state=124)[:2]]
REST = [0.05, 0.1, 1.0, -1.0]


def sharp(beta: float) -> Callable[[Tensor], Tensor]:
    return partial(slope, steepness=beta)


@pytest.mark.parametrize("quantity", QUANTITIES)
def test_every_quantity_from_the_command_line(quantity: str, command: Callable[..., Ended], tmp_path: Path) -> None:
    words = ["procedure=analytic", f"procedure/quantity={quantity}", "threads=1", f"paths.outputs={tmp_path}"]
    ended = command(*words, "sg=super_spike", "sharpness.value=10")
    assert (ended.code, ended.err) == (0, "")
    (file,) = (tmp_path / "runs").glob("*/result.json")
    result = json.loads(file.read_text())
    assert result["status"] == "finished"
    assert len(result["metrics"]) > 3
    curves = read(file.parent)
    assert len(curves) > 3
    assert all(np.isfinite(array).all() for array in curves.values())
    refused = command(*words, "sharpness=stability")
    assert (refused.code, "sharpness.value" in refused.err) == (1, True)


def test_plane_of_the_loop_is_the_authors() -> None:
    plane = composed(["procedure=analytic", "procedure/quantity=loop"]).procedure.quantity.plane
    np.testing.assert_allclose(np.array(plane), PLANE, rtol=0, atol=6e-8)


@pytest.mark.parametrize("seed", [0, 1])
def test_trials_of_a_unit_come_to_their_means(seed: int) -> None:
    found = unit(sharp(10.0), 10.0, 20000, seed)
    again = unit(sharp(10.0), 10.0, 20000, seed)
    assert found.metrics == again.metrics
    assert found.metrics["sg/error"] < 1e-15
    assert found.metrics["affine/error"] < 1e-15
    # Of one trial the right derivative has the variance beta^2 p^2 (1 - p) - dp^2 = (dp)^2 p / (1 - p).
    u = found.curves["u"]
    p = torch.sigmoid(10 * u)
    expected = float((slope(u, 10.0) ** 2 * p / (1 - p) / 20000).mean().sqrt() / 2.5)
    assert found.metrics["right/error"] == pytest.approx(expected, rel=0.5)
    assert abs(found.metrics["left/bias"]) < 4 * expected / len(u) ** 0.5
    other = unit(sharp(5.0), 10.0, 30, seed).metrics  # a surrogate that does not match the noise
    assert other["sg/error"] > 0.4
    assert other["affine/error"] < 1e-15


def test_network_variance_of_differences_is_that_of_two_coins() -> None:
    metrics = network(sharp(3.0), 3.0, 3, 3, 2, 5000, 1e-3, 0).metrics
    # Var = (p (1 - p) + p (1 - p)) / (4 eps^2) for p about the same on both sides; p (1 - p) <= 1/4.
    assert metrics["differences/variance"] <= 0.125 / 1e-6 * 1.05
    wider = network(sharp(3.0), 3.0, 3, 3, 2, 5000, 1e-2, 0).metrics
    assert metrics["differences/variance"] / wider["differences/variance"] == pytest.approx(100, rel=0.05)
    assert wider["differences/bias"] / metrics["differences/bias"] == pytest.approx(100, rel=0.05)
    assert wider["sg/bias"] == metrics["sg/bias"] > 1e-4
    assert max(abs(metrics["score/z"]), abs(metrics["differences/z"])) < 4
    single = network(sharp(3.0), 3.0, 3, 3, 0, 100, 1e-2, 0).metrics
    assert single["sg/bias"] < 1e-14
    assert single["deterministic/bias"] < 1e-14


def hand_written(w: float, beta_sg: float) -> float:
    """dy/dw of the net of Table 1, in Python's floats."""

    def s(a: float, b: float) -> float:
        return 1 / (1 + math.exp(-b * a))

    def d(a: float) -> float:
        return beta_sg * s(a, beta_sg) * s(-a, beta_sg)

    g = s(w, 100)
    bracket = 0.05 * d(0.05 * g) - 0.1 * d(0.1 * g)
    return d(w) * d(s(0.05 * g, 100) - s(0.1 * g, 100)) * bracket


@pytest.mark.parametrize(
    ("beta", "share", "bracket"),
    [(25, 0.076, (0.0, 0.1)), (30, 0.055, (0.0, 0.1)), (50, 0.025, (-0.01, 0.1)), (15, 0.533, None)],
)
def test_sign_against_roots_by_scipy(beta: float, share: float, bracket: tuple[float, float] | None) -> None:
    metrics = sign(sharp(beta), 100.0, beta, REST).metrics
    true = brentq(lambda w: hand_written(w, 100), -0.05, 0.0, xtol=1e-14)
    assert metrics["true/zero"] == pytest.approx(true, abs=1e-10)
    assert metrics["sg/at_0"] == pytest.approx(hand_written(0.0, beta), rel=1e-10)
    assert metrics["disagreement/share"] == pytest.approx(share, abs=5e-4)
    if bracket is None:
        assert metrics["sg/zeros"] == 0
        assert math.isnan(metrics["sg/zero"])
        assert (metrics["disagreement/low"], metrics["disagreement/high"]) == pytest.approx((true, 0.2))
    else:
        sg = brentq(lambda w: hand_written(w, beta), *bracket, xtol=1e-14)
        assert metrics["sg/zero"] == pytest.approx(sg, abs=1e-10)
        ends = metrics["disagreement/low"], metrics["disagreement/high"]
        assert ends == pytest.approx(tuple(sorted((true, sg))), abs=1e-10)


def test_true_gradient_has_no_wrong_sign_and_integrates_to_the_output() -> None:
    found = sign(sharp(100.0), 100.0, 100.0, REST)
    assert found.metrics["disagreement/share"] == 0
    torch.testing.assert_close(found.curves["integral"], found.curves["output"], rtol=0, atol=1e-4)


@pytest.mark.parametrize(("beta", "expected"), [(1, -0.0425), (5, 0.3691), (20, 1.8176)])
def test_loop_integrals(beta: float, expected: float) -> None:
    metrics = loop(sharp(beta), 1e4, beta, PLANE, 1.8, 100000).metrics
    assert metrics["sg/integral"] == pytest.approx(expected, abs=1e-4)
    assert metrics["true/size"] < 1e-15
    backwards = loop(sharp(beta), 1e4, beta, [[-x for x in PLANE[0]], PLANE[1]], 1.8, 100000).metrics
    assert backwards["sg/integral"] == pytest.approx(-metrics["sg/integral"], rel=1e-3)
    edges = [metrics[f"edge/{number}"] for number in range(1, 5)]
    assert edges == pytest.approx([68.9, 105.1, 149.0, 319.9], abs=0.05)


@pytest.mark.parametrize(("steps", "expected"), [(30, 0.85), (100, 0.03)])
def test_loop_of_the_true_gradient_in_few_steps(steps: int, expected: float) -> None:
    assert loop(sharp(20.0), 1e4, 20.0, PLANE, 1.8, steps).metrics["true/size"] == pytest.approx(expected, abs=0.005)


def test_loop_by_central_differences_of_neighbours() -> None:
    """The authors' own sum: the field along the unit tangent from neighbour to neighbour, times the step's length."""
    count, plane = 20000, torch.tensor(PLANE)
    angle = torch.arange(count) * (2 * torch.pi / count)
    p = 1.8 * (torch.sin(angle.double())[:, None] * plane[0] + torch.cos(angle.double())[:, None] * plane[1])
    tangent = p.roll(-1, 0) - p.roll(1, 0)
    tangent = tangent / tangent.norm(dim=1, keepdim=True)
    total = (five.gradient(p, 1e4, sharp(5.0)) * tangent).sum() * 2 * torch.pi * 1.8 / count
    assert float(total) == pytest.approx(loop(sharp(5.0), 1e4, 5.0, PLANE, 1.8, count).metrics["sg/integral"], abs=1e-3)


def test_landscape_depends_on_the_way_unless_the_surrogate_is_the_gradient() -> None:
    away = landscape(sharp(4.0), 20.0, 1.0, [1.0, -1.0], [1.7, -1.3], 50.0, points=401)
    assert away.metrics["sg/dependence"] > 0.3
    assert away.metrics["true/dependence"] < 0.01
    assert away.curves["output"].shape == (201, 201)
    same = landscape(sharp(20.0), 20.0, 1.0, [1.0, -1.0], [1.7, -1.3], 50.0, points=401)
    assert same.metrics["sg/dependence"] == same.metrics["true/dependence"]
    assert same.metrics["sg/error"] < 1e-3


RUNS = {"fig1": 20, "fig3": 160, "figS1": 360, "fig4": 4, "fig4c": 3, "fig5": 21, "fig5_smooth": 7}
RUNS |= {"fig6": 90, "fig7": 10, "fig7_reduced": 10, "figS2": 20, "figS2_reduced": 12}


@pytest.mark.slow
def test_experiments_have_as_many_runs_as_they_say() -> None:
    files = {path.stem for path in (CONF / "experiment" / "theory").glob("*.yaml")} - {"base"}
    assert files == set(RUNS)
    for name, count in RUNS.items():
        said = (CONF / "experiment" / "theory" / f"{name}.yaml").read_text()
        assert f"= {count} runs" in said
        assert len(planned(f"theory/{name}")) == count
