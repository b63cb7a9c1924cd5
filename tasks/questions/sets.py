"""Prompts with the questions that their images must answer, read from each benchmark's own files.

Every reader raises UserError for a file that is missing, empty or malformed: file, row, what is wrong.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.texts import numbered_lines, parse_json, read_text, text_of, whole_number_of

CURE = "get the file again"
YES = ("Yes", "yes", " yes", " Yes")
"""The spellings that GenEval 2's script sums over."""

DIGITS = {
    word: str(number)
    for number, word in enumerate(
        ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"), start=1
    )
}


@dataclass(frozen=True)
class Question:
    """``answers`` are the spellings of the right one; ``parents`` the numbers (from 0) of the questions of the same
    prompt without which this one makes no sense."""

    text: str
    answers: tuple[str, ...] = YES
    parents: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {"text": self.text, "answers": list(self.answers), "parents": list(self.parents)}


@dataclass(frozen=True)
class QuestionedPrompt:
    """``id`` survives code changes; ``stratum`` is what tables break down by, "" for nothing."""

    id: str
    text: str
    questions: tuple[Question, ...]
    stratum: str = ""


def read_geneval2(path: Path) -> tuple[QuestionedPrompt, ...]:
    """``geneval2_data.jsonl``: ``prompt``, ``atom_count``, ``vqa_list`` of [question, answer], ``skills``."""
    found = []
    for number, line in _lines(path):
        where = f"{path}:{number}"
        record = parse_json(line, where)
        _require(record, ("prompt", "atom_count", "vqa_list", "skills"), where)
        prompt = text_of(record["prompt"], where, "prompt", empty=True)
        atoms = whole_number_of(record["atom_count"], where, "atom_count")
        pairs = record["vqa_list"]
        if not isinstance(pairs, list) or not pairs or not all(_is_pair(pair) for pair in pairs):
            raise UserError(f"{where}: 'vqa_list' must be a list of [question, answer]")
        questions = tuple(Question(text, _spellings(text, answer, where)) for text, answer in pairs)
        found.append(QuestionedPrompt(prompt, prompt, questions, f"atomicity {atoms:>2}"))
    return _checked(path, found)


def read_compbench(path: Path) -> tuple[QuestionedPrompt, ...]:
    """``color_val.txt``, ``shape_val.txt`` and ``texture_val.txt`` of a folder, or one of them: a prompt per line."""
    files = sorted(path.glob("*_val.txt")) if path.is_dir() else [path]
    files = [file for file in files if file.stem.removesuffix("_val") in ("color", "shape", "texture")]
    if not files:
        raise UserError(f"{path}: no color_val.txt, shape_val.txt or texture_val.txt there")
    found = []
    for file in files:
        kind = file.stem.removesuffix("_val")
        for _, line in _lines(file):
            text = line.split("\t")[0].strip()
            questions = tuple(Question(phrase) for phrase in phrases(text))
            found.append(QuestionedPrompt(f"{kind}/{text}", text, questions, kind))
    return _checked(path, found)


def phrases(text: str) -> list[str]:
    """The parts of a prompt between commas and *and*: ``a green bench`` and ``a blue bowl``."""
    parts = text.rstrip(".").replace(", and ", ", ").replace(" and ", ", ").split(", ")
    return [part.strip() for part in parts if part.strip()]


def read_dpg(path: Path) -> tuple[QuestionedPrompt, ...]:
    """``dpg_bench.csv``: one row per question, ``dependency`` the ids of its parents (0: none)."""
    wanted = ("item_id", "text", "proposition_id", "dependency", "question_natural_language")
    by_item: dict[str, list[tuple[str, dict[str, str]]]] = {}
    for where, row in _rows(path, wanted):
        by_item.setdefault(row["item_id"], []).append((where, row))
    return _checked(path, [_dpg_prompt(item, rows) for item, rows in by_item.items()])


