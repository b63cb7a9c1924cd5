"""The paper's nine sets with a few generated records each, in the hub's layout and the columns that lmms-eval reads."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import datasets
from datasets import Features, Image, List, Value
from PIL import Image as Pictures

TEXT, WHOLE = Value("string"), Value("int64")
Rows = list[dict[str, Any]]


def picture(number: int) -> dict[str, Any]:
    """A PNG of 12 x 10 pixels in the Image schema, told apart by its red."""
    buffer = io.BytesIO()
    Pictures.new("RGB", (12, 10), (10 * number % 256, 40, 90)).save(buffer, "PNG")
    return {"bytes": buffer.getvalue(), "path": f"{number:04d}.png"}


def write(root: Path, name: str, file: str, rows: Rows, columns: Mapping[str, Any], readme: str = "") -> None:
    """One split as Parquet with the metadata by which Hugging Face datasets knows its pictures."""
    path = root / "lmms-lab-encoder" / name / file
    path.parent.mkdir(parents=True, exist_ok=True)
    datasets.Dataset.from_list(rows, features=Features(columns)).to_parquet(str(path))
    if readme:
        (root / "lmms-lab-encoder" / name / "README.md").write_text(readme)


def mme(root: Path, count: int = 4, questions: Sequence[str] = ("Yes", "No")) -> None:
    rows = [
        {
            "question_id": f"{category}/{number:04d}.png",
            "image": picture(number),
            "question": f"Is there {number} of {category} ({answer})?  Please answer yes or no.",
            "answer": answer,
            "category": category,
        }
        for number in range(count // 2)
        for category in ("existence", "code_reasoning")
        for answer in questions
    ]
    columns = {"question_id": TEXT, "image": Image(), "question": TEXT, "answer": TEXT, "category": TEXT}
    write(root, "MME", "data/test-00000-of-00001.parquet", rows, columns)


def pope(root: Path, count: int = 4) -> None:
    rows = [
        {
            "question_id": str(number),
            "question": f"Is there a dog {number} in the image?",
            "answer": "yes" if number % 2 else "no",
            "image_source": f"COCO_{number // 2}",
            "image": picture(number // 2),
            "category": "random",
        }
        for number in range(count)
    ]
    columns = {name: Image() if name == "image" else TEXT for name in rows[0]}
    write(root, "POPE", "data/test-00000-of-00001.parquet", rows, columns)


def seedbench(root: Path, count: int = 4) -> None:
    rows = [
        {
            "answer": "ABCD"[number % 4],
            **{f"choice_{letter}": f"choice {letter}" for letter in "abcd"},
            "data_id": str(number),
            "data_type": "image" if number < count - 1 else "video",
            "question": f"What is {number}?",
            "question_id": str(number),
            "image": [picture(number)] if number < count - 1 else [picture(number), picture(number + 1)],
        }
        for number in range(count)
    ]
    columns = {name: List(Image()) if name == "image" else TEXT for name in rows[0]}
    write(root, "SEED-Bench", "data/test-00000-of-00001.parquet", rows, columns)


def vqav2_val(root: Path, count: int = 4) -> None:
    rows = [
        {
            "answers": [{"answer": "no" if place else "two", "answer_id": place} for place in range(10)],
            "image_id": number,
            "question_id": number,
            "question": f"Is it {number}?",
            "image": picture(number),
        }
        for number in range(count)
    ]
    answers = List({"answer": TEXT, "answer_id": WHOLE})
    columns = {"answers": answers, "image_id": WHOLE, "question_id": WHOLE, "question": TEXT, "image": Image()}
    write(root, "VQAv2", "data/validation-00000-of-00001.parquet", rows, columns)


def gqa(root: Path, count: int = 4) -> None:
    rows = [
        {"id": str(number), "imageId": f"n{number // 2}", "question": f"Is it {number}?", "answer": "no"}
        for number in range(count)
    ]
    pictures = [{"id": f"n{number}", "image": picture(number)} for number in range((count + 1) // 2)]
    names = ("testdev_balanced_images", "testdev_balanced_instructions")
    readme = "".join(
        f"- config_name: {name}\n  data_files:\n  - split: testdev\n    path: {name}/testdev-*\n" for name in names
    )
    readme = f"---\nconfigs:\n{readme}---\n"
    file = "testdev-00000-of-00001.parquet"
    write(root, "GQA", f"{names[0]}/{file}", pictures, {"id": TEXT, "image": Image()}, readme)
    write(root, "GQA", f"{names[1]}/{file}", rows, {name: TEXT for name in rows[0]}, readme)


def ok_vqa_val2014(root: Path, count: int = 4, name: str = "OK-VQA", split: str = "val2014") -> None:
    rows = [
        {"question_id": str(number), "image": picture(number), "question": "is it red?", "answers": ["no"] * 5}
        for number in range(count)
    ]
    columns = {"question_id": TEXT, "image": Image(), "question": TEXT, "answers": List(TEXT)}
    write(root, name, f"data/{split}-00000-of-00001.parquet", rows, columns)


def vizwiz_vqa_val(root: Path, count: int = 4) -> None:
    ok_vqa_val2014(root, count, "VizWiz-VQA", "val")


def nocaps_val(root: Path, count: int = 4) -> None:
    rows = [
        {
            "image": picture(number),
            "image_id": number,
            "annotations_captions": [f"a red square number {number}", "a flat colour"],
        }
        for number in range(count)
    ]
    columns = {"image": Image(), "image_id": WHOLE, "annotations_captions": List(TEXT)}
    write(root, "NoCaps", "data/validation-00000-of-00001.parquet", rows, columns)


def flickr30k_test(root: Path, count: int = 4) -> None:
    rows = [
        {"image": picture(number), "caption": [f"a square {number}", "a flat colour"], "img_id": str(number)}
        for number in range(count)
    ]
    columns = {"image": Image(), "caption": List(TEXT), "img_id": TEXT}
    write(root, "flickr30k", "data/test-00000-of-00001.parquet", rows, columns)


SETS: Mapping[str, Callable[[Path], None]] = {
    make.__name__: make
    for make in (mme, pope, seedbench, vqav2_val, gqa, ok_vqa_val2014, vizwiz_vqa_val, nocaps_val, flickr30k_test)
}
