"""GenEval's prompts: what each image must and must not show, and the official file of 553, read and checked.

prompts = read_prompts("evaluation_metadata.jsonl")
prompts[0].text                    # "a photo of a bench"
prompts[0].include[0]              # Include(name="bench", count=1, colour=None, position=None)
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.errors import UserError, nearest
from harness.texts import decode_text, numbered_lines, parse_json, text_of
from tasks.geneval.names import COLOURS, OBJECTS, RELATIONS


@dataclass(frozen=True)
class Position:
    """Each found object stands in ``relation`` to each object that requirement number ``target`` found (0 is the
    first; negative numbers count back from here, as a list index does)."""

    relation: str
    target: int


@dataclass(frozen=True)
class Include:
    """At least ``count`` objects; the most confident ``count`` of them all have ``colour`` and keep ``position``."""

    name: str
    count: int
    colour: str | None = None
    position: Position | None = None


@dataclass(frozen=True)
class Exclude:
    """Fewer than ``count`` objects."""

    name: str
    count: int


@dataclass(frozen=True)
class Prompt:
    """One line of the file. All of ``include`` and all of ``exclude`` must hold; ``tag`` is the task."""

    tag: str
    text: str
    include: tuple[Include, ...] = ()
    exclude: tuple[Exclude, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The official record, keys in the official order: ``json.dumps`` of it is the script's ``metadata`` column."""
        record: dict[str, Any] = {"tag": self.tag, "include": [_include_json(item) for item in self.include]}
        if self.exclude:
            record["exclude"] = [{"class": item.name, "count": item.count} for item in self.exclude]
        return record | {"prompt": self.text}


@dataclass(frozen=True)
class PromptSet:
    """A published prompt file: where it comes from, its digest, how many prompts of each tag."""

    source: str
    sha256: str
    counts: Mapping[str, int]


OFFICIAL = PromptSet(
    source="prompts/evaluation_metadata.jsonl of github.com/djghosh13/geneval at commit af4902f",
    sha256="5c48e0813e812e3c373fa5c8ed07a8f0a483be30272b4427b0559c8048e67c13",
    counts={
        "single_object": 80,
        "two_object": 99,
        "counting": 80,
        "colors": 94,
        "position": 100,
        "color_attr": 100,
    },
)


