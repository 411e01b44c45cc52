"""Figures of what runs keep in curves.npz."""

import io
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib import image

from snnexp.errors import OptionError, UserError
from snnexp.procedures.curves import save
from snnexp.reports.chart import COLOURS, MapPanel, Panel
from snnexp.reports.curves import Curves, Maps, Several, read
from snnexp.reports.interactive import charts
from snnexp.reports.png import png

LAYERS = np.arange(4.0)


@pytest.fixture
def runs(tmp_path: Path) -> pd.DataFrame:
    """Two initialisations, three seeds; the variance is the layer's number times (1 + seed), ten times for `b`."""
    rows = []
    for init, factor in (("a", 1.0), ("b", 10.0)):
        for seed in range(3):
            folder = tmp_path / f"{init}{seed}"
            folder.mkdir()
            variance = factor * LAYERS * (1 + seed)
            arrays = {
                "layer": LAYERS,
                "variance": variance,
                "predicted": factor * LAYERS,
                "map": np.outer(LAYERS, variance),
            }
            save(folder, arrays)
            rows.append({"init": init, "seed": seed, "state": "done", "id": folder.name, "folder": folder})
    return pd.DataFrame(rows)


def test_what_was_kept_is_read(runs: pd.DataFrame, tmp_path: Path) -> None:
    arrays = read(runs["folder"][1])
    assert list(arrays) == ["layer", "variance", "predicted", "map"]
    assert arrays["variance"].tolist() == [0.0, 2.0, 4.0, 6.0]
    assert read(tmp_path) == {}


def test_lines_are_means_over_the_seeds(runs: pd.DataFrame) -> None:
    (panel,) = Curves("layer", {"Var": ["variance"]}, series="init", order=["b"]).panels(runs)
    assert isinstance(panel, Panel)
    assert [line.name for line in panel.lines] == ["b", "a"]
    line = panel.lines[1]
    assert line.y.tolist() == [0.0, 2.0, 4.0, 6.0]
    assert line.half == pytest.approx([0.0, 1.0, 2.0, 3.0])
    assert line.notes[1] == "<b>a</b> at 1<br>2 ± 1 (sd)<br>3 of 3 runs"


def test_predictions_are_dashed_beside_what_is_measured(runs: pd.DataFrame) -> None:
    figure = Curves("layer", {"Var": ["variance", "predicted"]}, facets="init", dashed=["predicted"], log=["Var"])
    first, second = figure.panels(runs)
    assert isinstance(first, Panel)
    assert (first.title, second.title) == ("init: a", "init: b")
    assert [(line.name, line.dashed) for line in first.lines] == [("variance", False), ("predicted", True)]
    assert first.lines[0].colour == first.lines[1].colour
    assert first.y_log


def test_a_prediction_is_seen_on_the_line_that_it_meets(runs: pd.DataFrame) -> None:
    figure = Curves("layer", {"Var": ["variance", "same"]}, dashed=["same"], band=0)
    for folder in runs["folder"]:
        np.savez(folder / "curves.npz", layer=LAYERS, variance=LAYERS, same=LAYERS)
    bitmap = image.imread(io.BytesIO(png(figure.panels(runs[runs["init"] == "a"]))))[..., :3]
    darker = np.array([int(COLOURS[0][place : place + 2], 16) for place in (1, 3, 5)]) / 510
    drawn = (np.abs(bitmap - darker).max(2) < 0.01)[:, : bitmap.shape[1] // 2]  # without the legend
    assert drawn.sum() > 100
    assert figure.legend.startswith("Lines without a band: means over the seeds that are done. Open points")


def test_open_points_where_a_run_is_missing(runs: pd.DataFrame) -> None:
    runs.loc[0, "state"] = "failed"
    (panel,) = Curves("layer", {"Var": ["variance"]}, series="init").panels(runs)
    assert isinstance(panel, Panel)
    a, b = panel.lines
    assert (a.whole, b.whole) == ([False] * 4, [True] * 4)
    assert a.notes[1].endswith("2 of 3 runs")


def test_maps_are_means_over_the_seeds(runs: pd.DataFrame) -> None:
    first, _ = Maps("layer", "layer", ["map"], facets="init", path=["layer", "layer"]).panels(runs)
    assert isinstance(first, MapPanel)
    assert first.z == pytest.approx(2 * np.outer(LAYERS, LAYERS))
    assert first.title == "init: a · map"


def test_what_has_no_place_or_was_not_kept_is_said(runs: pd.DataFrame) -> None:
    with pytest.raises(OptionError, match="series=null: init is swept too and has no place"):
        Curves("layer", {"Var": ["variance"]}).panels(runs)
    with pytest.raises(UserError, match=r"a0 has kept no voltage; it has layer, variance, predicted, map"):
        Curves("layer", {"v": ["voltage"]}, series="init").panels(runs)
    with pytest.raises(OptionError, match=r"path=.*must be two arrays"):
        Maps("layer", "layer", ["map"], path=["layer"])


def test_before_any_run_there_are_empty_panels(runs: pd.DataFrame) -> None:
    waiting = runs.assign(state="missing")
    figure = Several([Curves("layer", {"Var": ["variance"]}, series="init"), Maps("layer", "layer", ["map"], "init")])
    panels = figure.panels(waiting)
    assert [len(panel.lines) for panel in panels if isinstance(panel, Panel)] == [2]
    assert image.imread(io.BytesIO(png(panels))).size
    assert "Heatmap" in charts(panels) or "heatmap" in charts(panels)


def test_both_kinds_are_drawn(runs: pd.DataFrame) -> None:
    figure = Several(
        [
            Curves("layer", {"Var": ["variance"], "σ": ["variance"]}, series="init", log=["Var", "layer"]),
            Maps("layer", "layer", ["map"], "init", path=["layer", "predicted"]),
        ]
    )
    panels = figure.panels(runs)
    assert len(panels) == 4
    bitmap = image.imread(io.BytesIO(png(panels)))
    inside = bitmap[..., :3].reshape(-1, 3)
    yellow = np.array([253, 231, 37]) / 255  # the upper end of viridis
    assert (np.abs(inside - yellow).max(1) < 0.02).sum() > 100
    assert math.isclose(bitmap.shape[1] / bitmap.shape[0], 11.2 / 7.6, rel_tol=0.01)  # 2 x 2
    assert '"z":[[0.0,0.0,0.0,0.0]' in charts(panels)


def test_series_keep_their_colours_with_predictions_beside_them(runs: pd.DataFrame) -> None:
    content = {"Var": ["variance", "predicted"]}
    (panel,) = Curves("layer", content, series="init", dashed=["predicted"]).panels(runs)
    assert isinstance(panel, Panel)
    a, a_predicted, b, b_predicted = (line.colour for line in panel.lines)
    assert a == a_predicted != b == b_predicted
