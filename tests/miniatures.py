"""Miniatures of published data sets in their official schemas: a few generated records each. Load this file by its
path: ``tests`` is never imported by name."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

Row = dict[str, Any]
SIZES = ((48, 40), (64, 64), (40, 56), (33, 47))
"""(height, width), so that pictures of a set differ in size."""
TURNS = (1, 3, 2)
"""MagicBrush's miniature: three sessions."""


def encoded(seed: int, size: tuple[int, int] = SIZES[0], kind: str = "PNG") -> bytes:
    """An image file of random blocks."""
    rng = np.random.default_rng(seed)
    blocks = Image.fromarray(rng.integers(0, 256, (4, 4, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    blocks.resize(size[::-1], Image.Resampling.BILINEAR).save(buffer, kind)
    return buffer.getvalue()


def image(seed: int, size: tuple[int, int] = SIZES[0], kind: str = "PNG") -> dict[str, Any]:
    """The Image struct of Hugging Face datasets."""
    return {"bytes": encoded(seed, size, kind), "path": None}


def magicbrush_rows(sessions: Sequence[int] = TURNS) -> list[Row]:
    """The hub's columns, mask included; the source of a turn is the target of the one before."""
    rows = []
    for session, turns in enumerate(sessions):
        for turn in range(1, turns + 1):
            seed, size = 100 * session, SIZES[session % len(SIZES)]
            rows.append(
                {
                    "img_id": str(200 + session),
                    "turn_index": turn,
                    "source_img": image(seed + turn - 1, size),
                    "mask_img": image(7, size),
                    "instruction": f"make it {turn} times as bright",
                    "target_img": image(seed + turn, size),
                }
            )
    return rows


def magicbrush_archive(folder: Path) -> Path:
    """What MagicBrush's test archive unpacks to, of the same records."""
    sessions: dict[str, list[dict[str, str]]] = {}
    captions: dict[str, dict[str, str]] = {}
    for row in magicbrush_rows():
        name, turn = row["img_id"], row["turn_index"]
        place = folder / "images" / name
        place.mkdir(parents=True, exist_ok=True)
        source = f"{name}-input.png" if turn == 1 else f"{name}-output{turn - 1}.png"
        target = f"{name}-output{turn}.png"
        (place / source).write_bytes(row["source_img"]["bytes"])
        (place / target).write_bytes(row["target_img"]["bytes"])
        edit = {"input": source, "mask": f"{name}-mask{turn}.png", "output": target, "instruction": row["instruction"]}
        sessions.setdefault(name, []).append(edit)
        captions.setdefault(name, {})[target] = f"blocks, {turn} times as bright"
    (folder / "edit_sessions.json").write_text(json.dumps(sessions))
    (folder / "global_descriptions.json").write_text(json.dumps(captions))
    return folder


def emu_rows(count: int = 4) -> list[Row]:
    """The hub's columns; the second row has equal captions, the last shares its picture with the first."""
    tasks = ("add", "background", "color", "style")
    rows = []
    for number in range(count):
        task = tasks[number % len(tasks)]
        before = f"blocks number {number}"
        rows.append(
            {
                "instruction": f"do {task}",
                "image": image(number % 3, SIZES[number % 3]),
                "task": task,
                "split": "test",
                "idx": number,
                "hash": f"{number % 3:032x}",
                "input_caption": before,
                "output_caption": before if number == 1 else f"{before} after {task}",
            }
        )
    return rows


def imagenet_rows(count: int = 6) -> list[Row]:
    return [{"image": image(n, (280 + n, 300 - n), "JPEG"), "label": n % 3} for n in range(count)]


def coco_rows(count: int = 8) -> list[Row]:
    return [{"image": image(n, SIZES[n % 4], "JPEG"), "caption": f"A picture, number {n}."} for n in range(count)]


LINES = (
    *("", " = Robert Boulter = \n", "", " Robert Boulter is an English actor . He was born in London , in 1980 . \n"),
    *("", " = = Career = = \n", "", ' He had a @-@ small role , " Craig " , in 2 @,@ 000 films . \n', ""),
    *(
        " = Du Fu = \n",
        "",
        " Du Fu ( 712 \N{EN DASH} 770 ) was a poet 's poet ; he wrote 1 @.@ 5 a day : many . \n",
        "",
    ),
)
"""Rows of the hub's wikitext-2-raw-v1: lines of the original file, blank ones emptied. Two documents."""


def write(path: Path, rows: Sequence[Mapping[str, Any]], without: str = "", group: int = 3) -> Path:
    """A Parquet file of these rows, lacking a column if asked, in several row groups."""
    table = pa.Table.from_pylist([{name: row[name] for name in row if name != without} for row in rows])
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=group)
    return path
