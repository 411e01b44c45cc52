"""The page that every finished run leaves: what was run, how it went, and pictures of it."""

from html import escape
from pathlib import Path

from matplotlib.figure import Figure
from omegaconf import OmegaConf

from snnexp.files import write_atomically
from snnexp.reports import figures, markup
from snnexp.reports.stored import StoredRun, Traces, read

PAGE = "page.html"
CURVES = ("loss", "accuracy")
SAMPLES = 3


def draw(folder: Path) -> StoredRun:
    """Write `page.html`, one file that needs no other, from what a run left in `folder`; return what that is."""
    run = read(folder)
    write_atomically(folder / PAGE, _document(run))
    return run


def pictures(run: StoredRun) -> dict[str, bytes]:
    """The page's figures of the surrogate over the voltages, as PNG by name, for viewers that take no page."""
    return {f"surrogate/{layer}": figures.png(_surrogate(run, layer)) for layer in run.layers("psi")}


def _document(run: StoredRun) -> str:
    title = f"{run.part('neuron')} on {run.part('dataset')}"
    config = f"<pre>{escape(OmegaConf.to_yaml(run.config))}</pre>"
    return markup.document(
        title,
        f"<header><h1>{escape(title)}</h1>\n{_summary(run)}</header>\n"
        + '<div class="row">'
        + _metrics(run)
        + _initialisation(run)
        + "</div>\n"
        + (_curves(run) if run.before is None else _learning(run) + _activity(run, run.before) + _surrogates(run))
        + markup.section("Configuration", "", markup.folded("every value", config))
        + f"<footer>{escape(_circumstances(run))}</footer>",
    )


def _summary(run: StoredRun) -> str:
    facts = (
        ("{} surrogate gradient", run.part("sg.shape")),
        ("{} initialisation", run.part("init")),
        ("learning rate {}", run.option("optimizer.lr")),
        ("{} epochs", run.option("trainer.max_epochs")),
    )
    words = ", ".join(phrase.format(value) for phrase, value in facts if value is not None)
    status, step = run.result["status"], run.result.get("diverged_step")
    when = "" if step is None else f" at step {step}"
    return (
        f"<p>{escape(words)}</p>\n"
        f'<p>run {escape(run.result["id"])}: <span class="{escape(status)}">{escape(status)}{when}</span></p>'
    )


def _metrics(run: StoredRun) -> str:
    rows: dict[str, dict[str, object]] = {}
    for name, value in run.result["metrics"].items():
        split, _, metric = name.partition("/")
        rows.setdefault(metric, {"metric": metric})[split] = value
    if run.before is None:
        return markup.section("Result", "", markup.table([{"": k, " ": v} for k, v in run.result["metrics"].items()]))
    tested = [row for row in rows.values() if "test" in row]
    others = markup.table([row for row in rows.values() if "test" not in row])
    note = f"Weights of epoch {_selected(run)}." if _selected(run) else ""
    return markup.section("Result", note, markup.table(tested) + markup.folded("over the epochs", others))


def _initialisation(run: StoredRun) -> str:
    layers = run.result["init"]
    numbers = [{name: value for name, value in layer.items() if name != "notes"} for layer in layers]
    notes = [
        f'<p class="note">layer {layer["layer"]}: {escape(note)}</p>' for layer in layers for note in layer["notes"]
    ]
    return markup.section("Initialisation", "", markup.table(numbers) + "\n".join(notes))


def _learning(run: StoredRun) -> str:
    selected = _selected(run)
    panels = []
    for metric in CURVES:
        lines = [
            figures.Curve("train", *run.series(f"train/{metric}"), figures.GREY),
            figures.Curve("val", *run.series(f"val/{metric}"), figures.INK),
        ]
        figure = figures.curves(lines, selected, run.result["metrics"].get(f"test/{metric}"))
        panels.append(markup.figure(metric, figures.svg(figure, metric)))
    layers = run.layers("psi")
    if layers:
        lines = [
            figures.Curve(f"layer {layer}", *run.series(f"val/firing_rate/{layer}"), figures.layer_colour(layer))
            for layer in layers
        ]
        figure = figures.curves(lines, selected)
        panels.append(markup.figure("firing rate (val, spikes per step)", figures.svg(figure, "firing rate")))
    note = "Epoch 0 is before training." + (" Dotted: the selected epoch." if selected else "")
    return markup.section("Learning", note, markup.grid(panels))


def _curves(run: StoredRun) -> str:
    """What a procedure that trains nothing kept, each array over the first one of the same length."""
    first: dict[int, str] = {}
    panels = []
    for name, array in run.curves.items():
        if array.ndim == 2:
            figure = figures.image(array)
        elif first.setdefault(len(array), name) != name:
            figure = figures.line(run.curves[first[len(array)]], array, first[len(array)])
        else:
            continue
        panels.append(markup.figure(name, figures.svg(figure, name)))
    return markup.section("Curves", "", markup.grid(panels)) if panels else ""


def _activity(run: StoredRun, before: Traces) -> str:
    traces, when = (before, "before") if run.after is None else (run.after, "after")
    panels = []
    for sample in range(min(SAMPLES, len(traces["labels"]))):
        rows = [("input", traces["input"][:, sample], figures.GREY)]
        rows += [
            (f"layer {layer}", traces[f"spikes/{layer}"][:, sample], figures.layer_colour(layer))
            for layer in run.layers("spikes")
        ]
        caption = f"class {traces['labels'][sample]}, predicted {traces['predictions'][sample]}"
        panels.append(markup.figure(caption, figures.svg(figures.raster(rows), f"sample {sample}")))
    note = f"Samples of the test set, {when} training. Shades, if any, are graded values; orange is negative."
    return markup.section("Activity", note, markup.grid(panels))


def _surrogates(run: StoredRun) -> str:
    panels = [
        markup.figure(f"layer {layer}", figures.svg(_surrogate(run, layer), f"surrogate of layer {layer}"))
        for layer in run.layers("psi")
    ]
    coloured = "" if run.after is None else ", in colour after it"
    note = f"Line: ψ(u). Areas: the voltages, in grey before training{coloured}. Dotted: the threshold."
    return markup.section("Surrogate gradient", note, markup.grid(panels))


def _surrogate(run: StoredRun, layer: int) -> Figure:
    assert run.before is not None
    last = run.before if run.after is None else run.after
    after = None if run.after is None else _histogram(run.after, layer)
    psi = last[f"psi_u/{layer}"], last[f"psi/{layer}"]
    return figures.surrogate(_histogram(run.before, layer), after, *psi, figures.layer_colour(layer))


def _histogram(traces: Traces, layer: int) -> figures.Histogram:
    return figures.Histogram(traces[f"u_edges/{layer}"], traces[f"u_counts/{layer}"])


def _circumstances(run: StoredRun) -> str:
    environment = run.environment
    facts = (
        f"commit {environment['commit'][:10]}{' with uncommitted changes' if environment['dirty'] else ''}",
        f"seed {run.option('seed')}",
        f"data {run.part('dataset')}",
        f"device {environment['device']}",
        f"{environment['threads']} threads",
        f"{markup.text(environment['seconds'])} s",
        *(f"{name} {version}" for name, version in environment["versions"].items()),
    )
    return " · ".join(facts)


def _selected(run: StoredRun) -> int | None:
    """The epoch that validation selected; none where training ended before its first validation."""
    return run.result.get("selected_epoch") or None
