"""Photographs as edits: MagicBrush's two settings and sizes, Emu Edit's source and filter, runs from file to table."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image
from torch import Tensor

from baselines.controls.editing import CopySource
from harness import run_suite
from harness.contracts import Sample
from harness.errors import UserError
from harness.images import from_bytes, to_bytes
from harness.instruments.clip import open_clip_vit_b32
from harness.instruments.dino import open_dino_vits16
from harness.plan import suite_for
from tasks.editing import alignment
from tasks.editing.distance import distances, open_picture_distance
from tasks.editing.picture_sets import OF_PAPER, TO_SOURCE, TO_TARGET
from tasks.editing.pictures import PictureEditing, stretched
from tasks.editing.task import build, build_chain

SIDE = 32


@pytest.fixture
def brush(miniatures: ModuleType, tmp_path: Path) -> str:
    """MagicBrush's archive with captions."""
    return f"magicbrush:{miniatures.magicbrush_archive(tmp_path / 'archive')}"


@pytest.fixture
def emu(miniatures: ModuleType, tmp_path: Path) -> Path:
    return Path(miniatures.write(tmp_path / "test-0.parquet", miniatures.emu_rows()))


def asked(task: PictureEditing, subject: Any) -> list[Sample]:
    cases = task.cases()
    return list(task.ask(subject, cases, [task.load(case) for case in cases], list(range(len(cases)))))


def columns(samples: Sequence[Sample], *instruments: Any) -> dict[str, Any]:
    return {f"{tool.name}.{name}": np.array(v) for tool in instruments for name, v in tool.observe(samples).items()}


def mean(metric: Any, found: dict[str, Any]) -> float:
    tops, bottoms = metric.parts({"case": next(iter(found.values())), **found})
    return float(np.sum(tops) / np.sum(bottoms))


# ------------------------------------------------------------------------------------------------ MagicBrush


def test_all_turns_start_from_the_true_picture_and_the_final_turn_from_the_first(brush: str) -> None:
    subject = CopySource(SIDE)
    turns, chain = build(brush, subject), build_chain(brush, subject)
    assert isinstance(turns, PictureEditing) and isinstance(chain, PictureEditing)
    assert (turns.name, chain.name) == ("editing-magicbrush", "editing-chain-magicbrush")
    assert [case.id for case in turns.cases()] == [
        f"magicbrush-{name}" for name in ("200-1", "201-1", "201-2", "201-3", "202-1", "202-2")
    ]
    assert [case.stratum for case in chain.cases()] == ["1 turn", "3 turns", "2 turns"]
    of = {case.id: case for case in turns.cases()}
    for case in chain.cases():
        told = case.facts["instructions"]
        links = [of[f"{case.id}-{turn}"] for turn in range(1, len(told) + 1)]
        assert [link.facts["instructions"] for link in links] == [[line] for line in told]
        assert {link.group for link in links} == {case.group} and links[-1].facts["caption"] == case.facts["caption"]
        assert np.array_equal(turns.load(links[0])[0], chain.load(case)[0])
        assert np.array_equal(turns.load(links[-1])[1], chain.load(case)[1])
        for before, after in pairwise(links):
            assert np.array_equal(stretched(turns.load(before)[1], SIDE), turns.load(after)[0])
    assert turns.fingerprint != chain.fingerprint and turns.data_revision == chain.data_revision


def test_pictures_are_stretched_for_the_subject_and_compared_at_the_targets_size(brush: str, fakes: ModuleType) -> None:
    task = build(brush, fakes.Speaker())
    samples = asked(task, fakes.Speaker())
    assert {s.images["reference"].shape[:2] for s in samples} == {(48, 40), (64, 64), (40, 56)}
    assert (
        {s.images["output"].shape for s in samples} == {s.images["source"].shape for s in samples} == {(SIDE, SIDE, 3)}
    )
    seen = open_picture_distance().observe(samples)
    for sample, l1, l2 in zip(samples, seen["l1"], seen["l2"], strict=True):
        height, width = sample.images["reference"].shape[:2]
        grown = Image.fromarray(sample.images["output"]).resize((width, height))  # Pillow's default filter
        gap = (np.asarray(grown, np.float64) - sample.images["reference"]) / 255
        assert l1 == pytest.approx(np.abs(gap).mean()) and l2 == pytest.approx((gap**2).mean())
    assert build(brush, CopySource(64)).fingerprint != task.fingerprint


def test_each_turn_of_a_chain_begins_with_the_last_output(brush: str, fakes: ModuleType) -> None:
    (_, long, _) = asked(build_chain(brush, fakes.Speaker()), fakes.Speaker())
    steps = [long.images[name] for name in ("source", "turn-1", "turn-2", "output")]
    for before, after in pairwise(steps):
        bright = before[:, ::-1].astype(float)  # the fake mirrors and darkens
        assert np.abs(after - after.sum() / bright.sum() * bright).max() <= 1


