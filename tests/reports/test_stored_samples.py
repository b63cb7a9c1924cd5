"""Stored samples that another hand wrote: what can be shown is, and nothing ends the report."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest

from harness.spec import RunSpec
from harness.store.parts import encode_samples
from harness.store.run_folder import RunFolder
from reports.reading.runs import read_stored
from reports.reading.samples import case_order, sample_numbers, stored_samples

HEAD = {"stratum": "", "facts": "{}", "text": "", "codes": [], "outcome": "ok", "reason": "", "images": []}


def folder_of(maker: Any) -> RunFolder:
    return RunFolder.create_or_open(maker.root, RunSpec("ddt", 1, "", "recursion-world", 1, "made by hand"))


@pytest.mark.parametrize("numbers", ["[1]", "{", "3", '{"psnr": null}', '{"psnr": "high"}', '{"psnr": true}'])
def test_numbers_that_are_none_are_left_out(maker: Any, numbers: str) -> None:
    folder = folder_of(maker)
    texts = [json.dumps({"psnr": 30.0, "kept": 1}), numbers]
    rows = [{**HEAD, "case": f"c{n}", "group": f"g{n}", "numbers": text} for n, text in enumerate(texts)]
    folder.write_part("00000", encode_samples(rows, {"key": folder.key}))
    (run,) = read_stored(str(maker.root)).runs
    assert sample_numbers(run.folder) == (["g0", "g1"], {})
    assert case_order(run.folder) == {"c0": "", "c1": ""}


def test_facts_that_are_no_object_are_none(maker: Any) -> None:
    folder = folder_of(maker)
    rows = [{**HEAD, "case": "c", "group": "g", "numbers": "{}", "facts": "not JSON"}]
    folder.write_part("00000", encode_samples(rows, {"key": folder.key}))
    (run,) = read_stored(str(maker.root)).runs
    assert stored_samples(run.folder, ["c"])["c"].facts == {}


def test_a_part_without_a_column_is_named_and_shown_as_nothing(maker: Any) -> None:
    import io

    import pyarrow.parquet as pq

    folder = folder_of(maker)
    buffer = io.BytesIO()
    pq.write_table(pa.table({"case": ["c"], "outcome": ["failed"]}), buffer)
    folder.write_part("00000", buffer.getvalue())
    stored = read_stored(str(maker.root))
    assert [problem.where.rpartition("/samples/")[2][:5] for problem in stored.problems] == ["00000"]
    assert case_order(stored.runs[0].folder) == {} and sample_numbers(stored.runs[0].folder) == ([], {})


def test_parts_are_passed_over_once_and_read_again_only_for_the_cases_asked_for(
    maker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = folder_of(maker)
    for unit in range(5):
        row = {**HEAD, "case": f"c{unit}", "group": "g", "numbers": "{}", "text": f"said {unit}"}
        folder.write_part(f"{unit:05d}", encode_samples([row], {"key": folder.key}))
    (run,) = read_stored(str(maker.root)).runs  # not measured: its failures were looked for
    read: list[str] = []
    inspect = RunFolder.inspect

    def counted(self: RunFolder, part: Any, *rest: Any) -> Any:
        read.append(part.unit)
        return inspect(self, part, *rest)

    monkeypatch.setattr(RunFolder, "inspect", counted)
    assert list(case_order(run.folder)) == [f"c{unit}" for unit in range(5)] and not read
    assert stored_samples(run.folder, ["c3", "none"])["c3"].text == "said 3" and read == ["00003"]
