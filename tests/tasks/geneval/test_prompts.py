"""The prompt file is read whole and checked; each way in which it can be wrong has its line."""

from __future__ import annotations

import hashlib
import json
import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UserError
from tasks.geneval.names import COLOURS, OBJECTS, RELATIONS, TAGS
from tasks.geneval.prompts import (
    OFFICIAL,
    Exclude,
    Include,
    Position,
    Prompt,
    PromptSet,
    prompt_from_json,
    read_prompts,
)

PROPERTY = settings(max_examples=60, deadline=None)
COUNTS = dict.fromkeys(TAGS, 1)
objects, counts = st.sampled_from(OBJECTS), st.integers(0, 20)


@st.composite
def prompts(draw):
    include = []
    for number in range(draw(st.integers(0, 4))):
        target = (
            st.builds(Position, st.sampled_from(RELATIONS), st.integers(-number, number - 1)) if number else st.none()
        )
        colour = draw(st.none() | st.sampled_from(COLOURS))
        include.append(Include(draw(objects), draw(counts), colour, draw(st.none() | target)))
    exclude = draw(st.lists(st.builds(Exclude, objects, counts), max_size=3))
    return Prompt(draw(st.sampled_from(TAGS)), draw(st.text(max_size=30)), tuple(include), tuple(exclude))


@PROPERTY
@given(prompts())
def test_a_prompt_comes_back_from_its_record(prompt):
    assert prompt_from_json(json.loads(json.dumps(prompt.to_json())), "here") == prompt


def test_a_record_keeps_its_text(records):
    # the summary script groups images by this text
    assert [json.dumps(prompt_from_json(record, "here").to_json()) for record in records] == [
        json.dumps(record) for record in records
    ]


def test_the_miniature(prompt_file):
    found = read_prompts(prompt_file, expected=None)
    assert [prompt.tag for prompt in found] == list(TAGS)
    assert found[4].include == (Include("dog", 1), Include("tv remote", 1, position=Position("left of", 0)))
    assert found[2].exclude == (Exclude("clock", 3),)


def test_a_set_is_known_by_counts_and_digest(prompt_file):
    digest = hashlib.sha256(prompt_file.read_bytes()).hexdigest()
    assert len(read_prompts(prompt_file, PromptSet("here", digest, COUNTS))) == 6
    with pytest.raises(UserError, match=r"sha256 .*, expected 0000.*fetch here again"):
        read_prompts(prompt_file, PromptSet("here", "0" * 64, COUNTS))
    with pytest.raises(UserError, match="6 prompts, not 8: position 1 of 3; fetch here again"):
        read_prompts(prompt_file, PromptSet("here", digest, COUNTS | {"position": 3}))


def test_a_missing_prompt_is_named_by_its_tag(prompt_file):
    lines = prompt_file.read_text().splitlines()
    prompt_file.write_text("\n".join(lines[:3] + lines[4:]) + "\n")
    with pytest.raises(UserError, match="5 prompts, not 6: colors 0 of 1"):
        read_prompts(prompt_file, PromptSet("here", "", COUNTS))


def test_the_official_counts():
    assert sum(OFFICIAL.counts.values()) == 553
    assert tuple(OFFICIAL.counts) == TAGS


@pytest.mark.needs("geneval-prompts")
def test_the_official_file():
    path = Path(os.environ["GENEVAL_PROMPTS"])
    found = read_prompts(path)
    assert Counter(prompt.tag for prompt in found) == OFFICIAL.counts
    assert [json.dumps(prompt.to_json()) for prompt in found] == path.read_text().splitlines()


