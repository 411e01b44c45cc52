"""A chart for the browser: zoom, hover, lines that a click on the legend hides, by plotly."""

import json
import math
from collections.abc import Sequence
from functools import singledispatch
from pathlib import Path

from plotly import graph_objects  # type: ignore[import-untyped]
from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]

from snnexp.files import write_atomically
from snnexp.reports import markup
from snnexp.reports.chart import AnyPanel, BarPanel, Line, MapPanel, Panel

SCRIPT = "plotly.min.js"
HEIGHT = 430  # pixels

# The page's own colours, which follow the reader's choice of light or dark, instead of those that plotly writes.
STYLE = """<style>
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(460px, 100%), 1fr)); gap: 1rem; }
.charts > * { min-width: 0; }
.charts .main-svg text { fill: currentColor !important; }
.charts .hoverlayer text { fill: #fff !important; }
.charts .gridlayer path { stroke: var(--line) !important; }
</style>"""

LAYOUT = {
    "height": HEIGHT,
    "margin": {"l": 48, "r": 8, "t": 8, "b": 40},
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "font": {"family": "system-ui, sans-serif", "size": 13},
    "legend": {"orientation": "h", "x": 0, "y": -0.22, "yanchor": "top"},
    "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "#8a8a8a", "activecolor": "#0072B2"},
    "hovermode": "closest",
    "template": "none",
}
SETTINGS = {"responsive": True, "displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d"]}


def write_script(folder: Path) -> None:
    """Put plotly's script where the pages of a folder look for it, unless it is there."""
    script = get_plotlyjs()
    path = folder / SCRIPT
    if not path.exists() or path.stat().st_size != len(script.encode()):
        write_atomically(path, script)


def charts(panels: Sequence[AnyPanel]) -> str:
    """The panels as HTML, which needs `SCRIPT` beside the page."""
    names = [f"chart-{number}" for number in range(len(panels))]
    places = "".join(
        markup.figure(panel.name, f'<div id="{name}"></div>') for name, panel in zip(names, panels, strict=True)
    )
    # Drawn when all have their place, whose width depends on how many there are.
    calls = "".join(f"draw({json.dumps(name)}, {_chart(panel)});\n" for name, panel in zip(names, panels, strict=True))
    draw = f"const draw = (name, chart) => Plotly.newPlot(name, chart.data, chart.layout, {json.dumps(SETTINGS)});\n"
    return (
        f'{STYLE}\n<div class="charts">{places}</div>\n<script src="{SCRIPT}"></script>\n'
        f"<script>\n{draw}{calls}</script>\n"
    )


def _chart(panel: AnyPanel) -> str:
    text: str = _figure(panel).to_json()
    return text.replace("</", "<\\/")  # else a name could end the script


@singledispatch
def _figure(panel: object) -> graph_objects.Figure:
    raise TypeError(f"{panel} is no panel")


@_figure.register
def _(panel: Panel) -> graph_objects.Figure:
    figure = graph_objects.Figure([trace for line in panel.lines for trace in _traces(line, panel.y_log)], LAYOUT)
    figure.update_xaxes(title={"text": panel.x_label, "standoff": 6}, zeroline=False)
    figure.update_yaxes(zeroline=False)
    if panel.x_log:
        figure.update_xaxes(type="log")
    if ticks := panel.ticks:
        figure.update_xaxes(tickvals=[*ticks], ticktext=[*ticks.values()])
    if panel.y_log:
        figure.update_yaxes(type="log")
    for name, x in panel.marks.items():
        figure.add_vline(x, line={"color": "#8a8a8a", "dash": "dash", "width": 1.5})
        place = math.log10(x) if panel.x_log else x  # as plotly wants it for texts, though not for lines
        figure.add_annotation(x=place, y=1, yref="paper", yanchor="bottom", text=name, showarrow=False)
    return figure


@_figure.register
def _(panel: MapPanel) -> graph_objects.Figure:
    x, y, z = panel.x.tolist(), panel.y.tolist(), panel.z.tolist()
    path = {"mode": "lines", "line": {"color": "white", "width": 2}, "hoverinfo": "skip", "showlegend": False}
    colours = {"colorscale": "Viridis", "colorbar": {"thickness": 12}, "zmin": panel.low, "zmax": panel.high}
    traces = [
        graph_objects.Heatmap(x=x, y=y, z=z, **colours),
        graph_objects.Scatter(x=panel.path_x.tolist(), y=panel.path_y.tolist(), **path),
    ]
    figure = graph_objects.Figure(traces, LAYOUT)
    figure.update_xaxes(title={"text": panel.x_label, "standoff": 6}, zeroline=False)
    figure.update_yaxes(title={"text": panel.y_label, "standoff": 6}, zeroline=False)
    if panel.x_names:
        figure.update_xaxes(tickvals=x, ticktext=list(panel.x_names))
        figure.update_yaxes(tickvals=y, ticktext=list(panel.y_names))
    return figure


@_figure.register
def _(panel: BarPanel) -> graph_objects.Figure:
    traces = [
        graph_objects.Bar(
            x=list(panel.places),
            y=bar.y.tolist(),
            error_y={"array": bar.half.tolist(), "color": "#8a8a8a"},
            name=bar.name,
            showlegend=bool(bar.name),
            marker={"color": bar.colour},
            hovertemplate="%{customdata}<extra></extra>",
            customdata=bar.notes,
        )
        for bar in panel.bars
    ]
    figure = graph_objects.Figure(traces, LAYOUT)
    figure.update_xaxes(title={"text": panel.x_label, "standoff": 6}, type="category")
    figure.update_yaxes(zeroline=False)
    return figure


def _traces(line: Line, log: bool) -> list[graph_objects.Scatter]:
    band = {"legendgroup": line.name, "showlegend": False, "hoverinfo": "skip", "mode": "lines"}
    low, high = line.edges(log)
    symbols = ["circle" if whole else "circle-open" for whole in line.whole]
    return [
        graph_objects.Scatter(x=line.x.tolist(), y=low.tolist(), line={"width": 0}, **band),
        graph_objects.Scatter(
            x=line.x.tolist(),
            y=high.tolist(),
            line={"width": 0},
            fill="tonexty",
            fillcolor=_transparent(line.colour),
            **band,
        ),
        graph_objects.Scatter(
            x=line.x.tolist(),
            y=line.y.tolist(),
            name=line.name,
            legendgroup=line.name,
            mode="lines",
            visible=line.joined,
            line={"color": line.colour, "width": 2, "dash": "dash" if line.dashed else "solid"},
            hoverinfo="skip",
        ),
        graph_objects.Scatter(
            x=line.x.tolist(),
            y=line.y.tolist(),
            name=line.name,
            legendgroup=line.name,
            showlegend=not line.joined,
            mode="markers",
            opacity=1 if line.points else 0,  # not seen, but it can be pointed at
            marker={"color": line.colour, "symbol": symbols, "size": 8, "line": {"width": 1.5, "color": line.colour}},
            hovertemplate="%{text}<extra></extra>",
            text=line.notes,
        ),
    ]


def _transparent(colour: str) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"
