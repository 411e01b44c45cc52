"""procedure=match_spikes, and the experiment that it is for."""

import json
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snnexp.errors import UserError
from snnexp.picture import dome
from snnexp.publish import publish
from snnexp.reports.curves import read
from tests.runs import in_child, kill_at_call, run
from tests.sweeps import planned

FIRING = ["deterministic", "stochastic"]
SIZE = [
    "dataset.inputs=40",
    "dataset.classes=30",
    "dataset.steps=40",
    "dataset.train_samples=null",
    "dataset.batch_size=1",
]
SHORT = [*SIZE, "network.widths=[50]", "procedure.epochs=25", "procedure.record_every=10", "procedure.marks=[7,99]"]


def words(firing: str, *more: str) -> list[str]:
    return [f"experiment=theory/matching/{firing}", *SHORT, *more]


def kept(outputs: Path) -> dict[str, Any]:
    (file,) = (outputs / "runs").glob("*/curves.npz")
    return dict(read(file.parent))


@pytest.mark.parametrize("firing", FIRING)
def test_what_is_kept(firing: str, tmp_path: Path) -> None:
    result = run(words(firing), tmp_path)
    metrics, curves = result["metrics"], kept(tmp_path)
    assert curves["epoch"].tolist() == [0, 7, 10, 20, 25]
    np.testing.assert_array_equal(curves["target"], dome(30, 40, 0.27426).flip(0))
    assert curves["before"].shape == curves["after"].shape == (30, 40)
    assert (metrics["l2/initial"], metrics["l2/last"]) == pytest.approx((curves["l2"][0], curves["l2"][-1]))
    assert metrics["van_rossum/epoch_7"] == pytest.approx(curves["van_rossum"][1])
    assert "l2/epoch_99" not in metrics
    assert metrics["l2/silent"] == pytest.approx(curves["target"].sum() / 30 / 2)
    assert (metrics["fano/output/last"] > 0) == (firing == "stochastic")
    assert (Path(tmp_path) / "runs" / result["id"] / "page.html").read_text().count("<svg") >= 9


@pytest.mark.parametrize("rule", ["three_factor", "three_factor_code", "back_propagation"])
@pytest.mark.parametrize("firing", FIRING)
def test_learns(firing: str, rule: str, tmp_path: Path) -> None:
    """A hundred epochs bring the van Rossum distance far below that of silence and of the start."""
    more = f"procedure/rule={rule}", "procedure.epochs=100", "procedure.rates=[1e-5,2e-4]"
    metrics = run(words(firing, *more), tmp_path)["metrics"]
    assert metrics["van_rossum/last"] < 0.25 * min(metrics["van_rossum/silent"], metrics["van_rossum/initial"])


def test_numbers_of_an_independent_program(tmp_path: Path) -> None:
    """Before training: what a NumPy program with the paper's sizes gave (mean of the picture, Fano factors)."""
    found = run(
        [
            "experiment=theory/matching/stochastic",
            *SIZE[3:],
            "network.widths=[200]",
            "dataset.steps=189",
            "procedure.epochs=1",
        ],
        tmp_path,
    )
    metrics = found["metrics"]
    assert metrics["l2/silent"] == pytest.approx(25.92, rel=0.005)
    assert metrics["fano/hidden/initial"] == pytest.approx(0.76, abs=0.03)
    assert metrics["fano/output/initial"] == pytest.approx(0.77, abs=0.03)
    assert found["init"][0]["projection_variance"] == pytest.approx(0.34641**2, rel=1e-3)


def kill_in_the_middle() -> None:
    from snnexp.layers import Layer

    kill_at_call(Layer, "forward", 21)


@pytest.mark.parametrize("firing", FIRING)
def test_killed_and_repeated_is_the_same(firing: str, tmp_path: Path) -> None:
    whole = run(words(firing), tmp_path / "whole")
    assert in_child(words(firing), tmp_path / "killed", kill_in_the_middle) == -signal.SIGKILL
    again = run(words(firing), tmp_path / "killed")
    assert again == whole
    ours, theirs = kept(tmp_path / "killed"), kept(tmp_path / "whole")
    assert ours.keys() == theirs.keys()
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_weights_that_are_no_longer_finite(tmp_path: Path) -> None:
    result = run(words("deterministic", "procedure.rates=[1e-5,1e38]"), tmp_path)
    assert result["status"] == "diverged"
    assert result["diverged_step"] == 1


@pytest.mark.parametrize(
    ("word", "line"),
    [
        ("network.recurrent=true", r"^network.recurrent=true: matching needs one hidden layer, without recurrence"),
        ("network.widths=[8,8]", r"^network=2: matching needs one hidden layer"),
        ("network/output=linear", r"^procedure=match_spikes needs spikes of the output; add network/output=spiking"),
        ("procedure.rates=[1]", r"^(procedure\.)?rates=\[1\]: must be two numbers of at least 0"),
        ("procedure.trials=0", r"^(procedure\.)?trials=0: must be at least 1"),
    ],
)
def test_what_cannot_be_matched(word: str, line: str, tmp_path: Path) -> None:
    if word == "network/output=linear":
        told = ["experiment=theory/matching/base", *SHORT, "~network.output.surrogate", word]
    else:
        told = words("deterministic", word)
    with pytest.raises(UserError, match=line):
        run(told, tmp_path)


def test_noise_is_other_in_every_trial_and_epoch(tmp_path: Path) -> None:
    run(words("stochastic", "procedure.rates=[0,0]", "procedure.record_every=1"), tmp_path)
    curves = kept(tmp_path)
    assert len(set(curves["l2"].tolist())) > 20
    assert not np.array_equal(curves["before"], curves["after"])


def test_report_without_runs(tmp_path: Path) -> None:
    lines = list(publish(["theory/fig6", f"paths.outputs={tmp_path}"]))
    assert "90 runs: 90 missing" in lines[0]
    assert all(line.startswith("  no data yet") for line in lines[1:20])
    entry = json.loads((tmp_path / "reports" / "theory" / "fig6.json").read_text())
    assert entry["over"] == 0


@pytest.mark.slow
def test_report_with_runs(tmp_path: Path) -> None:
    """Runs of a few epochs, copied to where the report looks for the planned ones."""
    (tmp_path / "runs").mkdir()
    done: dict[tuple[str, str], Path] = {}
    for job in planned("theory/fig6"):
        firing, rule = job.swept["experiment/theory/matching"], job.swept["procedure/rule"]
        outputs = tmp_path / firing / rule
        if (firing, rule) not in done:
            result = run([*words(firing), f"procedure/rule={rule}", "procedure.epochs=10"], outputs)
            done[firing, rule] = outputs / "runs" / result["id"]
        shutil.copytree(done[firing, rule], tmp_path / "runs" / job.id)
    lines = list(publish(["theory/fig6", f"paths.outputs={tmp_path}"]))
    assert "90 done" in lines[0]
    verdicts = [line for line in lines if line.startswith("  ")]
    assert not any("missing" in line for line in verdicts)
    assert (tmp_path / "reports" / "theory" / "fig6.png").stat().st_size > 20_000
