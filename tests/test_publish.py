"""`scripts/report.py`: from run folders to pages, tables and verdicts."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from snnexp import publish
from snnexp.errors import UserError
from snnexp.reports.table import Planned, cells, read
from snnexp.sweep import Job
from tests.runs import CONF
from tests.sweeps import LR_SG, fail_run, fill, perplexity, planned, write_plainly, write_run

ROOT = CONF.parent


@pytest.fixture(scope="module")
def jobs() -> list[Job]:
    return planned()


def lines(outputs: Path, *words: str) -> list[str]:
    return list(publish.publish([*(words or [f"experiment={LR_SG}"]), f"paths.outputs={outputs}"]))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, jobs: list[Job]) -> tuple[Path, list[str]]:
    """All runs done, and what the report prints."""
    outputs = tmp_path_factory.mktemp("whole")
    fill(outputs / "runs", jobs)
    return outputs, lines(outputs)


@pytest.fixture(scope="module")
def torn(tmp_path_factory: pytest.TempPathFactory, jobs: list[Job]) -> tuple[Path, list[str]]:
    """Some runs missing, failed or diverged, and two states of the code."""
    outputs = tmp_path_factory.mktemp("torn")
    runs = outputs / "runs"
    fill(runs, jobs[20:])
    for job in jobs[:3]:
        write_run(runs, job.id, {"val/perplexity/min": 9.0, "val/perplexity/last": None}, "diverged", "b" * 40)
    fail_run(runs, jobs[3].id)
    return outputs, lines(outputs)


def test_verdicts_of_a_whole_sweep(whole: tuple[Path, list[str]]) -> None:
    outputs, said = whole
    assert said == [
        "digits/lr_sg (reduced scale), 90 runs: 90 done",
        "  reproduced      all shapes have the same best learning rate: all at 0.003 (by chance p = 0.00032)",
        "  reproduced      fast_sigmoid works over the widest range: fast_sigmoid 5, exponential 3, p = 0.05",
        "  reproduced      the shape matters: sensitivity 0.153, p = 0.0001",
        f"  {outputs}/reports/digits/lr_sg.html",
        f"all reports: {outputs}/reports/index.html",
    ]
    endings = {path.name for path in (outputs / "reports" / "digits").iterdir()}
    assert endings == {"plotly.min.js", *(f"lr_sg.{ending}" for ending in ("html", "csv", "md", "png", "json"))}


def test_unfinished_sweep_has_no_verdict(torn: tuple[Path, list[str]]) -> None:
    outputs, said = torn
    assert said[:3] == [
        "digits/lr_sg (reduced scale), 90 runs: 70 done, 16 missing, 3 diverged, 1 failed",
        "  the runs are of 2 states of the code: 0000000000, bbbbbbbbbb",
        "  no data yet     all shapes have the same best learning rate: 16 missing, 1 failed of 90 runs",
    ]
    assert all(len(line) <= 100 for line in said if not line.startswith(("all reports", f"  {outputs}")))
    with (outputs / "reports" / "digits" / "lr_sg.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert Counter(row["state"] for row in rows) == {"done": 70, "missing": 16, "diverged": 3, "failed": 1}
    assert rows[0]["val/perplexity/last"] == ""
    markdown = (outputs / "reports" / "digits" / "lr_sg.md").read_text()
    assert "| rectangular | 0.0003 | 0 of 3, 3 diverged |  |  |" in markdown
    assert "## Runs that are not done" in markdown
    assert "and 8 more; the CSV file has all" in markdown


def test_all_data_of_a_sweep_are_named(tmp_path: Path) -> None:
    lines(tmp_path, "stabilizing/predictions_no_download")
    page = tmp_path / "reports" / "stabilizing" / "predictions_no_download.md"
    assert "data Digits, Randman · no run yet" in page.read_text()


def test_verdicts_follow_the_runs(tmp_path: Path, jobs: list[Job]) -> None:
    """One shape's best learning rate elsewhere, and the fast sigmoid narrow."""

    def value(job: Job) -> float:
        if job.swept["sg"] == "fast_sigmoid":
            return 9.0 if float(job.swept["optimizer.lr"]) != 3e-3 else 1.4
        return perplexity(job, 1e-3 if job.swept["sg"] == "gaussian" else 3e-3)

    fill(tmp_path / "runs", jobs, value)
    said = lines(tmp_path)
    assert said[1].startswith(
        "  not reproduced  all shapes have the same best learning rate: best optimizer.lr 0.001: g"
    )
    assert said[2].startswith("  not reproduced  fast_sigmoid works over the widest range: fast_sigmoid 1, ")


