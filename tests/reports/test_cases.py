"""All samples of a task as scripts beside its page: each case once, bounded, safe, the same for the same runs."""

from __future__ import annotations

import base64
import io
import json
import math
import re
import shutil
from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from made_runs import a_picture, names, store_run
from PIL import Image

from harness.contracts import ShownInstrument
from harness.display import SHOWING
from harness.store.parts import encode_observations, encode_samples
from harness.store.run_folder import RunFolder, observations_folder
from harness.stored_runs import measure_run
from reports.page.cases import choosing, sample
from reports.page.cases.choosing import choose
from reports.page.cases.folder import in_json, sampled, write_cases
from reports.page.cases.overlays import objects_of
from reports.page.cases.scripts import ChunkWriter, encoded
from reports.page.cases.words import visible
from reports.reading.runs import read_stored

ATTACK = "</script><script>alert(1)</script>\u202e\x07 & 'x' \u2028"


class Written:
    """What was written for a task, read back as a browser would: script by script."""

    def __init__(self, report: Path, task: str = "quiz") -> None:
        self.folder = report / "data" / task
        self.scripts = {path.stem: path.read_text(encoding="utf-8") for path in self.folder.glob("*.js")}
        self.meta = self.part("meta")
        blocks = [self.part(f"index-{number}") for number in range(self.meta["blocks"])]
        self.ids = [case for block in blocks for case in block["id"]]
        self.chunks = [span for block in blocks for span in block["ch"]]
        self.marks = ["".join(block["v"][model] for block in blocks) for model in range(len(self.meta["models"]))]
        self.scores = [
            [[score for block in blocks for score in block["s"][metric][model]] for model in range(len(self.marks))]
            for metric in range(len(self.meta["metrics"]))
        ]

    def part(self, name: str) -> Any:
        match = re.fullmatch(r"ddtbench\.data\((\"[^\"]*\"),(.*)\);\n", self.scripts[name], re.DOTALL)
        assert match and json.loads(match[1]) == f"{self.folder.name}/{name}"
        return json.loads(match[2])

    def case(self, case: str) -> dict[str, Any]:
        number = self.ids.index(case)
        first, last = self.chunks[number]
        found: dict[str, Any] = {}
        for chunk in range(first, last + 1):
            found |= self.part(f"samples-{chunk}").get(str(number), {})
        return found


def written(root: Path, to: Path, task: str = "quiz") -> Written:
    assert write_cases(to, task, read_stored(str(root)), task)
    return Written(to, task)


