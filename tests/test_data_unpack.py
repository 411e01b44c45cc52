import gzip
import io
import tarfile
import zipfile
from pathlib import Path
from stat import S_IFLNK, S_IFREG

import pytest

from snnexp.data.unpack import unpack
from snnexp.errors import DataError


def zipped(path: Path, members: dict[str, bytes], kind: int = S_IFREG) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in members.items():
            member = zipfile.ZipInfo(name)
            member.external_attr = (kind | 0o755) << 16
            file.writestr(member, content)
    return path


def tarred(path: Path, members: dict[str, bytes], kind: bytes = tarfile.REGTYPE) -> Path:
    with tarfile.open(path, "w:gz") as file:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.type, member.size, member.mode, member.linkname = kind, len(content), 0o755, "/etc/passwd"
            file.addfile(member, io.BytesIO(content))
    return path


MAKERS = {"a.zip": zipped, "a.tar.gz": tarred}
MEMBERS = {"README": b"no", "top/Train/0/1.bin": b"one", "top/Train/2.bin": bytes(3000), "top/Trainer/x": b"no"}


@pytest.mark.parametrize("name", MAKERS)
def test_what_is_wanted_comes_beside_the_archive(name: str, tmp_path: Path) -> None:
    archive = MAKERS[name](tmp_path / name, MEMBERS)
    assert unpack(archive, "top/Train") == tmp_path / "Train"
    files = {str(path.relative_to(tmp_path)): path for path in tmp_path.rglob("*") if path.is_file()}
    assert set(files) == {name, "Train/0/1.bin", "Train/2.bin"}
    assert files["Train/0/1.bin"].read_bytes() == b"one"
    assert not files["Train/0/1.bin"].stat().st_mode & 0o111


def test_one_file_of_a_zip_and_of_a_gzip(tmp_path: Path) -> None:
    assert unpack(zipped(tmp_path / "a.h5.zip", {"a.h5": b"spikes"}), "a.h5").read_bytes() == b"spikes"
    (tmp_path / "b.h5.gz").write_bytes(gzip.compress(b"more"))
    assert unpack(tmp_path / "b.h5.gz", "b.h5").read_bytes() == b"more"


@pytest.mark.parametrize("evil", ["../evil", "/tmp/evil", "top/../../evil", "top\\..\\evil"])
@pytest.mark.parametrize("name", MAKERS)
def test_no_path_leaves_the_folder(name: str, evil: str, tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    archive = MAKERS[name](tmp_path / "in" / name, {**MEMBERS, evil: b"evil"})
    with pytest.raises(DataError, match="would lie outside of the folder; nothing was unpacked"):
        unpack(archive, "top/Train")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [archive]


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_a_tar_has_plain_files_only(kind: bytes, tmp_path: Path) -> None:
    archive = tarred(tmp_path / "a.tar.gz", {"top/Train/1.bin": b""}, kind)
    with pytest.raises(DataError, match=r"'top/Train/1\.bin' is not a plain file; nothing was unpacked"):
        unpack(archive, "top/Train")
    assert list(tmp_path.iterdir()) == [archive]


def test_a_zip_has_plain_files_only(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"top/Train/1.bin": b"/etc/passwd"}, S_IFLNK)
    with pytest.raises(DataError, match="is not a plain file"):
        unpack(archive, "top/Train")
    assert list(tmp_path.iterdir()) == [archive]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_nothing_is_written_twice(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as file:
        file.writestr("Train/1", b"one")
        file.writestr("Train/1", b"two")
    with pytest.raises(DataError, match="Train/1 is there twice"):
        unpack(tmp_path / "a.zip", "Train")


@pytest.mark.parametrize("keep", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("name", MAKERS)
def test_a_torn_archive_gives_nothing(name: str, keep: float, tmp_path: Path) -> None:
    archive = MAKERS[name](tmp_path / name, {f"Train/{k}": bytes([k]) * 500 + bytes(range(256)) for k in range(40)})
    archive.write_bytes(archive.read_bytes()[: int(keep * archive.stat().st_size)])
    with pytest.raises(DataError, match=f"{name}"):
        unpack(archive, "Train")
    assert list(tmp_path.iterdir()) == [archive]


def test_a_flipped_bit_gives_nothing(tmp_path: Path) -> None:
    archive = zipped(tmp_path / "a.zip", {"Train/1": bytes(range(256)) * 40})
    content = bytearray(archive.read_bytes())
    content[60] ^= 1
    archive.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.zip is damaged: "):
        unpack(archive, "Train")
    assert list(tmp_path.iterdir()) == [archive]


def test_what_is_not_inside_is_said(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.zip does not hold Train"):
        unpack(zipped(tmp_path / "a.zip", {"Test/1": b""}), "Train")
    (tmp_path / "page.zip").write_bytes(b"<html>")
    with pytest.raises(DataError, match="is no zip, tar or gz file"):
        unpack(tmp_path / "page.zip", "Train")


def test_leftovers_of_a_killed_attempt_do_not_count(tmp_path: Path) -> None:
    (tmp_path / ".a.zip.unpacked" / "Train").mkdir(parents=True)
    (tmp_path / ".a.zip.unpacked" / "Train" / "half").touch()
    unpack(zipped(tmp_path / "a.zip", {"Train/1": b""}), "Train")
    assert [path.name for path in (tmp_path / "Train").iterdir()] == ["1"]
