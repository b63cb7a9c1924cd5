"""What a subject says of how it came to its answers stands beside each sample; of a subject that says nothing, nothing
changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import harness_fakes as fakes
import numpy as np
import pytest

from harness.contracts import Case, KeepsRecord, Sample
from harness.errors import UserError
from harness.isolation import SubjectGone
from harness.records import with_records
from harness.run import run
from harness.store.columns import stored_cases
from harness.store.parts import encode_samples, metadata_of, read_part, sample_row, samples_of
from harness.store.run_folder import RunFolder

PLAIN = ["case", "group", "stratum", "facts", "outcome", "reason", "images", "codes", "text", "numbers"]


class Says(fakes.FakeSubject):
    """Says of each row of a batch its place and its first pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[list[dict[str, Any]]] = []

    def encode(self, images: np.ndarray) -> np.ndarray:
        self.calls.append([{"first": int(image[0, 0, 0]), "why": "stop"} for image in images])
        return super().encode(images)

    def take_records(self) -> Sequence[Sequence[Mapping[str, Any]]]:
        taken, self.calls = self.calls, []
        return taken


def made(place: Path, subject: Any, task: fakes.FakeTask) -> RunFolder:
    folder = RunFolder.create_or_open(place, fakes.spec_for(task))
    run(folder.spec, task, subject, folder)
    return folder


def test_each_sample_has_the_record_of_its_own_row(tmp_path: Path) -> None:
    """Also where batches fail and are asked again case by case, padded: what was said meanwhile belongs to no case."""
    assert isinstance(Says(), KeepsRecord) and not isinstance(fakes.FakeSubject(), KeepsRecord)
    folder = made(tmp_path, Says, fakes.FakeTask(count=20, bad_ask=(3,), bad_load=(9,)))
    samples = [sample for unit in folder.samples() for sample in unit]
    assert len(samples) == 20
    for sample in samples:
        if sample.outcome == "failed":
            assert sample.record == ()
        else:
            assert sample.record == ({"first": int(sample.images["reference"][0, 0, 0]), "why": "stop"},)


def test_a_part_without_records_has_no_such_column(tmp_path: Path) -> None:
    folder = made(tmp_path, fakes.FakeSubject, fakes.FakeTask(count=4))
    (part,) = folder.parts()
    table = folder.read(part)
    assert table is not None and table.column_names == PLAIN and "record" not in metadata_of(table)["huggingface"]


def test_parts_with_and_without_records_are_measured_together(tmp_path: Path) -> None:
    """A unit of which every case failed has none."""
    task = fakes.FakeTask(count=20, bad_ask=tuple(range(8)))
    folder = made(tmp_path, Says, task)
    columns = [table.column_names for _, table in folder.tables("samples")]
    assert ["record" in names for names in columns] == [False, True, True]
    assert len(stored_cases(folder, None).columns["case"]) == 12


def test_a_record_survives_its_part() -> None:
    sample = Sample(Case("a", "a"), text="yes", record=({"model": "tiny", "tokens": 3}, {"model": "tiny"}))
    data = encode_samples([sample_row(sample)], {})
    assert samples_of(read_part(data, "here")) == [sample]


def test_a_call_that_fits_no_case_is_left_out() -> None:
    samples = [Sample(Case(name, name)) for name in "ab"]
    calls = [[{"n": 1}, {"n": 2}], [{"n": 3}], [{"n": 4}, {"n": 5}]]
    assert [sample.record for sample in with_records(samples, calls)] == [({"n": 1}, {"n": 4}), ({"n": 2}, {"n": 5})]
    assert with_records(samples, []) == samples


def test_a_subject_that_is_gone_ends_the_run_and_keeps_what_is_finished(tmp_path: Path) -> None:
    class Leaves(fakes.FakeTask):
        def ask(self, subject: Any, cases: Any, inputs: Any, seeds: Any) -> list[Sample]:
            if any(case.facts["n"] >= 16 for case in cases):
                try:
                    raise SubjectGone("nobody is there")
                except SubjectGone as error:
                    raise RuntimeError("a library wraps it") from error
            return super().ask(subject, cases, inputs, seeds)

    with pytest.raises(UserError, match="nobody is there"):
        made(tmp_path, fakes.FakeSubject, Leaves())
    folder = RunFolder.create_or_open(tmp_path, fakes.spec_for(fakes.FakeTask()))
    there = [sample for unit in folder.samples() for sample in unit]
    assert there and all(sample.outcome == "ok" for sample in there) and len(there) % folder.spec.unit_size == 0