@pytest.fixture(scope="module")
def quiz(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models on 12 questions, one of which the second could not do."""
    root = tmp_path_factory.mktemp("quiz") / "runs"
    cases = names(12)
    right = {case: float(place % 3 != 0) for place, case in enumerate(cases)}
    answers = {cases[1]: ATTACK, cases[2]: json.dumps(["yes", "no"])}
    reasons = {cases[0]: "expected two, found one", cases[2]: "right\nwrong"}
    store_run(root, "clever", right, answers=answers, reasons=reasons)
    store_run(root, "slow", {case: 1.0 - right[case] for case in cases[:-1]}, failed=cases[-1:])
    return root


def test_every_case_stands_there_with_the_answer_verdict_and_reason_of_each_model(quiz: Path, tmp_path: Path) -> None:
    found = written(quiz, tmp_path)
    assert found.ids == names(12) and found.meta["all"] == found.meta["shown"] == 12
    assert [label for label, _ in found.meta["models"]] == ["CLEVER", "SLOW"] and found.meta["verdict"] == "correct"
    assert found.marks == ["wrrwrrwrrwrr", "rwwrwwrwwrwf"]
    first, last = found.case(names(12)[0]), found.case(names(12)[-1])
    assert first["case"]["q"] == "what is number 0?" and first["0"]["w"] == [["correct", "expected two, found one"]]
    assert first["1"]["t"] == [["slow says case-00000", ""]]
    assert last["1"] == {"f": "ValueError: no"}, "a failed case has its reason and nothing else"
    assert found.case(names(12)[2])["0"]["t"] == [["yes", "right"], ["no", "wrong"]], "a mark for each answer"


def test_texts_of_runs_are_data_in_every_script(quiz: Path, tmp_path: Path) -> None:
    found = written(quiz, tmp_path)
    assert not any(re.search(r"[<>&\u2028\u2029\u202e\x07]", text) for text in found.scripts.values())
    [[said, _]] = found.case(names(12)[1])["0"]["t"]
    assert said.startswith("</script><script>alert(1)</script>\u27e8U+202E\u27e9\u2407 &")


def test_the_same_runs_give_the_same_scripts(quiz: Path, tmp_path: Path) -> None:
    one, two = written(quiz, tmp_path / "one"), written(quiz, tmp_path / "two")
    assert one.scripts == two.scripts


def test_scores_without_a_verdict_are_there_to_be_compared(tmp_path: Path) -> None:
    scores = {case: 20.0 + place for place, case in enumerate(names(4))}
    worse = {case: value - 1.23456789 for case, value in scores.items()}
    store_run(tmp_path / "runs", "one", scores, verdict=False)
    store_run(tmp_path / "runs", "two", worse, verdict=False)
    found = written(tmp_path / "runs", tmp_path / "report")
    assert found.meta["verdict"] == "" and found.meta["metrics"] == [["correct", "", "higher"]]
    assert found.scores == [[[20.0, 21.0, 22.0, 23.0], [18.765, 19.765, 20.765, 21.765]]]
    assert found.marks == ["oooo", "oooo"] and found.case(names(4)[0])["0"]["n"] == [["correct", "20"]]


def test_scores_stand_on_the_metrics_own_scale_or_not_at_all(tmp_path: Path) -> None:
    logarithms = {case: math.log(2.0 + place) for place, case in enumerate(names(3))}
    folder = store_run(tmp_path / "runs", "one", logarithms, verdict=False, more={"other": logarithms})
    [digest] = folder.case_sets()
    mean = sum(logarithms.values()) / 3
    changed = {"correct": math.exp(mean), "other": mean + 1.0}
    estimates = [replace(item, value=changed[item.metric]) for item in folder.read_estimates(digest)]
    scores = pa.Table.from_pandas(folder.read_scores(digest), preserve_index=False)
    folder.write_measures(digest, scores, estimates)
    found = written(tmp_path / "runs", tmp_path / "report")
    assert [label for label, *_ in found.meta["metrics"]] == ["correct"], "the other is no mean of its scores"
    assert found.scores == [[[2.0, 3.0, 4.0]]], "a perplexity is shown, and not its logarithm"


def test_a_score_is_a_number_that_json_holds() -> None:
    assert [in_json(value) for value in (None, math.nan, math.inf, -math.inf, 1.234567)] == [
        None,
        None,
        1e300,
        -1e300,
        1.2346,
    ]


def test_a_picture_that_all_models_were_shown_is_held_once(maker: Any, subject: Any, tmp_path: Path) -> None:
    maker.task(subjects=[subject("ddt", 0.5), subject("vqgan", 0.7)], cases=3)
    found = written(maker.root, tmp_path / "report", "reconstruction-world").case("scene-00000")
    [[heading, (width, height, data)]] = found["case"]["p"]
    assert (heading, width, height) == ("original", 32, 32)
    assert Image.open(io.BytesIO(base64.b64decode(data))).size == (32, 32)
    assert found["0"]["o"][:2] == [32, 32] and found["0"]["o"] != found["1"]["o"] and "p" not in found["0"]


def test_scripts_are_bounded_and_one_case_may_reach_over_several(tmp_path: Path) -> None:
    writer = ChunkWriter(tmp_path, "task", size=1000)
    spans = [[writer.add(case, str(model), {"t": "x" * 300}) for model in range(4)] for case in range(5)]
    writer.close()
    sizes = [path.stat().st_size for path in (tmp_path / "data" / "task").glob("*.js")]
    assert max(sizes) < 1300 and len(sizes) == 7 and any(len(set(span)) > 1 for span in spans)


def test_pictures_for_which_a_sample_has_no_room_are_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "INSIDE", 50)
    png = a_picture(1)
    pictures = sample.Pictures(tmp_path, left=50)
    width, height, data, name = pictures.of(png) or []
    assert (width, height, data) == (40, 36, "") and (tmp_path / name).read_bytes() == png
    assert pictures.of(b"GIF89a") is None and pictures.of(b"") is None


def test_of_many_cases_a_stated_number_is_shown_the_same_for_every_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "MOST_SAMPLES", 199)
    monkeypatch.setattr(choosing, "SAMPLED", 60)
    scores = dict.fromkeys(names(100), 1.0)
    for model in ("one", "two"):
        store_run(tmp_path / "runs", model, scores)
    made = write_cases(tmp_path / "report", "quiz", read_stored(str(tmp_path / "runs")), "quiz")
    found = Written(tmp_path / "report")
    assert made and "30 of 100 cases, chosen in runs of neighbours by a seeded hash" in sampled(made)
    assert len(found.ids) == 30 and found.ids == sorted(found.ids) and found.ids != names(30)
    assert all({"0", "1"} <= found.case(case).keys() for case in found.ids)


def test_the_choice_follows_from_ids_alone_and_fits_the_bytes() -> None:
    order = [(case, "") for case in names(1000)]
    chosen = choose([order], stored=10_000_000, most_bytes=1_000_000)
    assert len(chosen.cases) == 100 and chosen.all == 1000
    assert choose([order, order[:500]], 10_000_000, 1_000_000).cases == chosen.cases, "whatever models there are"
    places = [order.index((case, "")) for case in chosen.cases]
    assert sum(after - before != 1 for before, after in pairwise(places)) > 10, "from all over"
    assert len(choose([order] * 10, 0).cases) == 1000, "all of them"
    assert len(choose([order] * 100, 0).cases) == 200 and len(choose([order] * 5000, 0).cases) == 20


@pytest.mark.parametrize("damage", ["gone", "cut", "without a column"])
def test_a_part_that_can_no_longer_be_read_takes_its_own_cases_alone(quiz: Path, tmp_path: Path, damage: str) -> None:
    root = tmp_path / "runs"
    shutil.copytree(quiz, root)
    stored = read_stored(str(root))
    [path] = (root / "slow").glob("*/*/samples/*.parquet")
    if damage == "gone":
        path.unlink()
    elif damage == "cut":
        path.write_bytes(path.read_bytes()[:100])
    else:
        import pyarrow.parquet as pq

        pq.write_table(pq.read_table(path).drop_columns(["text"]), path)
    assert write_cases(tmp_path / "report", "quiz", stored, "quiz")
    found = Written(tmp_path / "report")
    assert found.marks == ["wrrwrrwrrwrr", "-" * 12] and len(found.ids) == 12


def test_no_samples_no_scripts(tmp_path: Path, maker: Any) -> None:
    stored = read_stored(str(maker.root))
    assert write_cases(tmp_path, "quiz", stored, "quiz") is None and not (tmp_path / "data").exists()


# ------------------------------------------------------------------------------------------------ what was found

WORLD = ShownInstrument("seen", "{colour} {shape}", ("x", "y", "radius"))
COCO = ShownInstrument("seen", masks="masks")


@pytest.mark.parametrize(
    ("shown", "seen", "expected"),
    [
        (
            WORLD,
            {"seen": '[{"shape": "cross", "colour": "red", "x": 8, "y": 9.5, "radius": 5, "score": 0.5}]'},
            [{"l": "red cross", "b": [3.0, 4.5, 13.0, 14.5], "s": 0.5}],
        ),
        (
            ShownInstrument("seen"),
            {"seen": '[{"label": "a cat", "box": [4, 3, 1, 2]}]'},
            [{"l": "a cat", "b": [1.0, 2.0, 4.0, 3.0]}],
        ),
        (
            COCO,
            {
                "seen": '{"boxes": {"dog": [[0, 0, 2, 2, 0.25], [1, 1, 2, 2, 0.75]]}, "colors": {}}',
                "masks": '{"dog": [{"size": [2, 2], "counts": [1, 3]}]}',
            },
            [
                {"l": "dog", "b": [1.0, 1.0, 2.0, 2.0], "s": 0.75},
                {"l": "dog", "b": [0.0, 0.0, 2.0, 2.0], "s": 0.25, "m": [2, 2, 1, 3]},
            ],
        ),
        (COCO, {"seen": "no JSON"}, []),
        (COCO, {"seen": '{"boxes": {"dog": [[1, 2]]}}'}, []),
        (COCO, {"seen": '{"boxes": {"dog": [[1, 2, NaN, 4, 1]]}}'}, []),
        (WORLD, {"seen": '[{"shape": "cross"}, 3]'}, []),
        (WORLD, {}, []),
    ],
)
def test_what_an_instrument_found_is_boxes_and_masks(
    shown: ShownInstrument, seen: Mapping[str, Any], expected: list[Any]
) -> None:
    assert objects_of(shown, seen) == expected


def test_what_the_runs_instrument_found_stands_with_the_sample(tmp_path: Path) -> None:
    folder = store_run(tmp_path / "runs", "painter", dict.fromkeys(names(3), 1.0), picture=a_picture(2))
    see(folder, ['[{"label": "sun", "box": [1, 2, 3, 4], "score": 1}]', "", "[]"])
    found = written(tmp_path / "runs", tmp_path / "report")
    assert found.meta["objects"] == 1
    assert found.case(names(3)[0])["0"]["d"] == [["eye", [{"l": "sun", "b": [1.0, 2.0, 3.0, 4.0], "s": 1.0}]]]
    assert found.case(names(3)[1])["0"]["d"] == [["eye", []]]


def see(folder: RunFolder, texts: list[str]) -> None:
    """Observations of an instrument that says of itself what it finds."""
    [part] = folder.parts()
    words = {"instrument": "eye", "digest": "v1", "samples": part.digest}
    data = encode_observations(names(3), {"objects": texts}, [""] * 3, words)
    folder.write_part("00000", data, observations_folder("eye", "v1"))
    showing = {**folder.manifest()[SHOWING], "instruments": {"eye": {"objects": "objects"}}}
    folder.write_manifest(instruments={"eye": "v1"}, **{SHOWING: showing})


def test_measuring_a_run_stores_what_its_instruments_find(tmp_path: Path) -> None:
    folder = store_run(tmp_path / "runs", "painter", {"case-00000": 1.0})
    looked = ["world-detector@anything", "pixels", "of-a-package-that-is-gone"]
    request = {"model": "painter", "task": "quiz", "limit": None}
    measure_run(folder, {"metrics": [], "instruments": looked, "fingerprint": {}, "request": request})
    [run] = read_stored(str(tmp_path / "runs")).runs
    assert list(run.shown_instruments) == ["world-detector"]
    shown = run.shown_instruments["world-detector"]
    seen = {shown.objects: json.dumps([{"shape": "ring", "colour": "red", "size": "big", "x": 4, "y": 5, "radius": 2}])}
    assert objects_of(shown, seen) == [{"l": "big red ring", "b": [2.0, 3.0, 6.0, 7.0]}]
    assert run.shown_task.verdict == "correct", "what it said before is kept"


def test_token_codes_are_kept_up_to_a_number_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sample, "MOST_CODES", 3)
    folder = store_run(tmp_path / "runs", "coder", {"case-00000": 1.0})
    [part] = folder.parts()
    table = folder.read(part)
    assert table is not None
    rows = [{**row, "codes": np.arange(5, dtype=np.int32)} for row in table.to_pylist()]
    folder.write_part("00000", encode_samples(rows, {"key": folder.key}))
    found = written(tmp_path / "runs", tmp_path / "report").case("case-00000")["0"]
    assert (found["c"], found["cn"]) == ([0, 1, 2], 5)


# ------------------------------------------------------------------------------------------------ words


def test_unseen_characters_are_shown() -> None:
    assert visible("a\x00b\x1b[0m\u202ec\r\nd\te") == "a\u2400b\u241b[0m\u27e8U+202E\u27e9c\nd\te"
    assert visible("\u05d0\u200d\u0928") == "\u05d0\u200d\u0928", "letters of any script and their joiners stay"


def test_json_in_a_script_cannot_end_it() -> None:
    assert encoded({"</script>": "&\u2029"}) == '{"\\u003c/script\\u003e":"\\u0026\\u2029"}'
    with pytest.raises(ValueError, match="JSON"):
        encoded(float("nan"))