class Knows:
    """The perfect subject: finds the true edit of a picture that it was shown."""

    image_size = SIDE

    def __init__(self, task: PictureEditing) -> None:
        pairs = ((task.load(case), case.facts["instructions"][0]) for case in task.cases())
        self.known = {(shown.tobytes(), told): true for (shown, true), told in pairs}

    def edit(self, images: Tensor, instructions: Sequence[str], seeds: Sequence[int]) -> Tensor:
        keys = zip((shown.tobytes() for shown in to_bytes(images)), instructions, strict=True)
        return from_bytes(np.stack([self.known[key] for key in keys]))


def square(rows: list[dict[str, Any]], miniatures: ModuleType, names: Sequence[str]) -> list[dict[str, Any]]:
    """The same records with pictures of the subject's own size."""
    return [
        {**row, **{name: miniatures.image(10 * n + k, (SIDE, SIDE)) for k, name in enumerate(names)}}
        for n, row in enumerate(rows)
    ]


def test_a_perfect_subject_is_perfect_and_a_copy_is_not(miniatures: ModuleType, tmp_path: Path, encoders: None) -> None:
    rows = square(miniatures.magicbrush_rows(), miniatures, ("source_img", "target_img"))
    rows = [{**row, "caption": f"picture {n}"} for n, row in enumerate(rows)]
    task = build(f"magicbrush:{miniatures.write(tmp_path / 'f.parquet', rows)}", CopySource(SIDE))
    assert isinstance(task, PictureEditing) and task.metrics == TO_TARGET
    tools = open_picture_distance(), open_clip_vit_b32(), open_dino_vits16()
    perfect, idle = (columns(asked(task, subject), *tools) for subject in (Knows(task), CopySource(SIDE)))
    assert mean(alignment.l1_target(), perfect) == mean(alignment.l2_target(), perfect) == 0
    for made in (alignment.clip_i, alignment.dino):
        assert mean(made(), perfect) == pytest.approx(1) and mean(made(), idle) < 1 - 1e-6
    assert mean(alignment.cvs_assumed(), perfect) == pytest.approx(100)
    assert mean(alignment.clip_t(), perfect) == pytest.approx(mean(alignment.clip_t_of_truth(), perfect))
    assert mean(alignment.l1_target(), idle) > 0.05


# ------------------------------------------------------------------------------------------------ Emu Edit


def test_emu_edit_is_compared_with_the_source_and_a_copy_keeps_all(
    miniatures: ModuleType, tmp_path: Path, encoders: None
) -> None:
    rows = square(miniatures.emu_rows(), miniatures, ("image",))
    task = build(f"emu-edit:{miniatures.write(tmp_path / 'f.parquet', rows)}", CopySource(SIDE))
    assert isinstance(task, PictureEditing) and task.metrics == TO_SOURCE
    samples = asked(task, CopySource(SIDE))
    assert all(set(sample.images) == {"reference", "output"} for sample in samples)
    seen = columns(samples, open_picture_distance(), open_clip_vit_b32(), open_dino_vits16())
    assert mean(alignment.l1_source(), seen) == 0 and mean(alignment.clip_dir(), seen) == 0
    assert mean(alignment.clip_im(), seen) == pytest.approx(1) and mean(alignment.dino_source(), seen) == pytest.approx(
        1
    )
    counts = alignment.clip_dir().parts(seen)[1]
    assert counts.tolist() == [1.0, 0.0, 1.0, 1.0], "equal captions ask for no direction"


def test_the_caption_filter_leaves_out_equal_captions_keeps_ids_and_is_stated(emu: Path) -> None:
    whole, fewer = (build(f"{name}:{emu}", CopySource(SIDE)) for name in ("emu-edit", "emu-edit-filtered"))
    ids = [case.id for case in whole.cases()]
    assert ids == ["emu-edit-add-0", "emu-edit-background-1", "emu-edit-color-2", "emu-edit-style-3"]
    assert [case.id for case in fewer.cases()] == [ids[0], *ids[2:]]
    assert [case.stratum for case in fewer.cases()] == ["add", "color", "style"]
    assert "4 of 4 rows (no caption filter)" in whole.fingerprint["reference"]
    assert "3 of 4 rows (without rows whose captions are equal)" in fewer.fingerprint["reference"]
    groups = [case.group for case in whole.cases()]
    assert groups[0] == groups[3] and len(set(groups)) == 3, "clusters are pictures"


