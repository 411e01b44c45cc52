"""What a figure shows, before anything draws it, and the bitmap of it."""

import io
import math

import numpy as np
import pandas as pd
import pytest
from matplotlib import image

from snnexp.errors import OptionError, UserError
from snnexp.reports.chart import COLOURS, Line, Lines, Panel
from snnexp.reports.interactive import charts
from snnexp.reports.png import png


def table(datasets: str = "d") -> pd.DataFrame:
    rows = [
        {"dataset": dataset, "sg": sg, "lr": lr, "seed": seed, "state": "done", "id": "x", "loss": lr * (1 + seed)}
        for dataset in datasets
        for sg in ("b", "a")
        for lr in (0.1, 0.01)
        for seed in range(3)
    ]
    return pd.DataFrame(rows)


def figure(**more: object) -> Lines:
    return Lines(**{"x": "lr", "series": "sg", "y": ["loss"], **more})  # type: ignore[arg-type]


def test_lines_are_means_with_half_a_standard_deviation_each_way() -> None:
    (panel,) = figure(order=["a"], labels={"a": "first"}, log=["lr"]).panels(table())
    assert [(line.name, line.colour) for line in panel.lines] == [("first", COLOURS[0]), ("b", COLOURS[1])]
    assert (panel.x_log, panel.y_log) == (True, False)
    line = panel.lines[0]
    assert line.x.tolist() == [0.01, 0.1]
    assert line.y == pytest.approx([0.02, 0.2])
    assert line.half == pytest.approx([0.005, 0.05])
    assert line.notes[0] == "<b>first</b> at 0.01<br>0.02 ± 0.01 (sd)<br>3 of 3 runs"


def test_lines_over_words_are_refused_by_the_key() -> None:
    with pytest.raises(OptionError, match=r"x=sg: .* are not all numbers"):
        figure(x="sg", series="lr").panels(table())


def test_bands_on_a_logarithmic_axis_stay_above_0() -> None:
    line = Line("", "", np.arange(2.0), np.array([2.0, 1.0]), np.array([1.0, 3.0]), ["", ""], [True, True])
    np.testing.assert_allclose(line.edges(log=False), [[1, -2], [3, 4]])
    np.testing.assert_allclose(line.edges(log=True), [[1, 1 / 4], [3, 4]])


def test_points_without_all_runs_are_marked() -> None:
    runs = table()
    runs.loc[0, "state"] = "failed"
    runs.loc[(runs["sg"] == "a") & (runs["lr"] == 0.1), "state"] = "diverged"
    b, a = figure().panels(runs)[0].lines
    assert (b.whole, a.whole) == ([True, False], [True, False])
    assert math.isnan(a.y[1])
    assert a.notes[1].endswith("0 of 3 runs, 3 diverged")


def test_every_facet_has_its_panels() -> None:
    panels = figure(facets="dataset").panels(table("pq"))
    assert [panel.title for panel in panels] == ["dataset: p", "dataset: q"]


def test_a_swept_key_without_a_place_is_refused() -> None:
    with pytest.raises(OptionError, match="facets=null: dataset is swept too and has no place"):
        figure().panels(table("pq"))
    with pytest.raises(UserError, match="no run has sgs; there are dataset, sg"):
        figure(series="sgs").panels(table())
    with pytest.raises(OptionError, match=r"y=.*: name at least one metric"):
        figure(y=[])
    with pytest.raises(OptionError, match="band=-1: must not be negative"):
        figure(band=-1)


@pytest.mark.parametrize("datasets", ["p", "pqrs"])
def test_bitmap_shows_every_panel(datasets: str) -> None:
    panels = figure(facets="dataset", log=["lr", "loss"]).panels(table(datasets))
    pixels = image.imread(io.BytesIO(png(panels)))
    rgb = [int(COLOURS[1][place : place + 2], 16) / 255 for place in (1, 3, 5)]  # of the line that is drawn last
    assert (np.abs(pixels[..., :3] - rgb).max(axis=2) < 0.01).sum() > 100 * len(datasets)


def test_what_is_said_below_makes_the_panels_smaller_not_the_bitmap() -> None:
    panels = figure().panels(table())
    words = "commit 0123456789 · seeds 0, 1 " * 9
    bare, said = (image.imread(io.BytesIO(png(panels, below)))[..., :3] for below in ("", words))
    assert bare.shape == said.shape
    assert (bare[-20:, :150] == 1).all()  # left of the label of the axis
    assert not (said[-20:, :150] == 1).all()


def test_charts_before_any_run() -> None:
    panels = figure(log=["lr", "loss"]).panels(table().assign(state="missing"))
    assert len(png(panels)) > 1000
    assert "chart-0" in charts(panels)


def test_names_cannot_leave_the_script() -> None:
    (panel,) = figure(labels={"a": "</script><b>"}).panels(table())
    assert charts([panel]).count("</script>") == 2


def test_numbers_of_an_axis_that_would_run_into_each_other_are_left_out() -> None:
    x = np.array([0, 1.01, 1.1165, 1.5994, 4.0823, 16.8489])
    line = Line("", "", x, x, x, [""] * len(x), [True] * len(x))
    panel = Panel("", "", "", True, False, [line])
    assert panel.ticks == {1.01: "1.01", 1.1165: "", 1.5994: "1.5994", 4.0823: "4.0823", 16.8489: "16.8489"}
    assert panel._replace(lines=[line._replace(x=x[1:2])]).ticks == {1.01: "1.01"}
    assert panel._replace(lines=[line._replace(x=np.arange(50.0))]).ticks == {}
