"""A complete folder is accepted in order; every way of being incomplete is listed, file by file."""

from __future__ import annotations

import json
import shutil

import pytest
from PIL import Image

from harness.errors import UserError
from tasks.geneval.image_folder import SHOWN, IncompleteImages, check_images
from tasks.geneval.prompts import read_prompts


@pytest.fixture
def prompts(prompt_file):
    return read_prompts(prompt_file, expected=None)


def problems(folder, prompts, **options):
    with pytest.raises(IncompleteImages) as caught:
        check_images(folder, prompts, per_prompt=2, **options)
    assert "\n" not in str(caught.value)
    for problem in caught.value.problems[:SHOWN]:
        assert problem in str(caught.value)
    return caught.value.problems


def test_a_complete_folder_comes_in_order(image_folder, prompts):
    (image_folder / "00000" / "samples" / "notes.txt").write_text("not an image")
    (image_folder / "logs").mkdir()
    images = check_images(image_folder, prompts, per_prompt=2)
    assert [(image.prompt, image.number) for image in images] == [(i, j) for i in range(6) for j in range(2)]
    assert images[-1].name == "00005/0001"
    assert images[-1].path == image_folder / "00005" / "samples" / "0001.png"
    assert images == check_images(image_folder, prompts, per_prompt=2, size=(8, 6))


def test_the_samplers_five_digits_name_the_same_images(image_folder, prompts):
    before = [image.name for image in check_images(image_folder, prompts, per_prompt=2)]
    for path in image_folder.glob("*/samples/*.png"):
        path.rename(path.with_name(f"0{path.name}"))
    assert [image.name for image in check_images(image_folder, prompts, per_prompt=2)] == before


def test_missing_images_and_prompts(image_folder, prompts):
    (image_folder / "00002" / "samples" / "0001.png").unlink()
    shutil.rmtree(image_folder / "00003")
    shutil.rmtree(image_folder / "00004" / "samples")
    assert problems(image_folder, prompts) == (
        "missing 00002/samples/0001.png",
        "missing 00003",
        "missing 00004/samples/0000.png",
        "missing 00004/samples/0001.png",
    )


def test_more_than_was_asked_for(image_folder, prompts):
    Image.new("RGB", (8, 6), "red").save(image_folder / "00001" / "samples" / "0002.png")
    (image_folder / "00006").mkdir()
    assert problems(image_folder, prompts) == ("unexpected 00001/samples/0002.png", "unexpected 00006")


def test_one_number_twice(image_folder, prompts):
    Image.new("RGB", (8, 6), "red").save(image_folder / "00001" / "samples" / "00001.png")
    (image_folder / "3").mkdir()
    assert problems(image_folder, prompts) == (
        "duplicate 00001/samples/00001.png and 00001/samples/0001.png",
        "duplicate 00003 and 3",
    )


def test_names_that_only_the_script_would_take(image_folder, prompts):
    (image_folder / "00001" / "samples" / "0000.png~").write_bytes(b"")
    assert problems(image_folder, prompts) == ("stray 00001/samples/0000.png~, which the official script would score",)


def test_wrong_sizes_against_most_and_against_what_is_asked(image_folder, prompts):
    Image.new("RGB", (6, 8), "red").save(image_folder / "00001" / "samples" / "0000.png")
    assert problems(image_folder, prompts) == ("wrong size 00001/samples/0000.png: 6x8, not 8x6",)
    assert len(problems(image_folder, prompts, size=(6, 8))) == 11


def test_half_a_file_and_no_image(image_folder, prompts):
    whole = (image_folder / "00001" / "samples" / "0000.png").read_bytes()
    (image_folder / "00001" / "samples" / "0000.png").write_bytes(whole[:-20])
    Image.new("RGB", (8, 6), "red").save(image_folder / "00002" / "samples" / "0000.png", format="JPEG")
    found = problems(image_folder, prompts)
    assert [problem.split(" (")[0] for problem in found] == [
        "unreadable 00001/samples/0000.png",
        "unreadable 00002/samples/0000.png",
    ]
    assert str(image_folder) not in " ".join(found)


def test_images_made_with_one_seed(image_folder, prompts):
    samples = image_folder / "00001" / "samples"
    shutil.copy(samples / "0000.png", samples / "0001.png")
    assert problems(image_folder, prompts) == ("identical 00001/samples/0001.png and 00001/samples/0000.png",)
    assert len(check_images(image_folder, prompts, per_prompt=2, identical="accept")) == 12


def test_images_of_other_prompts(image_folder, prompts, records):
    (image_folder / "00001" / "metadata.jsonl").write_text(json.dumps(records[2]))
    (image_folder / "00002" / "metadata.jsonl").unlink()
    (image_folder / "00003" / "metadata.jsonl").write_text("{")
    (image_folder / "00004" / "metadata.jsonl").write_text(json.dumps({"tag": "position"}))
    (image_folder / "00005" / "metadata.jsonl").write_text(json.dumps(records[5], indent=1))
    found = problems(image_folder, prompts)
    assert found[0] == (
        "another prompt in 00001/metadata.jsonl: 'a photo of two clocks', not 'a photo of a cup and a fork'"
    )
    assert found[1] == "missing 00002/metadata.jsonl"
    assert found[2].startswith("unreadable 00003/metadata.jsonl (")
    assert found[3:] == ("00004/metadata.jsonl: 'prompt' is missing",)


def test_many_problems_are_shortened_but_all_kept(image_folder, prompts):
    with pytest.raises(IncompleteImages, match=r"24 problems: missing .*; and 4 more$") as caught:
        check_images(image_folder, prompts, per_prompt=6)
    assert len(caught.value.problems) == 24


def test_no_folder(tmp_path, prompts):
    with pytest.raises(UserError, match=r"no such folder; it must hold NNNNN/samples/NNNN.png"):
        check_images(tmp_path / "nowhere", prompts)
