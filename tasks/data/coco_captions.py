"""30,000 captions of COCO 2014's validation split, one per picture, with their pictures as the reference set
(Lin et al. 2014, arXiv 1405.0312; annotations CC BY 4.0, pictures by Flickr's terms).

There is no one official set of 30,000. Two sources are taken:

* COCO's own files, ``annotations/captions_val2014.json`` and the folder ``val2014``: 30,000 of the pictures are drawn
  without replacement and one caption of each, by the seed ``SEED``, in the order of picture ids;
* Parquet with the columns image and caption and 30,000 rows (as the hub's ``sayakpaul/coco-30-val-2014``), in its
  order.

The revision, a digest of captions and pictures, tells them apart in every fingerprint. Known gap: which 30,000 captions
a paper drew is seldom stated, so that a published FID on COCO-30k is reproduced up to that draw at best.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.texts import read_json_object, shown, text_of, whole_number_of
from tasks.data.prepared import DataSet
from tasks.data.tables import Listed, Records, Schema, Table, parquet_files

ROWS = 30_000
SEED = 0
CURE = (
    "get annotations/captions_val2014.json and val2014/ from cocodataset.org, or the hub's sayakpaul/coco-30-val-2014, "
    "and run 'ddtbench data prepare coco-captions-30k --from FOLDER'"
)
SCHEMA = Schema("COCO's captions", CURE, texts=("caption",), images=("image",))
ANNOTATIONS = "captions_val2014.json"


def read(path: Path) -> Records:
    """COCO's own files below ``path``, or Parquet."""
    for file in (path / "annotations" / ANNOTATIONS, path / ANNOTATIONS):
        if file.is_file():
            return _drawn(file, path / "val2014")
    return Table(parquet_files(path, SCHEMA, "train"), SCHEMA)


def _drawn(file: Path, folder: Path) -> Listed:
    """At most ``ROWS`` pictures of the annotations, one caption each."""
    from harness.seeding import rng_for

    content = read_json_object(file, CURE)
    names = {
        _number(image, "id", where): _text(image, "file_name", where) for where, image in _rows(file, content, "images")
    }
    captions: dict[int, list[tuple[int, str]]] = {}
    for where, note in _rows(file, content, "annotations"):
        told = " ".join(_text(note, "caption", where).split())  # on one line, as some of COCO's captions are not
        captions.setdefault(_number(note, "image_id", where), []).append((_number(note, "id", where), told))
    without = sorted(names.keys() - captions.keys())
    if without:
        raise UserError(f"{file.name}: the image {without[0]} has no caption: {CURE}")
    rng = rng_for("coco-captions-30k", SEED)
    ids = sorted(names)
    chosen = sorted(rng.choice(ids, min(ROWS, len(ids)), replace=False).tolist())
    chosen_captions = [sorted(captions[image])[int(rng.integers(len(captions[image])))][1] for image in chosen]
    return Listed(
        [{"caption": text} for text in chosen_captions],
        [f"{file.name}, image {image}" for image in chosen],
        folder,
        [{"image": names[image]} for image in chosen],
    )


def _rows(file: Path, content: Mapping[str, Any], key: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """(where, row) of a list of COCO's file. Raises UserError where there is none."""
    rows = content.get(key)
    if not isinstance(rows, list):
        raise UserError(f"{file.name} is not COCO's caption file (it has no list of '{key}'): {CURE}")
    for number, row in enumerate(rows):
        where = f"{file.name}, {key}[{number}]"
        if not isinstance(row, dict):
            raise UserError(f"{where} is {shown(row)}, not an object: {CURE}")
        yield where, row


def _text(row: Mapping[str, Any], key: str, where: str) -> str:
    return text_of(row.get(key), where, key)


def _number(row: Mapping[str, Any], key: str, where: str) -> int:
    return whole_number_of(row.get(key), where, key)


DATA = DataSet("coco-captions-30k", SCHEMA, "validation", ROWS, read)


def prepare(source: str | None = None) -> Path:
    """The catalogue's factory: check and convert, once."""
    return DATA.prepare(source)


def at_hand() -> bool:
    """Whether it is prepared."""
    return DATA.at_hand()
