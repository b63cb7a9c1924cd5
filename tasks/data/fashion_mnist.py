"""Data that is fetched by the user and converted once: Fashion-MNIST.

Fashion-MNIST (Xiao, Rasul and Vollgraf, arXiv 1708.07747; MIT licence): 60,000 training and 10,000 test photographs of
Zalando's articles, 28x28, one channel, ten classes. The original idx files come with torchvision's download or with
Debian's package ``dataset-fashion-mnist``; the two are compressed differently, so what is checked is the SHA-256 of the
decompressed files, which is that of the published ones in both.
"""

from __future__ import annotations

import gzip
import hashlib
import sys
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from harness.errors import UserError
from harness.paths import data_root, user_path
from harness.texts import first_line
from tasks.data.fashion_files import CURE, debian_folder
from tasks.data.parquet import reading_parquet
from tasks.data.writing import whole_data_file

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

Split = Literal["train", "test"]


@dataclass(frozen=True)
class IdxPair:
    """The two idx files of a split, their number of images, and the SHA-256 of each when decompressed."""

    images: str
    labels: str
    count: int
    images_sha256: str
    labels_sha256: str


FILES: dict[str, IdxPair] = {
    "train": IdxPair(
        "train-images-idx3-ubyte",
        "train-labels-idx1-ubyte",
        60_000,
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    ),
    "test": IdxPair(
        "t10k-images-idx3-ubyte",
        "t10k-labels-idx1-ubyte",
        10_000,
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
}
SIDE = 28


def fashion_mnist(source: str | None = None, fetch: bool = False) -> Path:
    """Convert Fashion-MNIST to Parquet under the data folder, print what was written, and return its folder.

    ``source`` is a folder with the four idx files, ``.gz`` or not, or the root that torchvision downloaded into;
    ``None`` means what is prepared already, else Debian's folder, else what ``fetch`` gets over the network. Raises
    UserError, and leaves what was there before, when a file is missing, truncated, or not the published one.
    """
    folder = _prepared_folder()
    if source is None and all((folder / f"{split}.parquet").is_file() for split in FILES):
        print(f"fashion-mnist is already prepared in {folder}")
        return folder
    if source is None and not debian_folder().is_dir():
        if not fetch:
            raise UserError(f"Fashion-MNIST is not on this machine: {CURE}")
        from tasks.data.fetching import fetch_fashion

        fetch_fashion(_convert)
    else:
        _convert(debian_folder() if source is None else user_path(source))
    counts = ", ".join(f"{pair.count:,} {split}" for split, pair in FILES.items())
    print(f"fashion-mnist: {counts} images of {SIDE}x{SIDE}")
    return folder


def fashion_at_hand() -> bool:
    """Whether :func:`open_fashion` will find the test images, without opening them."""
    return (_prepared_folder() / "test.parquet").is_file() or debian_folder().is_dir()


def open_fashion(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """(images uint8 ``count 28 28``, labels int64 ``count``) of "train" or "test", checked against published digests.

    Prepares the data on first use where Debian's files are installed; raises UserError with the command otherwise.
    """
    import numpy as np
    import pyarrow.parquet as pq

    path = _prepared_folder() / f"{split}.parquet"
    if not path.is_file():
        if not debian_folder().is_dir():
            raise UserError(f"Fashion-MNIST is not prepared (no {path}): {CURE}")
        _convert(debian_folder())
        print(f"fashion-mnist: prepared from {debian_folder()} in {path.parent}", file=sys.stderr)
    pair = FILES[split]
    with reading_parquet(f"{path} cannot be read", "delete it and prepare again"):
        table = pq.read_table(path).combine_chunks()
        images = table["image"].chunk(0).values.to_numpy().reshape(-1, SIDE, SIDE)
        labels = table["label"].to_numpy().astype(np.int64)
    header = _idx_header(0x803, len(images), SIDE, SIDE), _idx_header(0x801, len(labels))
    found = (
        hashlib.sha256(header[0] + np.ascontiguousarray(images).tobytes()).hexdigest(),
        hashlib.sha256(header[1] + labels.astype(np.uint8).tobytes()).hexdigest(),
    )
    if found != (pair.images_sha256, pair.labels_sha256):
        raise UserError(f"{path} is not Fashion-MNIST's {split} split any more: delete it and prepare again")
    return images, labels


def padded_rgb(images: np.ndarray, side: int = 32) -> np.ndarray:
    """Grey uint8 ``count 28 28`` as RGB uint8 ``count side side 3``: black pixels around, the channel repeated."""
    import numpy as np

    margin = (side - SIDE) // 2
    padded = np.pad(images, ((0, 0), (margin, margin), (margin, margin)))
    return np.repeat(padded[..., None], 3, axis=-1)


# ------------------------------------------------------------------------------------------------ from idx to Parquet


def _prepared_folder() -> Path:
    return data_root() / "fashion-mnist"


def _idx_header(magic: int, *sizes: int) -> bytes:
    return b"".join(number.to_bytes(4, "big") for number in (magic, *sizes))


def _convert(source: Path) -> None:
    """Read and check both splits first, write after: a bad source changes nothing."""
    if not source.is_dir():
        raise UserError(f"{source} is not a folder: {CURE}")
    tables = {split: _read_split(source, pair) for split, pair in FILES.items()}
    for split, table in tables.items():
        _write(table, _prepared_folder() / f"{split}.parquet")


def _read_split(source: Path, pair: IdxPair) -> pa.Table:
    import numpy as np
    import pyarrow as pa

    pixels = _read_idx(source, pair.images, _idx_header(0x803, pair.count, SIDE, SIDE), pair.images_sha256)
    labels = _read_idx(source, pair.labels, _idx_header(0x801, pair.count), pair.labels_sha256)
    # Hugging Face datasets reads a fixed-size list as Sequence(uint8, length=784), NumPy reads it without a copy.
    image = pa.FixedSizeListArray.from_arrays(pa.array(np.frombuffer(pixels, np.uint8)), SIDE * SIDE)
    label = pa.array(np.frombuffer(labels, np.uint8).astype(np.int64))
    return pa.table({"image": image, "label": label})


def _read_idx(source: Path, name: str, header: bytes, sha256: str) -> bytes:
    """What follows the header of an idx file, found in any of the layouts in use."""
    folders = (source, source / "raw", source / "FashionMNIST" / "raw")
    places = [folder / file for folder in folders for file in (f"{name}.gz", name)]
    path = next((place for place in places if place.is_file()), None)
    if path is None:
        raise UserError(f"{source} has no {name}.gz: {CURE}")
    size = int.from_bytes(header[4:8], "big") * (SIDE * SIDE if len(header) > 8 else 1) + len(header)
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            data = file.read(size + 1)  # one more than the published file has: a larger one is not unpacked further
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{path} is truncated or damaged ({first_line(error)}): fetch it again") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        what = "is not Fashion-MNIST's file" if data.startswith(header) else f"is not an idx file of {name}"
        raise UserError(f"{path} {what} (its SHA-256 differs from the published one): fetch it again")
    return data[len(header) :]


def _write(table: pa.Table, path: Path) -> None:
    import pyarrow.parquet as pq

    with whole_data_file(path) as file:
        pq.write_table(table, file, compression="zstd", row_group_size=10_000)
