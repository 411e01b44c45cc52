"""What a sweep says of itself, from a file that several processes write."""

import re
from pathlib import Path

import pytest

from snnexp.errors import UserError
from snnexp.journal import Entry, Journal, clock, progress
from snnexp.sweep import State
from tests.runs import server


def write_many(folder: Path, first: int) -> None:
    for number in range(first, first + 50):
        Journal(folder).note(Entry(number, State.RUNNING))
        Journal(folder).note(Entry(number, State.DONE, 1.0))


def test_several_processes_lose_no_line(tmp_path: Path) -> None:
    Journal(tmp_path).start()
    with server().Pool(3) as pool:
        pool.starmap(write_many, [(tmp_path, first) for first in (0, 50, 100)])
    entries = Journal(tmp_path).note(Entry(150, State.RUNNING))
    assert sorted(entry.number for entry in entries) == list(range(151))
    assert progress(entries, 160)[:4] == (150, 1, 0, 9)


def test_progress_counts_every_job_once_by_its_latest_entry() -> None:
    entries = [Entry(0, State.DONE, 10.0), Entry(1, State.FAILED, 20.0), Entry(2, State.DIVERGED, 30.0)]
    entries += [Entry(3, State.DONE), Entry(4, State.RUNNING)]
    found = progress(entries, 10)
    assert found == (3, 1, 1, 5, 20.0 * (5 + 1) / 2)
    assert str(found) == "3 done, 1 running, 1 failed, 5 left, 1:00 to go"


def test_no_time_is_known_before_a_run_has_ended() -> None:
    assert str(progress([Entry(0, State.RUNNING)], 4)) == "0 done, 1 running, 0 failed, 3 left"


def test_starting_forgets_a_sweep_before_in_the_same_folder(tmp_path: Path) -> None:
    Journal(tmp_path).start()
    Journal(tmp_path).note(Entry(0, State.DONE))
    Journal(tmp_path).start()
    assert Journal(tmp_path).note(Entry(1, State.RUNNING)) == [Entry(1, State.RUNNING)]


def test_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    folder = re.escape(f"{tmp_path}/file/sweep")
    with pytest.raises(UserError, match=rf"^{folder}: .*paths\.outputs, can't be written \(Not a directory\)$"):
        Journal(tmp_path / "file" / "sweep").start()


@pytest.mark.parametrize(("seconds", "shown"), [(0.4, "0:00"), (59.6, "1:00"), (3599, "59:59"), (7322, "2:02:02")])
def test_clock(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown
