"""A run's page shows the numbers of the run's files, for every kind of run, and needs nothing but itself."""

import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from snnexp.reports import figures
from snnexp.reports.page import draw

CONFIG = """\
seed: 3
dataset: {_target_: snnexp.data.digits.Digits, batch_size: 64}
neuron: {_target_: snnexp.neurons.lif.LIF, threshold: 1.0, note: a<b & c}
sg: {_target_: snnexp.surrogates.Surrogate, shape: {_target_: snnexp.surrogates.fast_sigmoid, _partial_: true}}
init: {_target_: snnexp.init.glorot}
optimizer: {_target_: torch.optim.Adam, lr: 0.001}
trainer: {max_epochs: 12}
"""
RESULT: dict[str, Any] = {
    "id": "3f2a90c1d4e7",
    "status": "finished",
    "metrics": {
        "test/accuracy": 0.94167,
        "test/loss": 0.21054,
        "val/accuracy": 0.95556,
        "val/accuracy/max": 0.96111,
        "test/firing_rate/0": 0.0713,
        "test/firing_rate/1": 0.0452,
    },
    "init": [
        {
            "layer": 0,
            "dampening": 0.2041,
            "sharpness": 1.0,
            "q": None,
            "mean": 1e-4,
            "residual": None,
            "feasible": None,
            "notes": [],
        },
        {
            "layer": 1,
            "dampening": 0.2086,
            "sharpness": 1.3,
            "q": None,
            "mean": -2e-4,
            "residual": 0.37,
            "feasible": False,
            "notes": ["condition IV has no root"],
        },
    ],
    "selected_epoch": 9,
}
ENVIRONMENT = {
    "commit": "abc1234",
    "dirty": True,
    "versions": {"torch": "2.13.0"},
    "device": "cpu",
    "threads": 2,
    "seconds": 22.1287,
    "backends": ["fused"],
}


def lif(x_TSI: NDArray[Any], rng: np.random.Generator, units: int, gain: float) -> tuple[NDArray[Any], NDArray[Any]]:
    """Spikes and centred voltages, both [T, S, N], of neurons that decay by 0.95 and are reset by subtraction."""
    weights_IN = rng.normal(gain, 3 * gain, (x_TSI.shape[2], units))
    v_SN = np.zeros((x_TSI.shape[1], units))
    spikes, voltages = [], []
    for x_SI in x_TSI:
        v_SN = 0.95 * v_SN + x_SI @ weights_IN
        voltages.append(v_SN - 1)
        spikes.append(v_SN > 1)
        v_SN = v_SN - spikes[-1]
    return np.array(spikes, dtype=np.uint8), np.array(voltages)


def traces(gain: float, steps: int = 100, inputs: int = 64, units: int = 128) -> dict[str, NDArray[Any]]:
    """What two layers do with one spike per input channel in four samples."""
    rng = np.random.default_rng(0)
    x_TSI = (rng.integers(0, steps, (4, inputs)) == np.arange(steps)[:, None, None]).astype(np.uint8)
    stored: dict[str, NDArray[Any]] = {"input": x_TSI, "labels": np.arange(4), "predictions": np.array([0, 1, 7, 3])}
    below = x_TSI
    for layer in range(2):
        below, u_TSN = lif(below, rng, units, gain)
        counts, edges = np.histogram(u_TSN, 80)
        stored |= {f"spikes/{layer}": below, f"u_edges/{layer}": edges, f"u_counts/{layer}": counts}
        grid = np.linspace(edges[0], max(edges[-1], -0.3 * edges[0]), 401)
        stored |= {f"psi_u/{layer}": grid, f"psi/{layer}": 0.3 * (1 + 2 * np.abs(grid)) ** -2}
    return stored


def epochs(last: int) -> list[dict[str, Any]]:
    """Log lines of an ordinary training: validation values from epoch 0 on, training values in lines of their own."""
    lines: list[dict[str, Any]] = []
    for epoch in range(last + 1):
        loss = 2.3 * np.exp(-epoch / 3) + 0.1
        rates = {"val/firing_rate/0": 0.02 + 0.05 * epoch / 12, "val/firing_rate/1": 0.06 - 0.015 * epoch / 12}
        if epoch:
            lines.append({"epoch": epoch, "step": 20 * epoch, "train/loss": loss, "train/accuracy": 1 - loss / 2.6})
        lines.append(
            {"epoch": epoch, "step": 20 * epoch, "val/loss": loss + 0.1, "val/accuracy": 1 - loss / 2.55, **rates}
        )
    return lines


