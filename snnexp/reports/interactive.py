"""A chart for the browser: zoom, hover, lines that a click on the legend hides, by plotly."""

from collections.abc import Sequence
from pathlib import Path

from plotly import graph_objects  # type: ignore[import-untyped]
from plotly.offline import get_plotlyjs  # type: ignore[import-untyped]

from snnexp.files import write_atomically
from snnexp.reports import markup
from snnexp.reports.chart import Line, Panel

SCRIPT = "plotly.min.js"
HEIGHT = 430  # pixels

# The page's own colours, which follow the reader's choice of light or dark, instead of those that plotly writes.
STYLE = """<style>
.charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(460px, 100%), 1fr)); gap: 1rem; }
.charts > * { min-width: 0; }
.charts svg { width: auto; }
.charts .main-svg text { fill: currentColor !important; }
.charts .hoverlayer text { fill: #fff !important; }
.charts .gridlayer path { stroke: var(--line) !important; }
</style>"""


def write_script(folder: Path) -> None:
    """Put plotly's script where the pages of a folder look for it, unless it is there."""
    script = get_plotlyjs()
    path = folder / SCRIPT
    if not path.exists() or path.stat().st_size != len(script.encode()):
        write_atomically(path, script)


def charts(panels: Sequence[Panel]) -> str:
    """The panels as HTML, which needs `SCRIPT` beside the page."""
    drawn = "".join(_chart(panel, f"chart-{number}") for number, panel in enumerate(panels))
    return f'{STYLE}<script src="{SCRIPT}"></script>\n<div class="charts">{drawn}</div>\n'


def _chart(panel: Panel, name: str) -> str:
    figure = graph_objects.Figure([trace for line in panel.lines for trace in _traces(line)])
    places = sorted({float(x) for line in panel.lines for x in line.x})
    figure.update_layout(
        height=HEIGHT,
        margin={"l": 58, "r": 8, "t": 12, "b": 50},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        font={"family": "system-ui, sans-serif", "size": 13},
        legend={"orientation": "h", "x": 0, "y": -0.2, "yanchor": "top"},
        hovermode="closest",
        template="none",
    )
    figure.update_xaxes(title=panel.x_label, zeroline=False, fixedrange=False)
    figure.update_yaxes(title=panel.y_label, zeroline=False)
    if panel.x_log:
        figure.update_xaxes(type="log", tickvals=places, ticktext=[f"{x:g}" for x in places])
    if panel.y_log:
        figure.update_yaxes(type="log", dtick="D2")
    settings = {"responsive": True, "displaylogo": False, "modeBarButtonsToRemove": ["select2d", "lasso2d"]}
    html = figure.to_html(full_html=False, include_plotlyjs=False, div_id=name, config=settings)
    return f"<div>{markup.figure(panel.title or panel.y_label, html)}</div>"


def _traces(line: Line) -> list[graph_objects.Scatter]:
    band = {"legendgroup": line.name, "showlegend": False, "hoverinfo": "skip", "mode": "lines"}
    edges = [line.y - line.half, line.y + line.half]
    symbols = ["circle" if whole else "circle-open" for whole in line.whole]
    return [
        graph_objects.Scatter(x=line.x.tolist(), y=edges[0].tolist(), line={"width": 0}, **band),
        graph_objects.Scatter(
            x=line.x.tolist(),
            y=edges[1].tolist(),
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
            mode="lines+markers",
            line={"color": line.colour, "width": 2},
            marker={"symbol": symbols, "size": 8},
            hovertemplate="%{text}<extra></extra>",
            text=line.notes,
        ),
    ]


def _transparent(colour: str) -> str:
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red},{green},{blue},0.18)"
