"""The benchmarks run and give the rows that their tables need; how fast is for a reader to see."""

import math
from pathlib import Path

import numpy as np
import pytest

from snnexp.benchmarks import chart, growth, load, loading, machine, scans, speed, workloads
from snnexp.benchmarks.contenders import Loop
from snnexp.benchmarks.memory import Peak
from snnexp.benchmarks.tables import per_run, plain, ratios
from snnexp.benchmarks.workloads import Training, Workload

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit.script:DeprecationWarning")  # norse, at import

TINY = workloads.W1._replace(steps=6, batch=4, inputs=20, widths=(8, 8), classes=3)
KINDS = {
    "W1": TINY,
    "W2": TINY._replace(recurrent=False),
    "W3": TINY._replace(density=None, every_step=True),
    "alif": TINY._replace(neuron=workloads.W1_ALIF.neuron),
    "slstm": TINY._replace(neuron=workloads.W1_SLSTM.neuron),
}


def test_load_measures_every_number_of_runs() -> None:
    rows = load.measure([40, 80])
    assert [row["runs"] for row in rows] == [40, 80]
    assert all(row[name] > 0 for row in rows for name in ("plan", "skip", "report"))


def test_loading_measures_ours_tonic_and_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SNNEXP_DATA", raising=False)
    small = ["dataset.batch_size=8", "dataset.step_ms=20", "network.widths=[8]", "threads=1"]
    (row,) = loading.measure(24, 2, small)
    assert row["data set"] == "synthetic"
    assert row["batch"] == 8
    numbers = [value for value in row.values() if not isinstance(value, str)]
    assert all(math.isfinite(number) and number > 0 for number in numbers)
    assert plain("loading", [row]).columns[0].header == "data set"


def test_growth_is_the_time_of_a_run_against_the_first_row() -> None:
    shown = per_run("load", [{"runs": 10, "plan": 1.0}, {"runs": 40, "plan": 6.0}])
    assert list(shown.columns[1].cells) == ["1 s (1.00)", "6 s (1.50)"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_step_is_measured_for_every_contender(kind: str, tmp_path: Path) -> None:
    rows = speed.measure(KINDS[kind], speed.Options(rounds=2))
    names = [row["contender"] for row in rows]
    assert {"reference", "fused", "fused, triangular"} < set(names) | {"plain loop"}
    assert ("plain loop" in names) == KINDS[kind].plain_lif
    assert rows[0]["x_wall"] == rows[0]["x_cpu"] == 1
    assert all(row["wall_range"][0] <= row["wall"] <= row["wall_range"][1] for row in rows)
    assert ratios(kind, rows).row_count == len(rows)
    chart.draw({kind: {"rows": rows}}, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("recurrent", [True, False])
def test_contenders_of_the_project_and_the_loop_do_the_same(recurrent: bool) -> None:
    workload = TINY._replace(steps=30, recurrent=recurrent, gain=1.0)
    made = dict(speed.contenders(workload, speed.Options()))
    losses = {}
    for name in ("plain loop", "reference", "fused"):
        training = made[name](workloads.inputs(workload))
        assert isinstance(training, Training)
        training.step()
        assert training.rate() > 0.02
        losses[name] = [
            parameter.grad.abs().sum().item() for parameter in training.parameters() if parameter.grad is not None
        ]
    assert sorted(losses["fused"]) == pytest.approx(sorted(losses["reference"]), rel=1e-3)
    assert sorted(losses["fused"]) == pytest.approx(sorted(losses["plain loop"]), rel=1e-3)


@pytest.mark.parametrize("recurrent", [True, False])
def test_the_scan_in_jax_does_what_the_loop_does(recurrent: bool) -> None:
    jax = pytest.importorskip("jax")
    workload = TINY._replace(steps=30, recurrent=recurrent, gain=1.0)
    loop, (x_TBI, _) = Loop(workload), workloads.inputs(workload)
    layers, forward = scans.by_hand(workload)
    x = jax.numpy.asarray(x_TBI.numpy())
    assert loop(x_TBI).mean() > 0.02
    np.testing.assert_array_equal(forward(layers, x), loop(x_TBI).detach())
    loop(x_TBI)[-5:].sum().backward()
    expected = [weight.grad for weight in (*loop.projections, *loop.recurrences)]
    gradients = jax.grad(lambda given: forward(given, x)[-5:].sum())(layers)
    found = [pair[n] for n in (0, 1) for pair in gradients if pair[n] is not None]
    for ours, theirs in zip(expected, found, strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=1e-3, atol=1e-5)


def test_dense_arithmetic_of_the_first_workload() -> None:
    assert workloads.arithmetic(workloads.W1) == pytest.approx(24.67, abs=0.02)  # 9.75 forward, 14.92 backward
    assert workloads.arithmetic(workloads.W2) == pytest.approx(24.67 - 3 * 2 * 1.678, abs=0.02)


def test_growth_varies_one_size_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    varied: list[Workload] = [workload for _, these in growth.axes(TINY) for _, workload in these]
    changed = [sum(a != b for a, b in zip(workload, TINY, strict=True)) for workload in varied]
    assert set(changed) == {0, 1}
    rows = growth.measure(TINY, rounds=1)
    assert len(rows) == len(varied)
    assert plain("growth", rows).row_count == len(rows)


def test_peak_of_memory_is_that_of_the_work() -> None:
    with Peak() as peak:
        kept = bytearray(b"1") * 60_000_000
        del kept
    assert peak.megabytes is None or 50 < peak.megabytes < 80


def test_floor_and_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "SIZES", {"fma": (16, 16, 16)})
    rows = machine.floor()
    assert rows[0]["threads"] == 1
    assert all(row["fma"] > 0 and row["copy"] > 0 for row in rows)
    assert {"processor", "threads", "torch", "kernels", "commit"} <= machine.describe().keys()
