"""One suite over every task of the catalogue: ids, revisions, JSON, order, batches.

A task that examines something else than the fakes provide is skipped by name, so that it is seen to be missing here.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import pickle
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from harness import catalog
from harness.contracts import CatalogueEntry, Estimate, Sample, ShownTask, Task
from harness.display import SHOWING, metric_shown, shown_task, written
from harness.spec import RunSpec, canonical_json, path_safe
from harness.store.parts import encode_samples, sample_row
from harness.store.run_folder import RunFolder, case_set_digest
from reports.page.samples import sheets_of
from reports.reading.runs import read_stored
from reports.tables.headline import headline_tasks
from tasks.catalog import ENTRIES
from tasks.data.wikipedia import wikipedia_at_hand
from tasks.perplexity.tasks import NAMES

TASKS = [entry for entry in ENTRIES if entry.kind == "task"]
LABELLED = {entry.name: entry for entry in catalog.entries("metric")}
METRICS = {entry.name for entry in ENTRIES if entry.kind == "metric"}
SOURCES = ("world", "fashion", "photos", "FOLDER")
"""What follows the ``@`` of a task on images; other tasks take other words."""
MINIATURES = Path(__file__).parents[1] / "tasks" / "questions" / "miniatures"
ARGUMENTS: Mapping[str, tuple[str, ...]] = {
    "perplexity": (*(name for name in NAMES if name != "wikitext"), "wikitext:MINIATURE"),
    "perplexity-strided": ("wikipedia", "captions", "wikitext:MINIATURE"),
    "mme": ("world", "world-400", "world-held-out"),
    "mme-lmms-eval": ("world", "world-held-out"),
    "lmms": (),  # asks in one call of another program: tests/tasks/lmms
    "editing": (
        *("world", "magicbrush:MINIATURE", "emu-edit:MINIATURE", "emu-edit-filtered:MINIATURE"),
        *("evr:MINIATURE", "ma5k:MINIATURE"),
    ),
    "editing-chain": ("world", "magicbrush:MINIATURE"),
    "geneval": ("world",),
    "generation": ("world", "fashion", "fashion-2000", "coco-captions-30k:MINIATURE"),
    "reconstruction": (*SOURCES, "imagenet-val:MINIATURE"),
    "geneval2": (f"{MINIATURES}/geneval2.jsonl",),
    "t2i-compbench": (f"{MINIATURES}/t2i-compbench",),
    "dpg-bench": (f"{MINIATURES}/dpg_bench.csv",),
    "drawbench": (f"{MINIATURES}/drawbench.csv",),
    "fid": ("FOLDER",),
    "code-entropy": ("world",),
    "hard-prompts": ("world",),
    "editing-guidance": ("world",),
}
CALLS = [
    pytest.param(
        (entry, argument),
        id=f"{entry.name}@{argument}",
        marks=[pytest.mark.needs("fashion-mnist")] if argument.startswith("fashion") else [],
    )
    for entry in TASKS
    for argument in ARGUMENTS.get(entry.name, SOURCES)
]
ON_IMAGES = [entry for entry in TASKS if entry.name not in ARGUMENTS or entry.name == "reconstruction"]
PROVIDED = (
    *("ImageTokenizer", "Denoises", "ScoresText", "ScoresTextInStrides", "ScoresImages", "ScoresCodes"),
    "EditsWithGuidance",
    *("AnswersQuestions", "EditsImages", "GeneratesImages", "GeneratesClasses"),
)
CASES = 8

WORLD_IDS = "11f4cc48a4404938"
FASHION_IDS = "b81de75ecda752a5"
WIKIPEDIA_IDS = "4d14a86283cdf9d7"
GENEVAL_IDS = "c09e34845fdbbac2"
"""SHA-256 of the ids, in order. They are join keys: a change here breaks every comparison with an older run."""


def load(place: str) -> Any:
    module, _, attribute = place.partition(":")
    return getattr(import_module(module), attribute)


def by_path(name: str) -> Any:
    spec = importlib.util.spec_from_file_location(f"ddtbench_{name}", Path(__file__).parents[1] / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fake_subject() -> Any:
    return by_path("fakes").Speaker()


def write_miniatures(folder: Path) -> None:
    """A file for each published data set, in its official schema."""
    small = by_path("miniatures")
    edits = small.magicbrush_rows((1, 3, 2, 1, 1, 2, 1, 3, 1))
    files = {
        "magicbrush": edits,
        "evr": edits,
        "ma5k": edits,
        "emu-edit": small.emu_rows(14),
        "emu-edit-filtered": small.emu_rows(14),
        "imagenet-val": small.imagenet_rows(9),
        "coco-captions-30k": small.coco_rows(9),
        "wikitext": [{"text": line} for line in 5 * small.LINES],
    }
    for name, rows in files.items():
        small.write(folder / f"{name}.parquet", rows)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for number in range(CASES + 1):
        size = (24 + number, 40, 3)
        Image.fromarray(rng.integers(0, 256, size, dtype=np.uint8)).save(place / f"{number}.png")
    captions = [json.dumps({"file_name": f"{number}.png", "text": f"noise {number}"}) for number in range(CASES + 1)]
    (place / "metadata.jsonl").write_text("\n".join(captions))  # for FID; others look at pictures alone
    write_miniatures(place)
    return place


@pytest.fixture(params=CALLS)
def task(request: pytest.FixtureRequest, folder: Path) -> Task:
    entry, source = request.param
    return build(entry, source, folder)


def build(entry: CatalogueEntry, source: str, folder: Path) -> Task:
    if source == "photos" and not importlib.util.find_spec("skimage"):
        pytest.skip("photographs are not here: pip install scikit-image foolbox")
    if source == "wikipedia" and not wikipedia_at_hand():
        pytest.skip("the text of Wikipedia is not here: pip install --no-deps gensim==4.4.0")
    if source.endswith(":MINIATURE"):
        name = source.partition(":")[0]
        source = f"{name}:{folder}/{name}.parquet"
    built: Task = load(entry.place)(str(folder) if source == "FOLDER" else source, fake_subject())
    if built.examines not in PROVIDED:
        pytest.skip(f"no fake provides {built.examines}")
    return built


def test_ids_are_unique_and_facts_are_json(task: Task) -> None:
    cases = task.cases()
    assert len({case.id for case in cases}) == len(cases) >= CASES
    for case in cases:
        assert json.loads(canonical_json(dict(case.facts))) == dict(case.facts)
        assert case.group
    assert [case.id for case in cases] == [case.id for case in task.cases()]


def test_the_fingerprint_is_json_and_the_name_is_safe(task: Task) -> None:
    canonical_json(dict(task.fingerprint))
    assert path_safe(task.name) == task.name
    assert task.version >= 1 and task.data_revision


@pytest.mark.parametrize("call", CALLS)
def test_a_second_build_is_the_same_task(call: tuple[CatalogueEntry, str], folder: Path) -> None:
    entry, source = call
    one, two = build(entry, source, folder), build(entry, source, folder)
    assert one.data_revision == two.data_revision
    assert one.fingerprint == two.fingerprint
    assert [case.id for case in one.cases()] == [case.id for case in two.cases()]


def same(one: Sample, two: Sample) -> None:
    assert one.case.id == two.case.id
    assert one.images.keys() == two.images.keys()
    for name, image in one.images.items():
        assert image.dtype == np.uint8 and np.array_equal(image, two.images[name]), name
    assert list(one.codes) == list(two.codes)
    assert one.text == two.text
    assert dict(one.numbers) == dict(two.numbers)


def test_one_sample_per_case_in_order_and_a_batch_of_one_equals_a_batch_of_eight(task: Task) -> None:
    """Bit for bit: the fake's arithmetic does not depend on the batch, so that any difference is the task's own."""
    subject = fake_subject()
    cases = list(task.cases()[:CASES])
    inputs = [task.load(case) for case in cases]
    together = task.ask(subject, cases, inputs, list(range(CASES)))
    assert [sample.case.id for sample in together] == [case.id for case in cases]
    for row in (0, 3, CASES - 1):
        (alone,) = task.ask(subject, [cases[row]], [inputs[row]], [row])
        same(alone, together[row])


def test_samples_can_be_stored(task: Task) -> None:
    subject = fake_subject()
    cases = list(task.cases()[:1])
    (sample,) = task.ask(subject, cases, [task.load(cases[0])], [0])
    assert sample.outcome == "ok"
    assert sample.images.keys() & {"reference", "output"} or sample.numbers
    for image in sample.images.values():
        assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
    assert all(isinstance(code, int) for code in sample.codes)
    assert all(isinstance(value, float) for value in sample.numbers.values())


def shown_of(task: Task) -> ShownTask:
    known = [entry for entry in TASKS if task.name == entry.name or task.name.startswith(f"{entry.name}-")]
    return shown_task(task, max(known, key=lambda entry: len(entry.name)))


def test_a_task_says_how_it_is_shown_by_what_it_measures(task: Task) -> None:
    shown = shown_of(task)
    assert shown.title and "_" not in shown.title
    for metric in (*shown.headline, *filter(None, (shown.verdict, shown.breakdown))):
        assert metric in task.metrics
        assert LABELLED[metric.partition("@")[0]].shown.label, f"no label: {metric}"
    assert shown.asked or shown.reference, "a question in words, or a picture beside its original"


def test_its_stored_runs_head_a_comparison_and_show_what_was_asked(task: Task, tmp_path: Path) -> None:
    """Runs of two models, made by hand of real samples: what a report needs of a task stands in the run itself."""
    shown, subject = shown_of(task), fake_subject()
    cases = list(task.cases()[:2])
    samples = task.ask(subject, cases, [task.load(case) for case in cases], [0, 1])
    for model in ("one", "two"):
        folder = RunFolder.create_or_open(tmp_path, RunSpec(model, 1, "", task.name, 1, "x"))
        folder.write_part("00000", encode_samples([sample_row(sample) for sample in samples], {"key": folder.key}))
        estimates = [
            Estimate(metric, 1, 0.5, 0.4, 0.6, "by hand", 2, 0, "higher") for metric in dict.fromkeys(shown.headline)
        ]
        none = pa.table({name: pa.array([], pa.string()) for name in ("metric", "case", "group", "stratum")})
        for name in ("numerator", "denominator"):
            none = none.append_column(name, pa.array([], pa.float64()))
        folder.write_measures(case_set_digest([case.id for case in cases]), none, estimates)
        metrics = {metric: written(metric_shown(metric, metric)) for metric in shown.headline}
        folder.write_manifest(**{SHOWING: {"task": written(shown), "model": {}, "metrics": metrics}})
    stored = read_stored(str(tmp_path))
    assert [name for _, name in headline_tasks(stored)] == ([task.name] if shown.headline else [])
    if not shown.asked:
        return
    [sheet] = sheets_of(stored)
    assert [line.case for line in sheet.lines] == [case.id for case in cases]
    for line in sheet.lines:
        assert all(line.asked) and line.asked != (line.case,), "the question in words"
        assert len(line.shown) == len(shown.pictures) and all(tile.source for tile in line.shown)
        assert all(
            answer.tile or answer.lines or task.name.startswith(("perplexity", "code-entropy"))
            for answer in line.answers
        )


def test_a_task_travels_to_another_process(task: Task) -> None:
    copy = pickle.loads(pickle.dumps(task))
    case = task.cases()[1]
    first, second = task.load(case), copy.load(case)
    pairs = zip(first, second, strict=True) if isinstance(first, tuple) else [(first, second)]
    assert all(np.array_equal(a, b) for a, b in pairs)


def test_a_probe_is_finite_numbers(task: Task) -> None:
    if task.cases()[0].id.startswith(("fashion", "world")):  # what varies is the subject, not the source
        cost = task.probe(fake_subject())
        assert all(isinstance(value, float) and np.isfinite(value) for value in cost.values())


@pytest.mark.parametrize("entry", ON_IMAGES, ids=lambda entry: entry.name)
def test_ids_of_the_world_are_pinned(entry: CatalogueEntry, folder: Path) -> None:
    assert digest(build(entry, "world", folder)) == WORLD_IDS


@pytest.mark.parametrize("argument", [name for name in NAMES if name != "wikitext"])
def test_ids_of_texts_and_of_what_is_compared_with_them_are_pinned(argument: str, folder: Path) -> None:
    (entry,) = (entry for entry in TASKS if entry.name == "perplexity")
    assert digest(build(entry, argument, folder)) == (WIKIPEDIA_IDS if argument == "wikipedia" else WORLD_IDS)


def test_ids_of_geneval_are_pinned(folder: Path) -> None:
    (entry,) = (entry for entry in TASKS if entry.name == "geneval")
    assert digest(build(entry, "world", folder)) == GENEVAL_IDS


@pytest.mark.needs("fashion-mnist")
def test_ids_of_fashion_are_pinned(folder: Path) -> None:
    assert digest(build(TASKS[0], "fashion", folder)) == FASHION_IDS


def digest(task: Task) -> str:
    return hashlib.sha256("\n".join(case.id for case in task.cases()).encode()).hexdigest()[:16]


def test_every_suite_names_tasks_and_builds() -> None:
    known = {entry.name for entry in TASKS}
    for entry in (entry for entry in ENTRIES if entry.kind == "suite"):
        suite = load(entry.place)()
        assert suite.name == entry.name
        assert {task.partition("@")[0] for task in suite.tasks} <= known
        assert load(entry.place).__doc__
