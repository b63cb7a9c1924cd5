"""GenEval's own verdicts, reasons, relations, overlaps and kept detections on synthetic detections, reproduced exactly.

Pack: ``tests/parity/geneval`` (see its SOURCE.md). No tolerance: both sides do the same
operations in float64.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path

from tasks.geneval import names
from tasks.geneval.detections import Detection, dumps, from_rows, loads, to_rows
from tasks.geneval.prompts import OFFICIAL, prompt_from_json
from tasks.geneval.scoring import OFFICIAL_RULES, Rules, filter_detections, overlap, relations, verdict

PACK = Path(__file__).parent / "geneval"
MANIFEST = json.loads((PACK / "manifest.json").read_text())


def cases(name, number):
    with gzip.open(PACK / f"{name}_open.jsonl.gz", "rt", encoding="utf-8") as lines:
        found = [json.loads(line) for line in lines]
    assert len(found) == number
    return found


def test_vocabularies_and_defaults_are_the_scripts():
    assert list(names.OBJECTS) == MANIFEST["object_names"]
    assert list(names.COLOURS) == MANIFEST["colors"]
    assert OFFICIAL_RULES.fingerprint() == MANIFEST["defaults"]
    assert MANIFEST["metadata_sha256"] == OFFICIAL.sha256


def test_verdict_and_reason_of_every_case():
    wrong = []
    for case in cases("cases", 1500):
        found = verdict(prompt_from_json(case["metadata"], "case"), from_rows(case["detections"], case["colors"]))
        if (found.correct, found.reason) != (case["correct"], case["reason"]):
            wrong.append((case["id"], found, case["reason"]))
    assert not wrong


def test_relations_and_overlap_of_every_pair():
    for case in cases("primitives", 800):
        a, b = (Detection(*case[side], score=1.0) for side in "ab")
        assert sorted(relations(a, b)) == case["relations_of_a_to_b"], case["id"]
        assert overlap(a, b) == overlap(b, a) == case["iou"], case["id"]


def test_filtering_and_verdict_of_every_raw_image_stored_and_read_back():
    for case in cases("raw", 300):
        prompt = prompt_from_json(case["metadata"], "case")
        raw = loads(dumps(from_rows(case["raw"], case["colors_of_raw"])))
        for limit, expected in case["max_overlap"].items():
            rules = Rules(max_overlap=float(limit))
            kept = filter_detections(raw, prompt.tag, rules)
            assert list(to_rows(kept).items()) == list(expected["kept"].items()), case["id"]
            found = verdict(prompt, kept, rules)
            assert (found.correct, found.reason) == (expected["correct"], expected["reason"]), case["id"]
