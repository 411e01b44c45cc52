import os
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from snnexp.data.cache import Arrays, cached

MADE = {
    "gaps": np.arange(1000, dtype=np.uint8),
    "ends": np.array([3, 1000]),
    "none": np.empty((0, 4), np.float32),
    "cube": np.arange(24, dtype=np.int16).reshape(2, 3, 4),
}


class Source:
    """A file and what is made of it; counts how often."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.made = folder, 0
        self.file = folder / "part" / "a.h5"
        self.file.parent.mkdir()
        self.file.write_bytes(b"one")

    def make(self) -> Arrays:
        self.made += 1
        return {"content": np.frombuffer(self.file.read_bytes(), np.uint8), **MADE}

    def arrays(self, **transform: Any) -> Arrays:
        return cached(self.folder, [self.file], transform, self.make)

    def stored(self) -> list[Path]:
        return sorted((self.folder / ".cache").iterdir())


@pytest.fixture
def source(tmp_path: Path) -> Source:
    return Source(tmp_path)


def assert_whole(arrays: Arrays) -> None:
    assert list(arrays)[1:] == list(MADE)
    for name, array in MADE.items():
        assert arrays[name].dtype == array.dtype
        assert np.array_equal(arrays[name], array)


def test_made_once_and_then_mapped(source: Source) -> None:
    for _ in range(3):
        assert_whole(source.arrays(step_us=4000))
    assert source.made == 1
    arrays = source.arrays(step_us=4000)
    assert not arrays["gaps"].flags.writeable
    assert not arrays["gaps"].flags.owndata
    assert all(array.ctypes.data % 64 == 0 for array in arrays.values() if array.size)


def test_another_transform_is_another_entry(source: Source) -> None:
    source.arrays(step_us=4000)
    source.arrays(step_us=2000)
    source.arrays(step_us=4000, version=2)
    assert source.made == 3
    source.arrays(step_us=4000)
    assert source.made == 3
    assert len(source.stored()) == 3


def test_a_changed_file_is_read_again(source: Source) -> None:
    assert bytes(source.arrays()["content"]) == b"one"
    source.file.write_bytes(b"two")
    os.utime(source.file, ns=(0, 10**18))
    assert bytes(source.arrays()["content"]) == b"two"
    source.file.write_bytes(b"three")
    os.utime(source.file, ns=(0, 10**18))
    assert bytes(source.arrays()["content"]) == b"three"


@pytest.mark.parametrize("place", [0, 30, 200, -1200, -1100, -200, -100])
def test_a_flipped_byte_is_found_and_mended(source: Source, place: int) -> None:
    source.arrays()
    (path,) = source.stored()
    right = path.read_bytes()
    content = bytearray(right)
    content[place] ^= 0x11
    path.write_bytes(content)
    assert_whole(source.arrays())
    assert path.read_bytes() in (right, bytes(content))  # a flipped byte of padding harms nothing
    assert source.made == (1 if path.read_bytes() != right else 2)


@pytest.mark.parametrize("keep", [0, 10, 300, 1000, -70])
def test_a_torn_entry_is_made_again(source: Source, keep: int) -> None:
    source.arrays()
    (path,) = source.stored()
    right = path.read_bytes()
    path.write_bytes(right[:keep])
    assert_whole(source.arrays())
    assert source.made == 2
    assert path.read_bytes() == right


def test_what_is_no_entry_is_replaced(source: Source) -> None:
    source.arrays()
    (path,) = source.stored()
    for content in (b"[]\n", b"{}\n", b"null\n", b'{"key": 3, "arrays": 4}\n', b"\xff\xfe\n"):
        path.write_bytes(content)
        assert_whole(source.arrays())


def test_objects_are_neither_stored_nor_read(source: Source) -> None:
    source.arrays()
    (path,) = source.stored()
    path.write_bytes(path.read_bytes().replace(b'"|u1"', b'"|O8"'))
    assert_whole(source.arrays())
    assert source.made == 2


def test_nothing_is_stored_where_making_fails(source: Source) -> None:
    def fail() -> Arrays:
        raise ValueError("no events")

    with pytest.raises(ValueError, match="no events"):
        cached(source.folder, [source.file], {}, fail)
    assert not (source.folder / ".cache").exists()


def test_a_folder_that_cannot_be_written_is_said_in_one_line(source: Source) -> None:
    (source.folder / ".cache").touch()
    with pytest.warns(UserWarning, match=r"\.arrays cannot be written \(.*\): every run will read the files anew$"):
        arrays = source.arrays()
    assert_whole(arrays)


def test_an_unfinished_write_leaves_no_entry(source: Source) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (500, hard))
    try:
        with pytest.warns(UserWarning, match="File too large"):
            assert_whole(source.arrays())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert source.stored() == []
