"""The miniatures in the official schemas, and files that are none."""

from __future__ import annotations

import json

import pytest

from harness.errors import UserError
from tasks.questions.sets import YES, phrases, read_compbench, read_dpg, read_drawbench, read_geneval2


def test_geneval2(miniatures):
    prompts = read_geneval2(miniatures / "geneval2.jsonl")
    assert len(prompts) == 8 and prompts[0].stratum == "atomicity  3"
    count, green, _ = prompts[0].questions
    assert count.answers == ("two", "Two", " two", " Two", "2", " 2")
    assert green.answers == YES and not green.parents


def test_compbench_parts_a_prompt_at_and_and_commas(miniatures):
    prompts = read_compbench(miniatures / "t2i-compbench")
    assert [prompt.stratum for prompt in prompts] == ["color", "color", "shape", "texture"]
    assert [item.text for item in prompts[0].questions] == ["a green kite", "a blue lamp"]
    assert phrases("Two cups, one red and the other white.") == ["Two cups", "one red", "the other white"]
    assert phrases("a sandy beach") == ["a sandy beach"]
    (only,) = read_compbench(miniatures / "t2i-compbench" / "shape_val.txt")
    assert only.id == "shape/a round table and a square clock"


def test_dpg_keeps_every_row_and_numbers_parents_by_place(miniatures):
    kite, shelf = read_dpg(miniatures / "dpg_bench.csv")
    assert kite.text == "A long green kite flies over a calm, grey lake."
    assert [item.parents for item in kite.questions] == [(), (0,), (), (0, 2)]
    assert len(shelf.questions) == 2


def test_drawbench_asks_for_the_prompt(miniatures):
    prompts = read_drawbench(miniatures / "drawbench.csv")
    assert prompts[3].questions[0].text == "A lamp, left of a cup." and prompts[3].stratum == "Positional"


GOOD = {"prompt": "p", "atom_count": 3, "vqa_list": [["Is it?", "Yes"]], "skills": ["object"]}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["{"], r"data\.jsonl:1: not JSON"),
        (["[]"], r"data\.jsonl:1: must be a JSON object"),
        ([json.dumps({key: GOOD[key] for key in ("prompt", "atom_count", "skills")})], r":1: 'vqa_list' is missing"),
        ([json.dumps(GOOD | {"vqa_list": []})], "'vqa_list' must be a list of"),
        ([json.dumps(GOOD | {"vqa_list": [["Is it?"]]})], "'vqa_list' must be a list of"),
        ([json.dumps(GOOD | {"vqa_list": [["How many?", "many"]]})], "must be a number from one to ten in words"),
        ([], "holds no prompt"),
    ],
)
def test_a_broken_geneval2_file_names_the_row(tmp_path, lines, message):
    path = tmp_path / "data.jsonl"
    path.write_text("\n".join(lines))
    with pytest.raises(UserError, match=message):
        read_geneval2(path)


def test_a_prompt_that_stands_twice_is_two_cases(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_text("\n".join([json.dumps(GOOD)] * 2))
    assert [(prompt.id, prompt.text) for prompt in read_geneval2(path)] == [("p", "p"), ("p (2)", "p")]


HEAD = "item_id,text,proposition_id,dependency,question_natural_language\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("item_id,text\na,b\n", r"dpg\.csv: column 'proposition_id' is missing; it has item_id, text"),
        ("", "column 'item_id' is missing; it has none"),
        (HEAD + "a,b,1,7,q?\n", r"dpg\.csv:2: 'dependency' names question 7, which 'a' does not have"),
        (HEAD + "a,b,1,x,q?\n", r"dpg\.csv:2: 'dependency' must be whole numbers, is 'x'"),
        (HEAD + "a,b,1,0,\n", r"dpg\.csv:2: 'question_natural_language' is empty"),
        (HEAD, "holds no prompt"),
    ],
)
def test_a_broken_dpg_file_names_the_row(tmp_path, text, message):
    path = tmp_path / "dpg.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=message):
        read_dpg(path)


def test_missing_files_and_bytes_that_are_no_text(tmp_path):
    with pytest.raises(UserError, match=r"nowhere\.csv: No such file"):
        read_drawbench(tmp_path / "nowhere.csv")
    with pytest.raises(UserError, match=r"no color_val\.txt, shape_val\.txt or texture_val\.txt there"):
        read_compbench(tmp_path)
    (tmp_path / "bad.csv").write_bytes(b"Prompts,Category\n\xff,x\n")
    with pytest.raises(UserError, match="not UTF-8 at byte 17"):
        read_drawbench(tmp_path / "bad.csv")


def test_a_prompt_ends_where_its_line_ends(tmp_path):
    path = tmp_path / "color_val.txt"
    path.write_bytes("a red\u0085bench\r\na blue\u2028bowl\r\n".encode())
    assert [prompt.text for prompt in read_compbench(path)] == ["a red\u0085bench", "a blue\u2028bowl"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prompt": None}, r":2: 'prompt' must be text, is null"),
        ({"prompt": ["p"]}, r":2: 'prompt' must be text"),
        ({"atom_count": "3"}, r":2: 'atom_count' must be a whole number"),
    ],
)
def test_a_prompt_that_is_no_text_is_refused_by_line_and_key(tmp_path, change, message):
    path = tmp_path / "data.jsonl"
    path.write_text(json.dumps(GOOD) + "\n" + json.dumps(GOOD | change))
    with pytest.raises(UserError, match=message):
        read_geneval2(path)
