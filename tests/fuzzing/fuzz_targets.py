"""What is fuzzed: each kind of file that somebody else may have written, and the code that reads it.

A target's ``read`` is given the bytes of one file. Digests that guard a file are made right again around it (a part's
name, a checkpoint's card, the seals of a manifest): whoever forges a file forges its digest too.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fuzz_folders
import fuzz_inputs
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import strategies as st
from PIL import Image

from harness.errors import UserError

Read = Callable[[bytes, Path], None]


@dataclass(frozen=True)
class Target:
    """``valid`` makes the files, ``documents`` the values that ``write`` writes as a file; ``weight`` is the share of
    the inputs."""

    read: Read
    valid: Callable[[], Sequence[bytes]]
    documents: Callable[[], Sequence[Any]] = tuple
    write: Callable[[Any], bytes] = fuzz_inputs.as_json
    refusals: tuple[type[Exception], ...] = (UserError,)
    prepare: Callable[[Path], None] = field(default=lambda folder: None)
    weight: float = 1.0

    def inputs(self) -> st.SearchStrategy[bytes]:
        """Half of each, where the target has documents."""
        documents = list(self.documents())
        files = fuzz_inputs.changed_bytes([*self.valid(), *map(self.write, documents)])
        return files | fuzz_inputs.changed_documents(documents, self.write) if documents else files


def at(name: str, read: Callable[[Path], Any]) -> Read:
    """A reader of a path."""

    def write_and_read(data: bytes, folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        read(path)

    return write_and_read


# ------------------------------------------------------------------------------------------------ what users write

SUITE = {"name": "mine", "models": ["ddt", "vqgan@a/b"], "tasks": ["reconstruction@world"], "limit": 256, "seed": 1}
SEEDED = {"models": ["ddt"], "tasks": ["t"], "seeds": [0, 1, 2], "batch": 8, "unit_size": 16, "threads": 2}
RECIPE = {"recipe": "ddt", "start": "mine/ddt", "steps": 2000, "warmup": 100, "seed": 1}
STAGE = {"name": "text", "steps": 100, "learning_rate": 0.001, "warmup": 10, "decay": 0.2}
LANGUAGE = {
    "name": "small",
    "tokenizer": "ddt@zoo/ddt",
    "data": "world",
    "model": {"hidden_size": 64, "num_hidden_layers": 2},
    "stages": [STAGE, {**STAGE, "branches": [0.5], "own": 0.5}],
    "betas": [0.9, 0.95],
    "threads": 2,
}
POLICY = {"family": "blocks", "defaults": True, "metrics": {"psnr": {"margin": 0.5, "tier": "blocks"}}}


def read_suite(path: Path) -> None:
    from harness.spec import suite_from_toml

    suite = suite_from_toml(path)
    assert suite.changed(limit=3).runs and suite.models and suite.tasks and suite.drawn_with


def read_recipe(path: Path) -> None:
    from harness.recipes import tokenizer_recipe

    tokenizer_recipe(str(path))


def read_language_recipe(path: Path) -> None:
    from ddt_llama.training.recipe import LanguageRecipe
    from harness.texts import read_toml

    LanguageRecipe.from_mapping(read_toml(path), str(path)).plain()


def read_policy(path: Path) -> None:
    from reports.gating.policy import read_policy as read

    read(path)


# ------------------------------------------------------------------------------------------------ data files

BOXES = {"boxes": {"dog": [[0, 1, 2, 3, 0.9]]}, "colors": {"dog": ["red"]}}
PROMPT = {
    "tag": "position",
    "include": [{"class": "dog", "count": 1}, {"class": "cup", "count": 2, "color": "red", "position": ["left of", 0]}],
    "exclude": [{"class": "bench", "count": 2}],
    "prompt": "a dog",
}
CASES = [
    {"case": f"c{i}", "metric": "psnr", "value": float(i), "group": "g", "unit": "dB", "direction": "higher"}
    for i in range(3)
]
SAMPLES = [
    {"doc_id": i, "doc": {}, "target": "x", "filter": "none", "metrics": ["acc"], "acc": float(i % 2), "doc_hash": "ab"}
    for i in range(3)
]
QUESTIONED = {
    "prompt": "two dogs",
    "atom_count": 3,
    "vqa_list": [["How many dogs are there?", "two"], ["Is it a dog?", "Yes"]],
    "skills": ["count", "object"],
}
CSV = (
    b"item_id,text,keywords,proposition_id,dependency,category_broad,tuple,question_natural_language\n"
    b"p1,a dog and a cup,,1,0,entity,x,Is there a dog?\n"
    b'p1,a dog and a cup,,2,"1",attribute,x,Is it red?\n'
)
ANSWERS = ['["Yes", "no."]', '["It is.", ""]']


def picture(seed: int = 0, side: int = 6) -> bytes:
    from harness.images import encode_png

    return encode_png(np.random.default_rng(seed).integers(0, 256, (side, side, 3)).astype(np.uint8))


def table(**columns: Sequence[Any]) -> bytes:
    made = io.BytesIO()
    pq.write_table(pa.table(dict(columns)), made, compression="zstd")
    return made.getvalue()


def mme_rows() -> list[bytes]:
    image = [{"bytes": picture(row // 2), "path": None} for row in range(4)]
    columns = {
        "question_id": ["a", "a", "b", "b"],
        "image": image,
        "question": ["Is it?", "Is it not?"] * 2,
        "answer": ["Yes", "No"] * 2,
        "category": ["count", "count", "OCR", "OCR"],
    }
    outside = [{"bytes": None, "path": "../x.png"}] * 4
    return [table(**columns), table(**{**columns, "image": outside}), table(**{**columns, "answer": [1, 2, 3, 4]})]


def read_mme(path: Path) -> None:
    from tasks.data.tables import picture as decoded
    from tasks.mme.data import read_data

    data = read_data([path])
    for pair in data.pairs:
        decoded(data.table, pair.row, "image")


def read_edits(path: Path) -> None:
    from tasks.data.edit_pairs import data_of
    from tasks.data.tables import picture as decoded

    records = data_of("evr").records_at(path)
    for row in range(len(records.cells)):
        decoded(records, row, "source_img")
        decoded(records, row, "target_img")


def edit_rows() -> list[bytes]:
    image = [{"bytes": picture(row), "path": None} for row in range(2)]
    return [table(source_img=image, instruction=["make it red", "remove it"], target_img=image)]


def read_fashion(suffix: str) -> Callable[[Path], None]:
    def read(path: Path) -> None:
        from tasks.data.fashion_mnist import FILES, _read_split

        _read_split(path.parent, FILES["test"])

    return read


def idx_files() -> list[bytes]:
    import gzip

    images = b"".join(number.to_bytes(4, "big") for number in (0x803, 10_000, 28, 28)) + bytes(3000)
    return [images, gzip.compress(images, 1)]


def read_prompts(path: Path) -> None:
    from tasks.geneval.prompts import read_prompts as read

    read(path, None)


def read_detections(path: Path) -> None:
    from harness.texts import read_text
    from tasks.geneval.detections import loads

    loads(read_text(path))


def read_questions(path: Path) -> None:
    from tasks.questions import sets

    readers = {".jsonl": sets.read_geneval2, ".txt": sets.read_compbench, ".csv": sets.read_dpg}
    readers[path.suffix](path)


def read_drawbench(path: Path) -> None:
    from tasks.questions.sets import read_drawbench as read

    read(path)


def read_captions(path: Path) -> None:
    from tasks.fid.sources import _captions

    _captions(path)


def read_coco(path: Path) -> None:
    from tasks.data.coco_captions import read

    assert read(path.parent).cells is not None


COCO = {
    "images": [{"id": 1, "file_name": "a.jpg"}, {"id": 2, "file_name": "b.jpg"}],
    "annotations": [{"id": 5, "image_id": 1, "caption": "a dog"}, {"id": 6, "image_id": 2, "caption": "a cup"}],
}


def read_magicbrush(path: Path) -> None:
    from tasks.data.magicbrush import check, read

    records = read(path.parent)
    check(records)
    for row in range(len(records.cells)):
        try:
            records.content(row, "source_img")
        except ValueError as error:
            raise UserError(str(error)) from None


SESSIONS = {
    "1": [
        {"input": "1-input.png", "mask": "1-mask1.png", "output": "1-output1.png", "instruction": "make it red"},
        {"input": "1-output1.png", "mask": "m.png", "output": "1-output2.png", "instruction": "bigger"},
    ]
}


def read_texts(path: Path) -> None:
    from tasks.perplexity.texts import FileTexts

    texts = FileTexts(path)
    assert texts.cases() and texts.revision


def read_statistics(path: Path) -> None:
    from harness.metrics.statistics_files import StatisticsFile

    assert StatisticsFile(path).pool3.mean is not None


def statistics() -> list[bytes]:
    made = []
    for save in (np.savez, np.savez_compressed):
        buffer = io.BytesIO()
        save(buffer, mu=np.zeros(3), sigma=np.eye(3))
        made.append(buffer.getvalue())
    return made


def read_answers(data: bytes, folder: Path) -> None:
    """The stored answers to a question of two, and what each parser reads in them."""
    from harness.contracts import Case, Sample
    from tasks.mme.answers import MmeAnswers

    text = data.decode("utf-8", "replace")
    MmeAnswers().observe([Sample(Case("c", "g", "", {"answers": ["Yes", "No"]}), text=text)])


def read_case_file(path: Path) -> None:
    from reports.reading.case_files import read_case_files

    read_case_files(path)


# ------------------------------------------------------------------------------------------------ images


def image_files() -> list[bytes]:
    pixels = np.random.default_rng(0).integers(0, 256, (9, 7, 3)).astype(np.uint8)
    made = []
    for kind, mode, options in (
        *(
            ("PNG", "RGB", {}),
            ("PNG", "P", {}),
            ("PNG", "LA", {}),
            ("PNG", "I;16", {}),
            ("JPEG", "RGB", {}),
            ("JPEG", "CMYK", {}),
        ),
        *(
            ("JPEG", "RGB", {"progressive": True}),
            ("GIF", "P", {}),
            ("BMP", "RGB", {}),
            ("TIFF", "RGB", {"compression": "tiff_lzw"}),
        ),
        *(
            ("TIFF", "RGB", {"compression": "jpeg"}),
            ("TIFF", "L", {}),
            ("WEBP", "RGB", {}),
            ("PPM", "RGB", {}),
            ("JPEG2000", "RGB", {}),
        ),
        ("AVIF", "RGB", {}),
    ):
        buffer = io.BytesIO()
        Image.fromarray(pixels).convert("L" if mode == "I;16" else mode).convert(mode).save(buffer, kind, **options)
        made.append(buffer.getvalue())
    return made


def read_picture(data: bytes, folder: Path) -> None:
    from harness.images import decode_rgb

    decode_rgb(data, "it")


def read_picture_file(path: Path) -> None:
    from harness.images import load_converted, load_rgb

    load_rgb(path)
    load_converted(path)


def read_png(data: bytes, folder: Path) -> None:
    from harness.images import decode_png, size_of_png

    decode_png(data)
    (folder / "a.png").write_bytes(data)
    size_of_png(folder / "a.png")


# ------------------------------------------------------------------------------------------------ all of them

_JSONL = fuzz_inputs.as_json_lines
_TOML = fuzz_inputs.as_toml
_BROKEN = (UserError, ValueError)
"""Of a picture or an answer the case fails with the reason: by design a ValueError (``harness.isolation``)."""

TARGETS: dict[str, Target] = {
    "suite-file": Target(at("s.toml", read_suite), list, lambda: (SUITE, SEEDED), _TOML, weight=2),
    "recipe": Target(at("r.toml", read_recipe), list, lambda: (RECIPE,), _TOML, weight=2),
    "language-recipe": Target(at("l.toml", read_language_recipe), list, lambda: (LANGUAGE,), _TOML, weight=2),
    "gate-policy": Target(at("p.toml", read_policy), list, lambda: (POLICY,), _TOML),
    **{
        f"run-{name}": Target(
            fuzz_folders.reader(name),
            lambda: [],
            lambda name=name: [fuzz_folders.document(name)],
            prepare=fuzz_folders.prepare,
            weight=0.2,
        )
        for name in fuzz_folders.JSON_FILES
    },
    **{
        f"run-{name}": Target(
            fuzz_folders.reader(name),
            lambda name=name: fuzz_folders.tables(name),
            prepare=fuzz_folders.prepare,
            weight=0.2,
        )
        for name in fuzz_folders.TABLES
    },
    "checkpoint-card": Target(
        fuzz_folders.read_card, list, fuzz_folders.cards, prepare=fuzz_folders.prepare_checkpoint, weight=0.1
    ),
    "checkpoint-weights": Target(
        fuzz_folders.read_weights, fuzz_folders.weight_files, prepare=fuzz_folders.prepare_checkpoint, weight=2
    ),
    "published-weights": Target(at("w.ckpt", fuzz_folders.read_published), fuzz_folders.pickled_files, weight=2),
    "model-config": Target(
        fuzz_folders.read_config, list, fuzz_folders.configs, prepare=fuzz_folders.prepare_model, weight=0.02
    ),
    "model-index": Target(fuzz_folders.read_index, list, fuzz_folders.indexes),
    "fashion-idx": Target(at("t10k-images-idx3-ubyte", read_fashion("")), lambda: idx_files()[:1]),
    "fashion-idx-gz": Target(at("t10k-images-idx3-ubyte.gz", read_fashion(".gz")), lambda: idx_files()[1:]),
    "prompts": Target(
        at("p.jsonl", read_prompts), list, lambda: ([PROMPT, {"tag": "a", "prompt": "b"}],), _JSONL, weight=2
    ),
    "detections": Target(at("d.json", read_detections), list, lambda: (BOXES,)),
    "questions-jsonl": Target(at("q.jsonl", read_questions), list, lambda: ([QUESTIONED],), _JSONL),
    "questions-csv": Target(at("q.csv", read_questions), lambda: [CSV]),
    "questions-text": Target(
        at("color_val.txt", read_questions), lambda: [b"a green bench and a blue bowl\na red dog\n"]
    ),
    "drawbench": Target(at("d.csv", read_drawbench), lambda: [b'Prompts,Category\na dog,Colors\n"a, b",Counting\n']),
    "captions": Target(
        at("metadata.jsonl", read_captions), list, lambda: ([{"file_name": "a.png", "text": "b"}],), _JSONL
    ),
    "coco": Target(at("captions_val2014.json", read_coco), list, lambda: (COCO,)),
    "magicbrush": Target(at("edit_sessions.json", read_magicbrush), list, lambda: (SESSIONS,)),
    "texts": Target(at("t.txt", read_texts), lambda: [b"one line\n\nanother \xe2\x80\xa8 one\r\n"]),
    "mme-parquet": Target(at("m.parquet", read_mme), mme_rows, refusals=_BROKEN, weight=2),
    "edits-parquet": Target(at("e.parquet", read_edits), edit_rows, refusals=_BROKEN),
    "answers": Target(
        read_answers, lambda: [text.encode() for text in ANSWERS], lambda: (["Yes", "No"],), refusals=_BROKEN
    ),
    "statistics": Target(at("s.npz", read_statistics), statistics),
    "cases-csv": Target(at("c.csv", read_case_file), lambda: [b"case,metric,value,group\na,psnr,1,g\nb,psnr,,g\n"]),
    "cases-jsonl": Target(at("c.jsonl", read_case_file), list, lambda: (CASES,), _JSONL),
    "cases-parquet": Target(
        at("c.parquet", read_case_file), lambda: [table(case=["a", "b"], metric=["x", "x"], value=[1.0, 2.0])]
    ),
    "lm-eval-samples": Target(at("samples_t_2024-01-01T00.jsonl", read_case_file), list, lambda: (SAMPLES,), _JSONL),
    "image": Target(read_picture, image_files, refusals=_BROKEN, weight=5),
    "image-file": Target(at("i.png", read_picture_file), image_files, refusals=_BROKEN, weight=2),
    "stored-png": Target(read_png, lambda: [picture(), picture(1, 30)], refusals=_BROKEN, weight=2),
}