def save(path: Path, arrays: dict[str, Any]) -> None:
    np.savez(path, **arrays)


def write(folder: Path, result: dict[str, Any], lines: list[dict[str, Any]]) -> Path:
    """A run's folder without its traces."""
    (folder / "result.json").write_text(json.dumps(result))
    (folder / "env.json").write_text(json.dumps(ENVIRONMENT))
    (folder / "config.yaml").write_text(CONFIG)
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write(tmp_path_factory.mktemp("finished"), RESULT, epochs(12))
    save(folder / "traces_before.npz", traces(0.01))
    save(folder / "traces_after.npz", traces(0.06))
    draw(folder)
    return folder


@pytest.fixture(scope="module")
def diverged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lines: list[dict[str, Any]] = [*epochs(2), {"epoch": 3, "step": 60, "train/loss": float("nan"), "val/loss": None}]
    result: dict[str, Any] = {
        "id": "0d",
        "status": "diverged",
        "metrics": {"val/loss/min": 0.125, "val/loss/last": None},
    }
    result |= {"init": [], "selected_epoch": 0, "diverged_step": 57}
    folder = write(tmp_path_factory.mktemp("diverged"), result, lines)
    save(folder / "traces_before.npz", traces(0.01))
    draw(folder)
    return folder


@pytest.fixture(scope="module")
def lstm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One layer without spikes, on graded input, that logged no firing rates."""
    lines = [{name: value for name, value in line.items() if "firing_rate" not in name} for line in epochs(12)]
    folder = write(tmp_path_factory.mktemp("lstm"), {**RESULT, "metrics": {"test/accuracy": 0.9}}, lines)
    rng = np.random.default_rng(1)
    stored = {
        "input": rng.random((50, 4, 20), dtype=np.float32),
        "labels": np.arange(4),
        "predictions": np.arange(4),
        "spikes/0": np.tanh(rng.normal(0, 1, (50, 4, 32)).cumsum(0) / 4).astype(np.float32),
    }
    save(folder / "traces_before.npz", stored)
    save(folder / "traces_after.npz", stored)
    draw(folder)
    return folder


class Page(HTMLParser):
    """The visible text, the tables as lists of rows, and every address that the page refers to."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.text = ""
        self.addresses: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.tags: list[str] = []
        self.html = (folder / "page.html").read_text()
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.tags[-1:] in (["td"], ["th"]) and data.strip():
            self.tables[-1][-1][-1] += data


def test_page_says_what_was_run(finished: Path) -> None:
    text = Page(finished).text
    assert "LIF on Digits" in text
    assert "fast_sigmoid surrogate gradient, glorot initialisation, learning rate 0.001, 12 epochs" in text
    assert "run 3f2a90c1d4e7: finished" in text
    assert "commit abc1234 with uncommitted changes · seed 3 · data Digits · device cpu · 2 threads · 22.13 s" in text
    assert "note: a<b & c" in text
    assert "class 2, predicted 7" in text


def test_tables_hold_the_numbers_of_the_result(finished: Path) -> None:
    metrics, reduced, init = Page(finished).tables
    assert metrics == [
        ["metric", "test", "val"],
        ["accuracy", "0.9417", "0.9556"],
        ["loss", "0.2105", ""],
        ["firing_rate/0", "0.0713", ""],
        ["firing_rate/1", "0.0452", ""],
    ]
    assert reduced == [["metric", "val"], ["accuracy/max", "0.9611"]]
    assert init == [
        ["layer", "dampening", "sharpness", "mean", "residual", "feasible"],
        ["0", "0.2041", "1", "0.0001", "", ""],
        ["1", "0.2086", "1.3", "-0.0002", "0.37", "no"],
    ]
    assert "layer 1: condition IV has no root" in Page(finished).text


