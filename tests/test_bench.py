"""The benchmarks run and give the rows that their tables need; how fast is for a reader to see."""

import math
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from snnexp.benchmarks import (
    chart,
    growth,
    load,
    loading,
    machine,
    optimisers,
    packing,
    scans,
    speed,
    training,
    workloads,
)
from snnexp.benchmarks.contenders import Loop
from snnexp.benchmarks.memory import Peak
from snnexp.benchmarks.stopwatch import Part, Stopwatch
from snnexp.benchmarks.tables import markdown, per_run, plain, ratios, shares
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


def test_parts_of_a_step_are_the_whole_and_backends_learn_the_same() -> None:
    small = ("network.widths=[16]", "network.dropout=0", "trainer.precision=64-true", "threads=1")
    auto, reference = training.measure(3, ("digits",), small)
    assert auto["loss"] == pytest.approx(reference["loss"], rel=1e-9)
    for row in (auto, reference):
        assert sum(float(row[part]) for part in Part) == pytest.approx(1)
        assert all(0 < float(row[part]) < 1 for part in Part)
        assert row["outside"] == pytest.approx(1 - float(row[Part.NETWORK]))
    assert shares("training", [auto, reference]).row_count == 2


def test_every_moment_is_charged_to_what_runs_innermost(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(100))
    monkeypatch.setattr(time, "perf_counter", lambda: next(now))
    network = nn.Identity()
    watch = Stopwatch(network, skipped=0)
    with watch.profile("run_training_epoch"):
        with watch.profile("[Loop].train_dataloader_next"):
            pass
        with watch.profile("[LightningModule]Task.optimizer_step"):
            with watch.profile("[Strategy]Strategy.training_step"):
                network(torch.ones(1))
            with watch.profile("[Strategy]Strategy.backward"), watch.profile("[Callback]Any.on_anything"):
                pass
        with watch.profile("[LightningModule]Task.on_validation_model_eval"), watch.profile("long"):
            pass
        with watch.profile("[LightningModule]Task.on_validation_model_train"):
            pass
    assert watch.steps == 1
    assert watch.seconds == {
        Part.LIGHTNING: 4,  # before, between and after the others, and after the validation
        Part.DATA: 2,  # the loader, and the training step until the network starts
        Part.OPTIMISER: 3,
        Part.NETWORK: 4,
        Part.MEASURES: 1,
    }


@pytest.mark.longest
def test_packing_runs_the_sweep_in_every_way() -> None:
    rows = packing.measure(1, [1], ["procedure=shapes"])
    assert [row["sweep"] for row in rows] == list(packing.WAYS)
    for row in rows:
        assert row["throughput"] == pytest.approx(float(rows[0]["seconds"]) / float(row["seconds"]))


def test_optimisers_are_timed_side_by_side() -> None:
    rows = optimisers.measure(2, [3], [5])
    assert [(row["tensors"], row["weights"]) for row in rows] == [(3, 5)]
    assert all(rows[0][name] > 0 for name in optimisers.OPTIMIZERS)


def test_markdown_has_a_row_per_contender() -> None:
    rows = speed.measure(KINDS["alif"], speed.Options(rounds=1))
    entry = {"rows": rows, "machine": machine.describe()}
    lines = markdown({"W1": entry, "W1-alif": {**entry, "rows": rows[:1]}}).splitlines()
    assert lines[0] == "| time, memory of a step | W1 | W1-alif |"
    assert [line.split(" | ")[0] for line in lines[2:5]] == ["| reference", "| fused", "| fused, triangular"]
    assert lines[3].endswith(" |  |")
    assert lines[2].startswith("| reference | 1.00")  # then memory, where there is enough to be seen
    assert len(lines) == 7  # the machine once


def test_peak_of_memory_is_that_of_the_work() -> None:
    with Peak() as peak:
        kept = bytearray(b"1") * 60_000_000
        del kept
    assert peak.megabytes is None or 50 < peak.megabytes < 80


def test_floor_and_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "SIZES", {"fma": (16, 16, 16)})
    rows = machine.floor()
    assert rows[0]["threads"] == 1
    assert all(row["fma GF/s"] > 0 and row["copy GB/s"] > 0 for row in rows)
    assert {"processor", "threads", "torch", "kernels", "commit"} <= machine.describe().keys()