def test_table_and_footer_hold_the_numbers(whole: tuple[Path, list[str]]) -> None:
    markdown = (whole[0] / "reports" / "digits" / "lr_sg.md").read_text()
    assert "| fast_sigmoid | 0.003 | 3 of 3 | 1.435 ± 0.011 | 0.6502 ± 0.0021 |" in markdown
    assert re.search(
        r"\ncommit 0000000000 · seeds 0, 1, 2 · data Digits · runs of 20\d\d-\d\d-\d\d \(UTC\)\n$", markdown
    )
    entry = json.loads((whole[0] / "reports" / "digits" / "lr_sg.json").read_text())
    assert entry["scale"] == "reduced"
    assert [judgement["verdict"] for judgement in entry["judgements"]] == ["reproduced"] * 3


def test_report_without_any_run(tmp_path: Path) -> None:
    said = lines(tmp_path)
    assert said[0] == "digits/lr_sg (reduced scale), 90 runs: 90 missing"
    assert all("no data yet" in line for line in said[1:4])


def test_a_name_needs_no_prefix(tmp_path: Path) -> None:
    assert lines(tmp_path, LR_SG) == lines(tmp_path, f"experiment={LR_SG}")


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["experiment=digits/lr_gs"], "experiment=digits/lr_gs: there is no experiment or paper of this name"),
        (["experiment=stabilizing/base"], "experiment=stabilizing/base: has no report"),
        (
            ["experiment=digits", "seed=1"],
            "seed=1: a report is of a whole experiment; only experiment=, paths. and allow=",
        ),
        (["digits/lr_sg", "experiment="], "experiment=: there is no experiment or paper of this name"),  # and not all
        (["paths.outputs=x"], "experiment= is missing: name experiments, papers or all"),
    ],
)
def test_mistakes_are_one_line(words: list[str], line: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(line)}"):
        list(publish.publish(words))


def test_an_experiment_of_a_further_folder_has_a_report(tmp_path: Path) -> None:
    folder = tmp_path / "conf" / "experiment" / "mine"
    folder.mkdir(parents=True)
    derived = "# @package _global_\ndefaults: [/experiment/digits/lr_sg, _self_]\nreport: {title: Mine}\n"
    (folder / "lr.yaml").write_text(derived)
    words = [f"paths.outputs={tmp_path}", "allow=[mylab]"]
    for name in ("mine/lr", "mine"):
        said = list(publish.publish([f"experiment={name}", *words], tmp_path / "conf"))
        assert said[0] == "mine/lr (reduced scale), 90 runs: 90 missing"
    page = (tmp_path / "reports" / "index.html").read_text()
    assert 'Mine <span class="note">mine/lr (reduced)' in page
    assert "digits/lr_sg" in page
    (folder / "lost.yaml").write_text(derived.replace("lr_sg", "lost"))
    with pytest.raises(
        UserError, match=r"^experiment=digits/lost: another experiment is derived from it, and there is no"
    ):
        list(publish.publish(["experiment=mine", *words], tmp_path / "conf"))


def test_outputs_that_cannot_be_written_are_one_line(tmp_path: Path) -> None:
    (tmp_path / "reports").touch()
    with pytest.raises(
        UserError, match=r"paths\.outputs=.*: reports can't be written there \(Not a directory|\(File ex"
    ):
        lines(tmp_path)


def test_command_imports_no_torch(tmp_path: Path) -> None:
    program = (
        "import runpy, sys; sys.argv = ['report.py', *sys.argv[1:]]; "
        "runpy.run_path('scripts/report.py', run_name='__main__'); "
        "assert not {'torch', 'lightning', 'wandb', 'tonic'} & sys.modules.keys()"
    )
    command = [sys.executable, "-W", "error", "-c", program, f"experiment={LR_SG}", f"paths.outputs={tmp_path}"]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "90 missing" in done.stdout