def test_rows_of_one_number_stay_apart(miniatures: ModuleType, tmp_path: Path) -> None:
    rows = [{**row, "idx": 7, "task": "add"} for row in miniatures.emu_rows()]
    path = miniatures.write(tmp_path / "f.parquet", rows)
    ids = [case.id for case in build(f"emu-edit:{path}", CopySource(SIDE)).cases()]
    assert ids == ["emu-edit-add-7", "emu-edit-add-7-2", "emu-edit-add-7-3", "emu-edit-add-7-4"]
    assert [c.id for c in build(f"emu-edit-filtered:{path}", CopySource(SIDE)).cases()] == [ids[0], *ids[2:]]
    for row in rows:
        row["output_caption"] = f" {row['input_caption'].upper()}"
    with pytest.raises(UserError, match="all rows have equal captions"):
        build(f"emu-edit-filtered:{miniatures.write(path, rows)}", CopySource(SIDE))


# ------------------------------------------------------------------------------------------------ names and errors


@pytest.mark.parametrize("name", ["evr", "ma5k"])
def test_pairs_of_the_users_have_l1_and_cvs_alone(miniatures: ModuleType, tmp_path: Path, name: str) -> None:
    path = miniatures.write(tmp_path / "f.parquet", miniatures.magicbrush_rows())
    task = build(f"{name}:{path}", CopySource(SIDE))
    assert task.metrics == OF_PAPER and [case.id for case in task.cases()][:2] == [f"{name}-00000", f"{name}-00001"]
    with pytest.raises(UserError, match=f"name it: editing@{name}:PATH"):
        build(name, CopySource(SIDE))


@pytest.mark.parametrize(
    ("make", "argument", "said"),
    [
        (build, "magicbush", "no edits of 'magicbush' for editing; did you mean 'magicbrush'?"),
        (build_chain, "emu-edit", "emu-edit has no sessions of several turns"),
        (build_chain, "world:x", "no edits of 'world:x' for editing-chain; did you mean 'world'?"),
        (build, "magicbrush", "MagicBrush is not prepared"),
        (build, "emu-edit:nowhere", "Emu Edit at 'nowhere': there is no such file or folder: get data/test-"),
    ],
)
def test_what_is_not_there_is_one_line(
    make: Any, argument: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DDTBENCH_DATA", str(tmp_path))
    with pytest.raises(UserError) as caught:
        make(argument, CopySource(SIDE))
    assert said in str(caught.value) and "\n" not in str(caught.value)


# ------------------------------------------------------------------------------------------------ from file to table


def values(frame: Any) -> dict[str, Any]:
    whole = frame[frame["stratum"] == ""]
    return dict(zip(whole["metric"], whole["value"], strict=True))


def test_a_run_from_the_official_schema_to_the_table(brush: str, emu: Path, tmp_path: Path, encoders: None) -> None:
    for task, metrics in ((f"editing@{brush}", TO_TARGET), (f"editing@emu-edit:{emu}", TO_SOURCE)):
        suite = suite_for(task, models=["copy-source"], limit=8)
        found = values(run_suite(suite, str(tmp_path / "runs")))
        assert list(found) == list(metrics) and all(np.isfinite(value) for value in found.values())
    # copy-source has 32 pixels: what it loses is what stretching to 32 and back loses
    first = build(f"emu-edit:{emu}", CopySource(SIDE))
    gaps = [distances(*pair) for pair in (first.load(case) for case in first.cases())]
    assert found["l1-source"] == pytest.approx(np.mean([l1 for l1, _ in gaps]))


def test_without_weights_the_distances_stand_and_the_rest_says_what_to_put_where(
    brush: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DDTBENCH_DATA", str(tmp_path / "empty"))
    frame = run_suite(suite_for(f"editing-chain@{brush}", models=["copy-source"]), str(tmp_path / "runs"))
    whole = frame[frame["stratum"] == ""].set_index("metric")
    assert whole["value"].notna().to_dict() == {name: name[0] == "l" for name in TO_TARGET}
    assert "clip-vit-b32: config.json is missing: put" in whole["absent"]["clip-i"]
    assert "backbones/dino-vits16 in $DDTBENCH_DATA" in whole["absent"]["dino"]


def test_a_picture_that_cannot_be_read_fails_its_case_alone(miniatures: ModuleType, tmp_path: Path) -> None:
    rows = miniatures.magicbrush_rows()
    rows[2]["target_img"] = {"bytes": b"broken", "path": None}
    path = miniatures.write(tmp_path / "f.parquet", rows)
    frame = run_suite(suite_for(f"editing@magicbrush:{path}", models=["copy-source"]), str(tmp_path / "runs"))
    row = frame[(frame["metric"] == "l1-target") & (frame["stratum"] == "")].iloc[0]
    assert (row["scored"], row["failed"]) == (5, 1) and row["value"] > 0


@pytest.mark.slow
@pytest.mark.parametrize("model", ["ddt-llama", "vqgan-llama", "var-llama"])
def test_the_zoos_models_edit_photographs(brush: str, tmp_path: Path, encoders: None, model: str) -> None:
    found = values(run_suite(suite_for(f"editing-chain@{brush}", models=[model], limit=8), str(tmp_path / "runs")))
    assert all(np.isfinite(value) for value in found.values()) and 0 < found["l1-target"] < 1