def test_clean_tree_is_not_marked(finished: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(finished, tmp_path / "clean")
    (folder / "env.json").write_text(json.dumps({**ENVIRONMENT, "dirty": False}))
    draw(folder)
    assert "commit abc1234 · seed" in Page(folder).text


def test_finished_run_has_every_figure(finished: Path) -> None:
    page = Page(finished)
    assert page.tags.count("svg") == 3 + 3 + 2
    captions = re.findall("<figcaption>(.*?)</figcaption>", page.html)
    assert captions[:3] == ["loss", "accuracy", "firing rate (val, spikes per step)"]
    assert captions[-2:] == ["layer 0", "layer 1"]


def test_diverged_run_shows_what_there_is(diverged: Path) -> None:
    page = Page(diverged)
    assert "run 0d: diverged at step 57" in page.text
    assert page.tables == [[["metric", "val"], ["loss/min", "0.125"], ["loss/last", ""]]]
    assert page.tags.count("svg") == 3 + 3 + 2
    assert "Samples of the test set, before training" in page.text
    assert "in colour after" not in page.text


def test_run_that_diverged_at_once_has_a_page(diverged: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(diverged, tmp_path / "at_once")
    result = {"id": "0d", "status": "diverged", "metrics": {}, "init": [], "selected_epoch": 0, "diverged_step": 0}
    (folder / "result.json").write_text(json.dumps(result))
    (folder / "metrics.jsonl").write_text('{"epoch": 0, "step": 0, "val/loss": null, "val/accuracy": 0.1}\n{"epoch": 1')
    draw(folder)
    page = Page(folder)
    assert "diverged at step 0" in page.text
    assert page.tables == []


def test_run_that_trained_nothing_shows_its_curves(tmp_path: Path) -> None:
    layer = np.arange(5.0)
    result = {
        "id": "0c",
        "status": "finished",
        "metrics": {"variance/layer_4": 0.87, "loop/integral": None},
        "init": [],
    }
    folder = write(tmp_path, result, [])
    (folder / "metrics.jsonl").unlink()
    save(folder / "curves.npz", {"layer": layer, "variance": layer**2, "map": np.outer(layer, layer)})
    draw(folder)
    html = (folder / "page.html").read_text()
    assert html.count("<svg") == 2
    assert "variance/layer_4" in html
    assert "0.87" in html
    assert "Learning" not in html


def test_layer_without_spikes_has_no_voltage(lstm: Path) -> None:
    page = Page(lstm)
    assert page.tags.count("svg") == 2 + 3
    assert "layer 0 (32)" in page.text
    assert "Surrogate gradient" not in page.text


@pytest.mark.parametrize("kind", ["finished", "diverged", "lstm"])
def test_page_is_small_and_needs_nothing_else(kind: str, request: pytest.FixtureRequest) -> None:
    page = Page(request.getfixturevalue(kind))
    assert len(page.html) < 1.5e6
    assert "script" not in page.tags
    assert page.addresses
    assert all(address.startswith(("#", "data:")) for address in page.addresses)
    assert not re.search(r"url\((?!#)", page.html)


def test_same_files_give_the_same_page(finished: Path) -> None:
    html = (finished / "page.html").read_text()
    draw(finished)
    assert (finished / "page.html").read_text() == html


def test_largest_data_stay_small(tmp_path: Path) -> None:
    folder = write(tmp_path, RESULT, epochs(12))
    stored = traces(0.01, steps=250, inputs=700, units=512)
    save(folder / "traces_before.npz", stored)
    save(folder / "traces_after.npz", stored | {"input": np.random.default_rng(0).normal(size=(250, 4, 700))})
    draw(folder)
    assert (folder / "page.html").stat().st_size < 1.5e6


@given(st.lists(st.floats(-1, 2), max_size=10))
def test_labels_keep_their_order_and_their_distance(wanted: list[float]) -> None:
    placed = figures.spread(wanted, 0.085)
    order = np.argsort(wanted, kind="stable")
    assert (np.diff(np.array(placed)[order]) >= 0.085 - 1e-12).all()
    assert all(-1e-12 <= place <= 1 for place in placed)


def test_labels_that_are_apart_stay_where_they_are() -> None:
    assert figures.spread([0.5, 0.1, 0.9], 0.1) == [0.5, 0.1, 0.9]


def test_histogram_and_surrogate_are_drawn_to_scale() -> None:
    edges = np.array([-1.0, 0.0, 0.5])
    figure = figures.surrogate(figures.Histogram(edges, np.array([30, 10])), None, edges, edges**2, "#0072B2")
    density, psi = figure.axes
    heights = density.patches[0].get_data().values  # type: ignore[attr-defined]
    assert heights == pytest.approx([0.75, 0.5])
    assert heights @ np.diff(edges) == pytest.approx(1)
    assert psi.lines[0].get_xydata() == pytest.approx(np.column_stack((edges, edges**2)))


def test_voltage_axis_holds_the_threshold_and_half_of_the_voltages() -> None:
    u_G = np.linspace(-100, 100, 2001)
    silent, wild = (figures.Histogram(np.arange(-100.0, 1), np.ones(100)) for _ in range(2))
    silent.counts[:-5] = 0
    narrow = np.where(np.abs(u_G) < 0.55, 1.0, 0.0)
    assert figures.surrogate(silent, None, u_G, narrow, "#0072B2").axes[0].get_xlim() == pytest.approx((-3.75, 0.5))
    assert figures.surrogate(silent, wild, u_G, narrow, "#0072B2").axes[0].get_xlim() == pytest.approx((-75, 0.5))
    assert figures.surrogate(silent, None, u_G, 0 * u_G, "#0072B2").axes[0].get_xlim() == pytest.approx((-100, 100))


def test_curves_begin_at_zero_unless_they_are_negative() -> None:
    epoch = np.arange(3)
    rising = figures.Curve("val", epoch, np.array([0.0, np.nan, 0.4]), figures.INK)
    falling = figures.Curve("train", epoch, np.array([0.2, 0.1, -0.3]), figures.GREY)
    assert figures.curves([rising]).axes[0].get_ylim() == pytest.approx((0, 0.42))
    assert figures.curves([rising, falling]).axes[0].get_ylim()[0] == pytest.approx(-0.3)


def test_raster_has_a_dot_for_every_spike() -> None:
    x_TN = np.zeros((5, 3), dtype=np.uint8)
    x_TN[4, 0] = x_TN[1, 2] = 1
    (axes,) = figures.raster([("layer 0", x_TN, "#0072B2")]).axes
    assert axes.lines[0].get_xydata() == pytest.approx(np.array([[1, 2], [4, 0]]))


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
MEASURE = """<style>html { width: WIDTHpx }</style><script>
const boxes = kind => [...document.querySelectorAll(kind)].map(e => e.getBoundingClientRect());
const sizes = kind => boxes(kind).map(box => Math.min(box.width, box.height));
const right = Math.max(...boxes("body :not(svg *, .wide *, pre)").map(box => box.right));
document.title = JSON.stringify([sizes("svg"), sizes("svg image"), right,
                                 performance.getEntriesByType("resource").length]);
</script>"""


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize("kind", ["finished", "diverged", "lstm"])
@pytest.mark.parametrize("width", [360, 1100])
def test_browser_shows_every_figure(kind: str, width: int, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    assert CHROMIUM is not None
    page = tmp_path / "page.html"
    html = (request.getfixturevalue(kind) / "page.html").read_text()
    page.write_text(html.replace("</body>", MEASURE.replace("WIDTH", str(width)) + "</body>"))
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    flags += " --disable-component-update --disable-sync --dump-dom"
    window = ["--window-size=1200,900", f"--user-data-dir={tmp_path / 'profile'}"]
    command = [CHROMIUM, *flags.split(), *window, "--host-resolver-rules=MAP * ~NOTFOUND", page.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    title = re.search("<title>(.*?)</title>", dom)
    assert title is not None
    drawings, images, right, loaded = json.loads(title[1])
    assert len(drawings) > 4
    assert min(drawings) > 100
    assert len(images) > 2
    assert min(images) > 5
    assert right <= width
    assert loaded == 0
