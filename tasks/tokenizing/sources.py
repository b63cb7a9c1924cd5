"""Where test images come from: the embedded world, Fashion-MNIST, photographs that two Python packages ship, ImageNet's
validation split, a model that draws (``tasks.tokenizing.drawn``), or a folder.

``open_source`` turns what follows the ``@`` of a task's name into an ImageSource. Case ids are the join key of
every paired comparison: the number of a world scene or of a Fashion-MNIST image, the place of a photograph in its
package, the relative path of a file. ``revision`` changes with the content, and with nothing else.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from harness.contracts import Case
from harness.errors import UserError, nearest
from harness.images import load_rgb, to_bytes
from harness.paths import user_path
from harness.spec import canonical_json, path_safe
from harness.walk import PICTURES, storable, walk_pictures
from tasks.data.fashion_mnist import FILES, open_fashion, padded_rgb
from tasks.data.imagenet_val import ImageNetVal
from tasks.tokenizing.drawn import PREFIX, DrawnSource
from tasks.tokenizing.photographs import PHOTOGRAPHS, Photograph

if TYPE_CHECKING:
    import numpy as np
    from jaxtyping import UInt8


NAMES = ("world", "fashion", "photos", "imagenet-val")
WORLD_CASES = 1000
DIGITS = 16


class ImageSource(Protocol):
    """Test images with ids and facts."""

    @property
    def name(self) -> str:
        """Safe in a path."""
        ...

    @property
    def revision(self) -> str:
        """A digest of the content, part of the run's key."""
        ...

    @property
    def native_size(self) -> int | None:
        """The side of every image where all are square and alike: comparisons then happen at that size. None: they
        vary."""
        ...

    @property
    def about(self) -> str:
        """One line for fingerprints and tables: what the images are."""
        ...

    def cases(self) -> Sequence[Case]: ...

    def image(self, case: Case) -> UInt8[np.ndarray, "height width 3"]:
        """The picture of a case, as it is. Raises for a file that cannot be read."""
        ...


def open_source(argument: str) -> ImageSource:
    """The source that a task's argument names; "" is the world. Raises UserError for anything else than a name or a
    folder."""
    if argument in ("", "world"):
        return WorldSource()
    if argument == "fashion":
        return FashionSource()
    if argument == "photos":
        return PhotographSource()
    if argument.startswith(PREFIX):
        return DrawnSource(argument.removeprefix(PREFIX))
    name, _, path = argument.partition(":")
    if name == "imagenet-val":
        return ImageNetVal(path)
    folder = user_path(argument)
    if folder.is_dir():
        return FolderSource(folder)
    if folder.exists():
        raise UserError(f"'{argument}' is a file: give the folder that holds it")
    hint = nearest(argument, NAMES) if os.sep not in argument else ""
    raise UserError(f"no images at '{argument}': give a folder, {PREFIX}MODEL, or one of {', '.join(NAMES)}{hint}")


def numbered(case: Case) -> int:
    """The number at the end of a case's id."""
    return int(case.id.rpartition("-")[2])


@dataclass(frozen=True)
class _Content:
    """What a source of one size holds; made once per process, whatever number of tasks ask for it."""

    cases: tuple[Case, ...]
    pictures: UInt8[np.ndarray, "count 32 32 3"]
    revision: str


class WorldSource:
    """Scenes of the world's test split; the stratum ``held-out`` shows combinations that training never showed."""

    name = "world"
    native_size: int | None = 32
    about = "embedded world, test split"

    @property
    def revision(self) -> str:
        return _world().revision

    def cases(self) -> Sequence[Case]:
        return _world().cases

    def image(self, case: Case) -> UInt8[np.ndarray, "height width 3"]:
        picture: np.ndarray = _world().pictures[numbered(case)]
        return picture


@cache
def _world() -> _Content:
    from tasks.world.captions import caption
    from tasks.world.draw import draw
    from tasks.world.sampling import scenes_of

    batch = scenes_of("test", 0, WORLD_CASES)
    pictures = to_bytes(draw(batch))
    cases = []
    for number, scene in enumerate(batch.scenes()):
        name = f"world-test-{number:06d}"
        facts = {**scene.facts(), "caption": caption(scene)}
        cases.append(Case(name, name, "held-out" if scene.held_out else "seen", facts))
    truth = canonical_json([dict(case.facts) for case in cases]).encode()
    digest = hashlib.sha256(truth + pictures.tobytes()).hexdigest()
    return _Content(tuple(cases), pictures, f"world-{digest[:DIGITS]}")


