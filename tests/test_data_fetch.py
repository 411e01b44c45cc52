import os
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from hashlib import md5
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from snnexp.data.fetch import fetch
from snnexp.data.published import Published
from snnexp.errors import DataError

CONTENT = bytes(range(256)) * 1000
ROOT = Path(__file__).parents[1]


class Quiet(SimpleHTTPRequestHandler):
    """Serves a folder; what lies under `cut/` breaks off in the middle."""

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        if not self.path.startswith("/cut/"):
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        self.wfile.write(CONTENT[: len(CONTENT) // 2])


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setenv("no_proxy", "*")
    for folder, content in {"whole": CONTENT, "other": b"<html>Not here any more</html>"}.items():
        (tmp_path / "served" / folder).mkdir(parents=True)
        (tmp_path / "served" / folder / "a.gz").write_bytes(content)
    handler = partial(Quiet, directory=str(tmp_path / "served"))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}/"
        running.shutdown()
        thread.join()


def toy(server: str, *folders: str) -> Published:
    return Published("toy", tuple(f"{server}{folder}/" for folder in folders), {"a.gz": md5(CONTENT).hexdigest()})


def files(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "data" / "toy").iterdir())


@pytest.mark.parametrize("before", [[], ["cut"], ["other"], ["absent"], ["cut", "other", "absent"]])
def test_the_first_mirror_with_the_published_file_gives_it(tmp_path: Path, server: str, before: list[str]) -> None:
    fetch(toy(server, *before, "whole"), tmp_path / "data")
    assert (tmp_path / "data" / "toy" / "a.gz").read_bytes() == CONTENT
    assert files(tmp_path) == ["a.gz"]


def test_a_server_that_is_not_there_is_passed_over(tmp_path: Path, server: str) -> None:
    dead = Published("toy", ("http://127.0.0.1:9/", f"{server}whole/"), {"a.gz": md5(CONTENT).hexdigest()})
    fetch(dead, tmp_path / "data")
    assert (tmp_path / "data" / "toy" / "a.gz").read_bytes() == CONTENT


def test_no_mirror_left_says_what_each_answered(tmp_path: Path, server: str) -> None:
    with pytest.raises(DataError) as caught:
        fetch(toy(server, "cut", "other", "absent"), tmp_path / "data")
    line = str(caught.value)
    assert "\n" not in line
    assert f"{server}other/: not the published file (30 bytes, md5 " in line
    assert f"{server}absent/: HTTP Error 404" in line
    assert f"{server}cut/: " in line
    assert files(tmp_path) == []


def test_a_wrong_file_is_replaced_only_by_the_right_one(tmp_path: Path, server: str) -> None:
    path = tmp_path / "data" / "toy" / "a.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"old")
    with pytest.raises(DataError):
        fetch(toy(server, "cut"), tmp_path / "data")
    assert path.read_bytes() == b"old"
    fetch(toy(server, "whole"), tmp_path / "data")
    assert path.read_bytes() == CONTENT


def test_a_right_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "data" / "toy" / "a.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    before = path.stat()
    fetch(Published("toy", ("http://127.0.0.1:9/",), {"a.gz": md5(CONTENT).hexdigest()}), tmp_path / "data")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def script(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "fetch_data.py"), *arguments]
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)


def test_script_names_the_data_sets_it_knows() -> None:
    answer = script("imagenet")
    assert answer.returncode == 2
    assert "mnist" in answer.stderr


@pytest.mark.data
def test_script_is_content_with_the_published_files() -> None:
    if "SNNEXP_DATA" not in os.environ:
        pytest.skip("SNNEXP_DATA does not name a folder with mnist/")
    answer = script("mnist")
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr.count(": there\n") == 4