def _dpg_prompt(item: str, rows: Sequence[tuple[str, dict[str, str]]]) -> QuestionedPrompt:
    numbers = [_whole(row["proposition_id"], f"{where}: 'proposition_id'") for where, row in rows]
    places = {number: place for place, number in enumerate(numbers)}
    questions = []
    for where, row in rows:
        parents = [_whole(part, f"{where}: 'dependency'") for part in row["dependency"].split(",")]
        if strange := [parent for parent in parents if parent and parent not in places]:
            raise UserError(f"{where}: 'dependency' names question {strange[0]}, which '{item}' does not have")
        known = tuple(places[parent] for parent in parents if parent)
        questions.append(Question(row["question_natural_language"], parents=known))
    return QuestionedPrompt(item, rows[0][1]["text"], tuple(questions))


def _whole(text: str, where: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise UserError(f"{where} must be whole numbers, is {text!r}") from None


def read_drawbench(path: Path) -> tuple[QuestionedPrompt, ...]:
    """A CSV with ``Prompts`` and ``Category``. There are no questions in it: the prompt itself is asked for."""
    found = [
        QuestionedPrompt(row["Prompts"], row["Prompts"], (Question(row["Prompts"]),), row["Category"])
        for _, row in _rows(path, ("Prompts", "Category"))
    ]
    return _checked(path, found)


def _spellings(question: str, answer: str, where: str) -> tuple[str, ...]:
    """What GenEval 2's script counts as the right answer."""
    if not question.startswith("How many"):
        return YES
    if answer not in DIGITS:
        raise UserError(f"{where}: the answer to '{question}' must be a number from one to ten in words, is {answer!r}")
    digit = DIGITS[answer]
    return (answer, answer.capitalize(), f" {answer}", f" {answer.capitalize()}", digit, f" {digit}")


def _is_pair(value: object) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(isinstance(part, str) and part for part in value)


def _checked(path: Path, found: Sequence[QuestionedPrompt]) -> tuple[QuestionedPrompt, ...]:
    """A prompt that stands in the file again is asked again: the second one's id ends in ``(2)``."""
    if not found:
        raise UserError(f"{path}: holds no prompt")
    times: Counter[str] = Counter()
    prompts = []
    for prompt in found:
        if not prompt.text.strip():
            raise UserError(f"{path}: the prompt of '{prompt.id}' is empty")
        times[prompt.id] += 1
        again = f" ({times[prompt.id]})" if times[prompt.id] > 1 else ""
        prompts.append(replace(prompt, id=prompt.id + again))
    return tuple(prompts)


def _lines(path: Path) -> list[tuple[int, str]]:
    """(number from 1, line) of the lines that are not blank."""
    return [(number, line) for number, line in numbered_lines(read_text(path, CURE)) if line.strip()]


def _rows(path: Path, wanted: Sequence[str]) -> list[tuple[str, dict[str, str]]]:
    """(where, row) of a CSV file with at least these columns."""
    reader = csv.DictReader(io.StringIO(read_text(path, CURE)))
    try:
        return _checked_rows(path, reader, wanted)
    except csv.Error as error:
        raise UserError(f"{path}:{reader.line_num}: not CSV ({error}): {CURE}") from error


def _checked_rows(path: Path, reader: csv.DictReader[str], wanted: Sequence[str]) -> list[tuple[str, dict[str, str]]]:
    columns = reader.fieldnames or []
    if missing := [name for name in wanted if name not in columns]:
        raise UserError(f"{path}: column '{missing[0]}' is missing; it has {', '.join(columns) or 'none'}")
    rows = []
    for row in reader:
        where = f"{path}:{reader.line_num}"
        if empty := [name for name in wanted if not row[name]]:
            raise UserError(f"{where}: '{empty[0]}' is empty")
        rows.append((where, row))
    return rows


def _require(record: object, keys: Sequence[str], where: str) -> None:
    if not isinstance(record, Mapping):
        raise UserError(f"{where}: must be a JSON object, is {record!r}")
    for key in keys:
        if key not in record:
            raise UserError(f"{where}: '{key}' is missing")
