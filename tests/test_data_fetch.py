"""Against a server on this machine that does what servers do: break off, stall, redirect, lie."""

import io
import os
import resource
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from hashlib import md5
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from types import SimpleNamespace

import pytest
from rich.console import Console

from snnexp.data.fetch import fetch
from snnexp.data.published import ALL, File, Published
from snnexp.errors import DataError

CONTENT = bytes(range(256)) * 1000
HALF = len(CONTENT) // 2
OTHER = b"<html>Not here any more</html>"
ROOT = Path(__file__).parents[1]


class Handler(BaseHTTPRequestHandler):
    """The first part of the path says how the file `content` is served; `seen` notes (path, Range)."""

    content: bytes
    seen: list[tuple[str, str | None]]

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_GET(self) -> None:
        self.seen.append((self.path, self.headers["Range"]))
        getattr(self, self.path.split("/")[1])()

    def send(self, status: int, body: bytes, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def start(self) -> int:
        return int((self.headers["Range"] or "bytes=0-")[6:-1])

    def ranges(self, most: int | None = None) -> None:
        """As a good server: continues where it is asked to; at most so many bytes an answer, if told so."""
        start, size = self.start(), len(self.content)
        if start >= size:
            return self.send(416, b"")
        rest = self.content[start:]
        headers = {"Content_Range": f"bytes {start}-{size - 1}/{size}"} if start else {}
        self.send(206 if start else 200, rest[:most], len(rest), **headers)

    def whole(self) -> None:
        """Ignores ranges."""
        self.send(200, self.content)

    def cut(self) -> None:
        """Ignores ranges, and breaks off always at the same place."""
        self.send(200, self.content[:HALF], len(self.content))

    def drops(self) -> None:
        """Breaks off again and again, but continues."""
        self.ranges(HALF // 3)

    def other(self) -> None:
        self.send(200, OTHER)

    def absent(self) -> None:
        self.send_error(404)

    def moved(self) -> None:
        self.send(302, b"", Location="/ranges/a.gz")

    def circle(self) -> None:
        self.send(302, b"", Location="/circle/a.gz")

    def short(self) -> None:
        """Says that the file is shorter than it is."""
        self.send(200, self.content, 100)

    def long(self) -> None:
        """Says that the file is longer than it is."""
        self.send(200, self.content, 2 * len(self.content))

    def endless(self) -> None:
        """Does not say how long the file is, and never stops."""
        self.send_response(200)
        self.end_headers()
        try:
            while True:
                self.wfile.write(self.content)
        except OSError:  # the other side has had enough
            pass

    def elsewhere(self) -> None:
        """Answers another range than was asked for."""
        self.send(206, self.content, Content_Range=f"bytes 0-{len(self.content) - 1}/{len(self.content)}")

    def stalls(self) -> None:
        self.send(200, self.content[:HALF], len(self.content))
        self.wfile.flush()
        time.sleep(1)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    monkeypatch.setenv("no_proxy", "*")
    handler = type("Serving", (Handler,), {"content": CONTENT, "seen": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as running:
        thread = Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield SimpleNamespace(url=f"http://127.0.0.1:{running.server_port}/", handler=handler)
        running.shutdown()
        thread.join()


Toy = Callable[..., Published]


@pytest.fixture
def toy(server: SimpleNamespace) -> Toy:
    def published(*ways: str, size: int | None = None, unpacks: str | None = None, name: str = "a.gz") -> Published:
        file = File(md5(server.handler.content).hexdigest(), size, unpacks)
        return Published("toy", tuple(f"{server.url}{way}/" for way in ways), {name: file})

    return published


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "data" / "toy"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def brought(folder: Path) -> Callable[..., str]:
    """Fetches; returns what was said."""

    def bring(published: Published, timeout: float = 5.0) -> str:
        said = io.StringIO()
        fetch(published, folder.parent, Console(file=said), timeout)
        return said.getvalue()

    return bring


Brought = Callable[..., str]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("size", [None, len(CONTENT)], ids=["size unknown", "size known"])
@pytest.mark.parametrize(
    "ways",
    [
        ["ranges"],
        ["drops"],
        ["moved"],
        ["cut", "ranges"],
        ["cut", "whole"],
        ["long", "whole"],
        ["short", "ranges"],
        ["other", "ranges"],
        ["circle", "whole"],
        ["absent", "whole"],
        ["elsewhere", "cut", "elsewhere", "drops"],
        ["cut", "other", "absent", "whole"],
    ],
    ids="-".join,
)
def test_the_first_mirror_with_the_published_file_gives_it(
    ways: list[str], size: int | None, toy: Toy, brought: Brought, folder: Path
) -> None:
    assert "MB, as published" in brought(toy(*ways, size=size))
    assert (folder / "a.gz").read_bytes() == CONTENT
    assert names(folder) == ["a.gz"]


def test_a_stalled_server_is_given_up_and_the_next_one_continues(
    toy: Toy, brought: Brought, folder: Path, server: SimpleNamespace
) -> None:
    brought(toy("stalls", "ranges"), timeout=0.1)
    assert (folder / "a.gz").read_bytes() == CONTENT
    assert server.handler.seen[-1] == ("/ranges/a.gz", f"bytes={HALF}-")


def test_a_server_without_an_end_is_stopped(toy: Toy, brought: Brought, folder: Path) -> None:
    with pytest.raises(DataError, match=r"endless/a\.gz: not the published file"):
        brought(toy("endless", size=len(CONTENT) + 1))
    assert names(folder) == []


def test_a_server_that_is_not_there_is_passed_over(toy: Toy, brought: Brought, folder: Path) -> None:
    published = toy("whole")
    brought(published._replace(mirrors=("http://127.0.0.1:9/", *published.mirrors)))
    assert (folder / "a.gz").read_bytes() == CONTENT


def test_whole_addresses_come_after_the_mirrors(toy: Toy, brought: Brought, server: SimpleNamespace) -> None:
    published = toy("absent")
    file = published.files["a.gz"]._replace(addresses=(f"{server.url}ranges/another_name",))
    brought(published._replace(files={"a.gz": file}))
    assert [path for path, _ in server.handler.seen] == ["/absent/a.gz", "/ranges/another_name"]


def test_no_mirror_left_says_what_each_did(toy: Toy, brought: Brought, folder: Path) -> None:
    with pytest.raises(DataError) as caught:
        brought(toy("other", "cut", "absent"))
    line = str(caught.value)
    assert "\n" not in line
    assert "/other/a.gz: not the published file (30 bytes, md5 " in line
    assert f"/cut/a.gz: broke off after {HALF} bytes" in line
    assert "/absent/a.gz: HTTP Error 404" in line
    assert names(folder) == ["a.gz.part"]


def test_what_broke_off_goes_on_where_it_was(toy: Toy, brought: Brought, folder: Path, server: SimpleNamespace) -> None:
    with pytest.raises(DataError):
        brought(toy("cut"))
    brought(toy("ranges"))
    assert (folder / "a.gz").read_bytes() == CONTENT
    assert server.handler.seen[-1][1] == f"bytes={HALF}-"


@pytest.mark.parametrize("way", ["ranges", "whole", "drops"])
@pytest.mark.parametrize("before", [b"of another file", CONTENT[:-1] + b"?", CONTENT + b"more"])
def test_a_wrong_beginning_is_thrown_away(before: bytes, way: str, toy: Toy, brought: Brought, folder: Path) -> None:
    (folder / "a.gz.part").write_bytes(before)
    brought(toy(way))
    assert (folder / "a.gz").read_bytes() == CONTENT
    assert names(folder) == ["a.gz"]


def test_a_whole_partial_file_needs_its_name_only(toy: Toy, brought: Brought, folder: Path) -> None:
    (folder / "a.gz.part").write_bytes(CONTENT)
    brought(toy())
    assert names(folder) == ["a.gz"]


def test_a_wrong_file_is_replaced_only_by_the_right_one(toy: Toy, brought: Brought, folder: Path) -> None:
    (folder / "a.gz").write_bytes(b"old")
    with pytest.raises(DataError):
        brought(toy("cut"))
    assert (folder / "a.gz").read_bytes() == b"old"
    brought(toy("whole"))
    assert (folder / "a.gz").read_bytes() == CONTENT


def test_a_right_file_is_left_alone(toy: Toy, brought: Brought, folder: Path) -> None:
    path = folder / "a.gz"
    path.write_bytes(CONTENT)
    before = path.stat()
    assert brought(toy()).endswith("a.gz: there\n")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_what_an_archive_would_give_is_enough(toy: Toy, brought: Brought, folder: Path) -> None:
    (folder / "a.h5").write_bytes(b"a user's")
    assert "a.h5: there" in brought(toy(unpacks="a.h5", name="a.h5.zip"))
    assert names(folder) == ["a.h5"]


def test_an_archive_is_unpacked_and_then_enough(
    toy: Toy, brought: Brought, folder: Path, server: SimpleNamespace
) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("top/Train/0/1.bin", b"events")
    server.handler.content = held.getvalue()
    assert "Train: unpacked" in brought(toy("ranges", unpacks="top/Train", name="train.zip"))
    assert (folder / "Train" / "0" / "1.bin").read_bytes() == b"events"
    assert "Train: there" in brought(toy(unpacks="top/Train", name="train.zip"))
    assert names(folder) == ["Train", "train.zip"]


def test_a_disk_that_takes_no_more_is_one_line(toy: Toy, brought: Brought, folder: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (HALF, hard))
    try:
        with pytest.raises(DataError, match=r"toy cannot be written: File too large$"):
            brought(toy("whole", "ranges"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(folder) == ["a.gz.part"]
    brought(toy("ranges"))
    assert (folder / "a.gz").read_bytes() == CONTENT


def test_room_is_asked_for_before_anything_is_fetched(toy: Toy, brought: Brought, server: SimpleNamespace) -> None:
    with pytest.raises(DataError, match=r"a\.gz: needs 1000000000000 MB, and \d+ MB are free; nothing was fetched"):
        brought(toy("whole", size=10**18))
    assert server.handler.seen == []


def test_a_folder_that_may_not_be_written_is_one_line(toy: Toy, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file/toy cannot be written: Not a directory$"):
        fetch(toy("whole"), tmp_path / "file", Console(file=io.StringIO()))
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    if os.access(closed, os.W_OK):
        pytest.skip("this user may write everywhere")
    with pytest.raises(DataError, match=r"closed/toy cannot be written: Permission denied$"):
        fetch(toy("whole"), closed, Console(file=io.StringIO()))


def test_two_at_once_do_not_mix(toy: Toy, brought: Brought, folder: Path) -> None:
    import fcntl

    with (folder / "a.gz.part").open("ab") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(DataError, match=r"a\.gz is being fetched by another process"):
            brought(toy("whole"))


def test_what_is_published_is_well_formed() -> None:
    assert len({each.name for each in ALL}) == len(ALL) == 9
    for published in ALL:
        for name, file in published.files.items():
            assert len(bytes.fromhex(file.md5)) == 16
            assert published.mirrors or file.addresses
            assert all(url.startswith("http") for url in (*published.mirrors, *file.addresses))
            assert all(mirror.endswith("/") for mirror in published.mirrors)
            assert (file.unpacks is None) == (not name.endswith((".zip", ".tar.gz")))


def script(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "scripts" / "fetch_data.py"), *arguments]
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True)


def test_script_names_the_data_sets_it_knows() -> None:
    answer = script("imagenet")
    assert answer.returncode == 2
    assert all(published.name in answer.stderr for published in ALL)


@pytest.mark.data
@pytest.mark.parametrize(
    ("name", "files"), [("mnist", 4), ("fashion_mnist", 4), ("ptb", 3), ("cifar10", 1), ("fsdd", 1)]
)
def test_script_is_content_with_the_published_files(name: str, files: int) -> None:
    root = os.environ.get("SNNEXP_DATA")
    if root is None or not (Path(root) / name).is_dir():
        pytest.skip(f"SNNEXP_DATA does not name a folder with {name}/")
    answer = script(name)
    assert answer.returncode == 0, answer.stderr
    assert answer.stderr.count(": there\n") == files
