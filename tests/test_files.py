"""Files survive what interrupts their writing."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from snnexp.errors import UserError
from snnexp.files import append_line, fill, read_lines, write_atomically


@pytest.mark.parametrize("content", ["", "γ = 0.3\n", b"\x00\xff"])
def test_content_arrives_and_nothing_else_is_left(tmp_path: Path, content: str | bytes) -> None:
    path = tmp_path / "result.json"
    path.write_text("old")
    write_atomically(path, content)
    assert path.read_bytes() == (content.encode() if isinstance(content, str) else content)
    assert list(tmp_path.iterdir()) == [path]


def test_pieces_arrive_one_after_the_other(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", iter([b"one", memoryview(b" two"), b""]))
    assert (tmp_path / "a").read_bytes() == b"one two"


def test_failed_write_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "result.json"
    path.write_text("old")

    def full(_: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_atomically(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_new_file_is_synced_before_it_is_named_and_its_folder_after(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "result.json"
    named_at_sync: list[bool] = []
    monkeypatch.setattr(os, "fsync", lambda _: named_at_sync.append(path.exists()))
    write_atomically(path, "new")
    assert named_at_sync == [False, True]


def test_file_is_as_readable_as_any_other(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    write_atomically(tmp_path / "atomic", "")
    assert (tmp_path / "atomic").stat().st_mode == (tmp_path / "plain").stat().st_mode


LINES = st.lists(st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=8), max_size=5)


@settings(deadline=None, max_examples=40)  # every line waits for the disk
@given(before=LINES, torn=st.binary(max_size=8).filter(lambda tail: b"\n" not in tail), after=LINES)
def test_torn_line_is_neither_read_nor_continued(
    tmp_path_factory: pytest.TempPathFactory, before: list[str], torn: bytes, after: list[str]
) -> None:
    path = tmp_path_factory.mktemp("lines") / "metrics.jsonl"
    for line in before:
        append_line(path, line)
    with path.open("ab") as file:
        file.write(torn)
    assert read_lines(path) == before
    for line in after:
        append_line(path, line)
    assert read_lines(path) == before + after


def test_killed_writer_leaves_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    program = (
        "import sys; from pathlib import Path; from snnexp.files import append_line\n"
        "for n in range(10**9):\n"
        "    append_line(Path(sys.argv[1]), f'{n} ' * 50)\n"
        "    print(flush=True)\n"
    )
    writer = subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    for _ in range(20):
        writer.stdout.readline()
    writer.send_signal(signal.SIGKILL)
    writer.communicate()
    lines = read_lines(path)
    assert len(lines) >= 20
    assert lines == [f"{n} " * 50 for n in range(len(lines))]


def test_fill_replaces_what_lies_between_the_marks(tmp_path: Path) -> None:
    path = tmp_path / "README.md"
    path.write_text("a\n<!-- one -->\nold\n<!-- end -->\nb\n<!-- two -->\nkept\n<!-- end -->\n")
    fill(path, "one", "new\n")
    assert path.read_text() == "a\n<!-- one -->\nnew\n<!-- end -->\nb\n<!-- two -->\nkept\n<!-- end -->\n"
    with pytest.raises(UserError, match="the lines <!-- three --> and <!-- end --> are missing"):
        fill(path, "three", "lost\n")
    with pytest.raises(UserError, match=r"absent\.md cannot be read: No such file or directory$"):
        fill(tmp_path / "absent.md", "one", "lost\n")
