"""The page over all experiments."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from snnexp.reports import index
from snnexp.reports.standing import Asked, standings
from tests.test_standing import ASKED, example, write

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def page(reports: Path) -> Path:
    found = example(reports)
    return index.write(reports, found, lambda paper: f"The <{paper}> paper")


def test_numbers_figures_and_claims(tmp_path: Path) -> None:
    write(tmp_path, "mine/fig1", 5, "n")
    text = page(tmp_path).read_text()
    assert "3 reproduced · 1 not reproduced · 1 no data yet · 2 of 5 figures have a report" in text
    assert "1 not reproduced · 1 of 1 figures have a report" in text  # a question of our own, not in the sum
    assert "<h2>The &lt;stabilizing&gt; paper</h2>" in text
    assert '<img src="stabilizing/fig4_reduced.png" alt="" loading="lazy">' in text
    assert "stabilizing/fig4_reduced, reduced scale, 30 runs" in text
    assert '<span class="mark">stand-in data: speech for SHD</span>' in text
    claims = re.findall(r'<li title="(.*?)"><span class="verdict (.*?)">', text)
    assert claims[:2] == [("claim n: p = 0.5", "not-reproduced"), ("claim r: p = 0.5", "reproduced")]


def test_what_waits_is_folded_and_has_both_scales(tmp_path: Path) -> None:
    text = page(tmp_path).read_text()
    assert "<summary>Ready, not run: 3</summary>" in text  # fig4 has a report at the other scale only
    assert 'Which condition? <span class="note">stabilizing/fig4 (paper)</span>' in text


def test_many_claims_are_folded(tmp_path: Path) -> None:
    write(tmp_path, "theory/fig1", 5, "rrrrrrr-n")
    text = index.write(tmp_path, standings([Asked("theory/fig1", "Q", "paper", None)], tmp_path), str).read_text()
    shown, folded = text.split("<summary>and 4 more</summary>")
    assert (shown.count("<li "), folded.count("<li ")) == (index.SHOWN, 4)
    assert shown.index("not-reproduced</span>".replace("-", " ")) < shown.index('verdict reproduced"')


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize("width", [390, 1100])
def test_browser_keeps_within_the_window(width: int, tmp_path: Path) -> None:
    assert CHROMIUM is not None
    write(tmp_path, "robustness/fig3", 9, "rrr", stand_in=None)
    asked = [
        *ASKED,
        Asked("theory/fig1", "A question that runs on " * 9, "paper", "a very long name of other data " * 9),
    ]
    example(tmp_path)
    file = index.write(tmp_path, standings(asked, tmp_path), str)
    script = f"""<style>html {{ width: {width}px }}</style><script>addEventListener("load", () => {{
      const boxes = [...document.querySelectorAll("body *")].map(e => e.getBoundingClientRect());
      document.title = Math.max(...boxes.map(box => box.right));
    }});</script>"""
    file.write_text(file.read_text().replace("<body>", f"<body>{script}"))
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --virtual-time-budget=4000 --dump-dom"
    command = [CHROMIUM, *flags.split(), "--window-size=1200,900", f"--user-data-dir={tmp_path / 'profile'}"]
    dom = subprocess.run([*command, file.as_uri()], capture_output=True, text=True, check=True, timeout=60).stdout
    title = re.search("<title>(.*?)</title>", dom)
    assert title is not None
    assert 0.5 * width < float(title[1]) <= width