GOOD = {"tag": "position", "prompt": "a photo", "include": [{"class": "cup", "count": 1}]}


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ([], "must be a JSON object"),
        ({"tag": "colors"}, "'prompt' is missing"),
        ({"prompt": "x"}, "'tag' is missing"),
        (GOOD | {"includes": []}, "unknown key 'includes'; did you mean 'include'?"),
        (GOOD | {"prompt": 3}, "'prompt' must be text, is 3"),
        (GOOD | {"include": {}}, "'include' must be a list"),
        (GOOD | {"include": ["cup"]}, r"include\[0\]: must be a JSON object"),
        (GOOD | {"include": [{"class": "cup"}]}, r"include\[0\]: 'count' is missing"),
        (
            GOOD | {"include": [{"class": "cup", "count": 1, "colour": "red"}]},
            "unknown key 'colour'; did you mean 'color'",
        ),
        (GOOD | {"include": [{"class": "cup", "count": True}]}, "'count' must be a whole number"),
        (GOOD | {"include": [{"class": "cup", "count": -1}]}, "'count' must be a whole number"),
        (GOOD | {"include": [{"class": "mouse", "count": 1}]}, "unknown class 'mouse'; did you mean"),
        (GOOD | {"include": [{"class": ["cup"], "count": 1}]}, "unknown class"),
        (GOOD | {"include": [{"class": "cup", "count": 1, "color": "grey"}]}, "unknown color 'grey'"),
        (GOOD | {"exclude": [{"class": "cup", "count": 1, "color": "red"}]}, r"exclude\[0\]: unknown key 'color'"),
        (GOOD | {"include": [{"class": "cup", "count": 1, "position": ["above", 0]}]}, "requirement 0, which does not"),
        (GOOD | {"include": [{"class": "cup", "count": 1, "position": "above"}]}, "'position' must be"),
        (
            GOOD | {"include": [*GOOD["include"], {"class": "cup", "count": 1, "position": ["left", 0]}]},
            r"include\[1\]: unknown relation 'left'; did you mean 'left of'",
        ),
        (
            GOOD | {"include": [*GOOD["include"], {"class": "cup", "count": 1, "position": ["above", -2]}]},
            "requirement -2, which does not",
        ),
    ],
)
def test_a_wrong_record_names_file_and_line(prompt_file, record, message):
    with prompt_file.open("a") as file:
        file.write(json.dumps(record) + "\n")
    with pytest.raises(UserError, match=message) as caught:
        read_prompts(prompt_file)
    assert str(caught.value).startswith(f"{prompt_file}:7: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no prompt"),
        ("\n", ":1: empty line"),
        (json.dumps(GOOD) + "\n\n" + json.dumps(GOOD), ":2: empty line"),
        (json.dumps(GOOD) + "\n{", ":2: not JSON"),
        (json.dumps(GOOD) + "\n" + json.dumps(GOOD | {"exclude": []}), ":2: the same prompt as line 1"),
    ],
)
def test_a_wrong_file(tmp_path, text, message):
    path = tmp_path / "prompts.jsonl"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_prompts(path, expected=None)


def test_no_file_and_no_text(tmp_path):
    with pytest.raises(UserError, match=r"No such file.*; put .*djghosh13/geneval"):
        read_prompts(tmp_path / "nowhere.jsonl")
    (tmp_path / "latin").write_bytes(b"\xe9")
    with pytest.raises(UserError, match="not UTF-8 at byte 0"):
        read_prompts(tmp_path / "latin")


def test_line_ends_a_mark_and_separators_change_no_prompt(tmp_path):
    said = {**GOOD, "prompt": "a\u2028photo\u0085of"}
    plain = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in (GOOD, said)).encode()
    found = []
    for number, content in enumerate((plain, plain.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + plain)):
        (tmp_path / f"{number}.jsonl").write_bytes(content)
        found.append(read_prompts(tmp_path / f"{number}.jsonl", None))
    assert found[0] == found[1] == found[2] and found[0][1].text == said["prompt"]
    (tmp_path / "deep.jsonl").write_text("[" * 100_000)
    with pytest.raises(UserError, match=r"deep\.jsonl:1: not JSON that can be read"):
        read_prompts(tmp_path / "deep.jsonl", None)
