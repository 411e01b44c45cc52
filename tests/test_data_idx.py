import gzip
from hashlib import md5
from pathlib import Path

import numpy as np
import pytest

from snnexp.data.idx import read_idx
from snnexp.data.published import File, Published
from snnexp.errors import DataError

VALUES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
WHOLE = b"\x00\x00\x08\x03" + np.array(VALUES.shape, ">u4").tobytes() + VALUES.tobytes()


def published(root: Path, content: bytes) -> Published:
    (root / "toy").mkdir()
    (root / "toy" / "a.gz").write_bytes(content)
    return Published("toy", (), {"a.gz": File(md5(content).hexdigest())})


def test_reads_what_was_written(tmp_path: Path) -> None:
    array = read_idx(published(tmp_path, gzip.compress(WHOLE, mtime=0)), tmp_path, "a.gz")
    assert array.dtype == np.uint8
    assert np.array_equal(array, VALUES)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (gzip.compress(WHOLE, mtime=0)[:-9], "not a whole gzip file"),
        (WHOLE, "not a whole gzip file"),
        (gzip.compress(b"", mtime=0), "not an idx file"),
        (gzip.compress(b"\x00\x00\x0d" + WHOLE[3:], mtime=0), "not an idx file of unsigned bytes"),
        (gzip.compress(WHOLE[:-1], mtime=0), "has 23 values, not the 24 of its header"),
    ],
)
def test_other_content_is_one_line(tmp_path: Path, content: bytes, line: str) -> None:
    with pytest.raises(DataError, match=line) as caught:
        read_idx(published(tmp_path, content), tmp_path, "a.gz")
    assert str(caught.value).startswith(str(tmp_path / "toy" / "a.gz"))
    assert "\n" not in str(caught.value)


def test_another_file_names_the_command(tmp_path: Path) -> None:
    toy = published(tmp_path, gzip.compress(WHOLE, mtime=0))
    path = tmp_path / "toy" / "a.gz"
    path.write_bytes(path.read_bytes()[:-1])
    command = f"python scripts/fetch_data.py toy --root {tmp_path}"
    with pytest.raises(DataError, match=rf"^{path} is not the published file .*{command}$"):
        read_idx(toy, tmp_path, "a.gz")
    path.unlink()
    with pytest.raises(DataError, match=rf"^{path} cannot be read \(No such .*set paths.data.*{command}$"):
        read_idx(toy, tmp_path, "a.gz")