def read_prompts(path: str | Path, expected: PromptSet | None = OFFICIAL) -> tuple[Prompt, ...]:
    """The prompts of ``path`` in file order; the number of a prompt is its place (0 first).

    ``expected=None`` takes any file in the official schema (a miniature, a set of one's own). Raises UserError: for
    the first line that is no valid prompt or repeats an earlier one, else for missing prompts, else for the digest.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        cure = f"; put {(expected or OFFICIAL).source} there"
        raise UserError(f"{path}: {error.strerror or error}{cure}") from error
    prompts: dict[Prompt, int] = {}
    for number, line in numbered_lines(decode_text(data, str(path), "fetch the file again")):
        prompt = parse_prompt(line, f"{path}:{number}")
        if prompt in prompts:
            raise UserError(f"{path}:{number}: the same prompt as line {prompts[prompt]}; each prompt must appear once")
        prompts[prompt] = number
    if not prompts:
        raise UserError(f"{path}: holds no prompt")
    if expected is not None:
        _check(path, prompts, data, expected)
    return tuple(prompts)


def parse_prompt(line: str, where: str, classes: Sequence[str] = OBJECTS) -> Prompt:
    """One line of the file, about ``classes``. Raises UserError, which begins with ``where`` (``file:line``)."""
    return prompt_from_json(parse_json(line, where), where, classes)


def prompt_from_json(record: object, where: str, classes: Sequence[str] = OBJECTS) -> Prompt:
    """The prompt of an official record, see :func:`parse_prompt`."""
    fields = _fields(record, where, required=("tag", "prompt"), optional=("include", "exclude"))
    tag, text = (text_of(fields[key], where, key, empty=True) for key in ("tag", "prompt"))
    include = tuple(
        _include(item, i, f"{where}: include[{i}]", classes) for i, item in enumerate(_list(fields, "include", where))
    )
    exclude = tuple(
        _exclude(item, f"{where}: exclude[{i}]", classes) for i, item in enumerate(_list(fields, "exclude", where))
    )
    return Prompt(tag, text, include, exclude)


def _check(path: str | Path, prompts: Mapping[Prompt, int], data: bytes, expected: PromptSet) -> None:
    found = Counter(prompt.tag for prompt in prompts)
    wrong = [
        f"{tag} {found[tag]} of {expected.counts.get(tag, 0)}"
        for tag in dict.fromkeys([*expected.counts, *found])
        if found[tag] != expected.counts.get(tag, 0)
    ]
    cure = f"; fetch {expected.source} again"
    if wrong:
        raise UserError(
            f"{path}: {len(prompts)} prompts, not {sum(expected.counts.values())}: {', '.join(wrong)}{cure}"
        )
    digest = hashlib.sha256(data).hexdigest()
    if digest != expected.sha256:
        raise UserError(
            f"{path}: sha256 {digest[:12]}..., expected {expected.sha256[:12]}...: edited or another version{cure}"
        )


def _include(record: object, number: int, where: str, classes: Sequence[str]) -> Include:
    fields = _fields(record, where, required=("class", "count"), optional=("color", "position"))
    colour = None if "color" not in fields else _known(fields["color"], COLOURS, "color", where)
    position = None if "position" not in fields else _position(fields["position"], number, where)
    return Include(_known(fields["class"], classes, "class", where), _count(fields, where), colour, position)


def _exclude(record: object, where: str, classes: Sequence[str]) -> Exclude:
    fields = _fields(record, where, required=("class", "count"), optional=())
    return Exclude(_known(fields["class"], classes, "class", where), _count(fields, where))


def _position(value: object, number: int, where: str) -> Position:
    if not (isinstance(value, list) and len(value) == 2 and type(value[1]) is int):
        raise UserError(f"{where}: 'position' must be [relation, number of an earlier requirement], is {value!r}")
    if not -number <= value[1] < number:
        raise UserError(f"{where}: 'position' names requirement {value[1]}, which does not come before this one")
    return Position(_known(value[0], RELATIONS, "relation", where), value[1])


def _include_json(item: Include) -> dict[str, Any]:
    record: dict[str, Any] = {"class": item.name, "count": item.count}
    if item.colour is not None:
        record["color"] = item.colour
    if item.position is not None:
        record["position"] = [item.position.relation, item.position.target]
    return record


def _fields(record: object, where: str, required: tuple[str, ...], optional: tuple[str, ...]) -> dict[str, Any]:
    if not isinstance(record, dict):
        raise UserError(f"{where}: must be a JSON object, is {record!r}")
    for key in record:
        if key not in required + optional:
            raise UserError(f"{where}: unknown key '{key}'{nearest(key, required + optional)}")
    for key in required:
        if key not in record:
            raise UserError(f"{where}: '{key}' is missing")
    return record


def _list(fields: Mapping[str, Any], key: str, where: str) -> list[Any]:
    value = fields.get(key, [])
    if not isinstance(value, list):
        raise UserError(f"{where}: '{key}' must be a list, is {value!r}")
    return value


def _count(fields: Mapping[str, Any], where: str) -> int:
    count = fields["count"]
    if type(count) is not int or count < 0:
        raise UserError(f"{where}: 'count' must be a whole number from 0 on, is {count!r}")
    return count


def _known(value: object, known: Sequence[str], what: str, where: str) -> str:
    if not isinstance(value, str) or value not in known:
        raise UserError(f"{where}: unknown {what} {value!r}{nearest(str(value), known)}")
    return value