def count_opened(action: Callable[[], object], below: Path) -> int:
    """How many files below a folder an action opens."""
    opened: list[str] = []
    listening = True

    def listen(event: str, arguments: tuple[object, ...]) -> None:
        if listening and event == "open" and str(arguments[0]).startswith(str(below)):
            opened.append(str(arguments[0]))

    sys.addaudithook(listen)  # there is no way to take one away
    action()
    listening = False
    return len(opened)


def test_reading_two_thousand_runs_opens_each_once(tmp_path: Path) -> None:
    plan = [
        Planned(f"{number:012x}", "done", {"sg": f"s{number % 20}", "lr": f"{number // 20 % 20}"}, number // 400)
        for number in range(2000)
    ]
    for run in plan:
        write_plainly(tmp_path, run.id, {f"val/metric{place}": float(place) for place in range(20)})
    opened = count_opened(lambda: read(tmp_path, plan), tmp_path)
    assert opened == 2000
    frame = cells(read(tmp_path, plan), ["val/metric3", "val/metric4"])
    assert len(frame) == 400
    assert set(frame["n"]) == {5}


def test_a_report_opens_three_files_a_run(whole: tuple[Path, list[str]]) -> None:
    """Result and lock for its state, result for its numbers; never as often as there are claims or cells."""
    outputs, _ = whole
    assert count_opened(lambda: lines(outputs), outputs / "runs") == 3 * 90


CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
MEASURE = """<style>html { width: WIDTHpx }</style><script>
const errors = [];
addEventListener("error", event => errors.push(event.message));
addEventListener("load", () => setTimeout(() => {
  const boxes = kind => [...document.querySelectorAll(kind)].map(e => e.getBoundingClientRect());
  document.title = JSON.stringify({
    errors,
    charts: boxes(".js-plotly-plot .main-svg").length / 3,
    lines: document.querySelectorAll(".scatterlayer .js-line[style*='stroke-width: 2px']").length,
    points: document.querySelectorAll(".point").length,
    narrowest: Math.min(...boxes(".js-plotly-plot").map(box => box.width)),
    right: Math.max(...boxes("body > *, section > *, .js-plotly-plot, .cartesianlayer").map(box => box.right)),
  });
}, 500));
</script>"""


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize("kind", ["whole", "torn"])
@pytest.mark.parametrize("width", [390, 1100])
def test_browser_draws_the_figure(kind: str, width: int, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    assert CHROMIUM is not None
    outputs, _ = request.getfixturevalue(kind)
    shutil.copytree(outputs / "reports", tmp_path / "reports")
    page = tmp_path / "reports" / "digits" / "lr_sg.html"
    page.write_text(page.read_text().replace("<body>", "<body>" + MEASURE.replace("WIDTH", str(width))))
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    flags += " --disable-component-update --disable-sync --virtual-time-budget=8000 --dump-dom"
    window = ["--window-size=1200,900", f"--user-data-dir={tmp_path / 'profile'}"]
    command = [CHROMIUM, *flags.split(), *window, "--host-resolver-rules=MAP * ~NOTFOUND", page.as_uri()]
    dom = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout
    title = re.search("<title>(.*?)</title>", dom)
    assert title is not None
    seen = json.loads(title[1])
    assert seen["errors"] == []
    assert seen["charts"] == 2
    assert seen["lines"] == 2 * (6 if kind == "whole" else 5)  # no run of the rectangle is done
    assert seen["points"] == 2 * (30 if kind == "whole" else 24)
    assert 330 < seen["narrowest"] <= width
    assert seen["right"] <= width


def test_a_report_of_more_runs_is_kept(tmp_path: Path) -> None:
    jobs = planned()
    fill(tmp_path / "runs", jobs)
    lines(tmp_path)
    report = tmp_path / "reports" / "digits" / "lr_sg.md"
    before = report.read_bytes()
    shutil.rmtree(tmp_path / "runs" / jobs[0].id)
    entry = report.with_suffix(".json")
    kept = f"  not written: the report there rests on 90 runs, here are 89; without {entry} it is replaced"
    assert kept in lines(tmp_path)
    assert report.read_bytes() == before
    entry.unlink()
    assert kept not in lines(tmp_path)
    assert "89 done, 1 missing" in report.read_text()