class FashionSource:
    """Fashion-MNIST's 10,000 test images, padded to 32x32 RGB; scores look at the 28x28 inside, one channel."""

    name = "fashion"
    data = ("fashion-mnist",)
    native_size: int | None = 32
    about = "Fashion-MNIST test split, 28x28 grey padded to 32x32 RGB"

    @property
    def revision(self) -> str:
        return _fashion().revision

    def cases(self) -> Sequence[Case]:
        return _fashion().cases

    def image(self, case: Case) -> UInt8[np.ndarray, "height width 3"]:
        picture: np.ndarray = _fashion().pictures[numbered(case)]
        return picture


@cache
def _fashion() -> _Content:
    images, labels = open_fashion("test")
    cases = []
    for number, label in enumerate(labels.tolist()):
        name = f"fashion-test-{number:05d}"
        cases.append(Case(name, name, "", {"crop": [2, 2, 28, 28], "grey": True, "label": label}))
    return _Content(tuple(cases), padded_rgb(images), f"fashion-mnist-{FILES['test'].images_sha256[:DIGITS]}")


@dataclass(frozen=True)
class _File:
    case: Case
    path: Path


class _Files:
    """Cases that are files: shared by folders and photographs."""

    _files: tuple[_File, ...]
    load: Callable[[Path], UInt8[np.ndarray, "height width 3"]] = staticmethod(load_rgb)

    def cases(self) -> Sequence[Case]:
        return tuple(file.case for file in self._files)

    def image(self, case: Case) -> UInt8[np.ndarray, "height width 3"]:
        try:
            return self.load(self._paths[case.id])
        except ValueError as error:  # a reason is stored as text, and names the file by its bytes
            raise ValueError(storable(str(error))) from error

    @cached_property
    def _paths(self) -> dict[str, Path]:
        return {file.case.id: file.path for file in self._files}

    @cached_property
    def revision(self) -> str:
        """Over name, size and content of each file in order, read in chunks."""
        total = hashlib.sha256()
        for file in self._files:
            total.update(f"{file.case.id}\0{_content(file.path)}\n".encode())
        return f"files-{total.hexdigest()[:DIGITS]}"


def _content(path: Path) -> str:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return f"{file.tell()}\0{digest}"
    except OSError as error:  # its case fails by name when it is loaded; the others go on
        return f"unreadable\0{error.errno}"


class FolderSource(_Files):
    """Every image file below a folder, sorted by relative path, links followed (``harness.walk``). What is left out,
    hidden files and other endings, is counted in one line; ``known`` files are read by someone else."""

    native_size: int | None = None

    def __init__(self, folder: Path, known: Sequence[str] = ()) -> None:
        self.folder = folder
        self.name = path_safe(f"folder-{folder.resolve().name}")
        self.about = f"image folder {folder.resolve().name}"
        listing = walk_pictures(folder, known)
        if not listing.files:
            raise UserError(f"{folder} holds no image: looked below it for {', '.join(PICTURES)}")
        self._files = tuple(_File(Case(name, name), path) for name, path in listing.files.items())


class PhotographSource(_Files):
    """The photographs listed in ``tasks.tokenizing.photographs``, as far as their packages are installed."""

    name = "photos"
    native_size: int | None = None

    def __init__(self) -> None:
        folders = {package: _data_folder(package) for package in dict.fromkeys(p.package for p in PHOTOGRAPHS)}
        missing = [package for package, folder in folders.items() if folder is None]
        if len(missing) == len(folders):
            raise UserError(f"photos come from {' and '.join(missing)}: pip install {' '.join(missing)}")
        made = []
        for photo in PHOTOGRAPHS:
            folder = folders[photo.package]
            path = folder / photo.file if folder else None
            if path and path.is_file():
                made.append(_File(_photo_case(photo), path))
        self._files = tuple(made)
        lacking = f"; without {missing[0]} (pip install {missing[0]})" if missing else ""
        self.about = f"{len(made)} photographs of Python packages, of another kind than the zoo learned{lacking}"


def _photo_case(photo: Photograph) -> Case:
    name = f"{photo.package}/{photo.file}"
    return Case(name, name, photo.kind, {"title": photo.title, "licence": photo.licence})


def _data_folder(package: str) -> Path | None:
    """The folder ``data`` inside an installed package, found without importing it."""
    spec = find_spec({"scikit-image": "skimage"}.get(package, package))
    places = list(spec.submodule_search_locations or ()) if spec else []
    return Path(places[0]) / "data" if places else None
