"""A page of the guide, taken apart: its blocks of a language, its commands, and what it says that they print."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "guide"
PACKAGES = ("harness", "tasks", "baselines", "ddt_llama", "reports")
SIGN = "$ "
FEWEST_LETTERS = 8
"""Of a message, to be looked for: less would be found anywhere."""


def page(name: str) -> str:
    return (GUIDE / f"{name}.md").read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def typed(text: str) -> list[str]:
    """The indented commands, in their order."""
    outside = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return [line.strip() for line in re.findall(r"^    (\S.*)$", outside, re.MULTILINE)]


@dataclass(frozen=True)
class Session:
    """A line of a block that begins with ``$``, and the lines that it prints."""

    command: str
    printed: tuple[str, ...]


def sessions(block: str) -> Iterator[Session]:
    for part in re.split(rf"^{re.escape(SIGN)}", block, flags=re.MULTILINE)[1:]:
        command, *printed = part.splitlines()
        yield Session(command, tuple(printed))


def quoted(text: str) -> list[str]:
    """The lines of blocks without a command: messages."""
    return [line for block in blocks(text, "text") if SIGN not in block for line in block.splitlines()]


def says(line: str, printed: str) -> bool:
    """Whether something printed this line; ``...`` in it stands for anything."""
    wanted = ".*".join(re.escape(part) for part in line.split("..."))
    return any(re.fullmatch(wanted, said.strip()) for said in printed.splitlines())


def few(line: str, count: int) -> list[str]:
    """The words of a command behind its program, its limit no more than this."""
    words = shlex.split(line)[1:]
    return [str(count) if before == "--limit" else word for before, word in zip(["", *words], words, strict=False)]


# ------------------------------------------------------------------------------------------------ texts in the code


@cache
def texts_of_the_code() -> Sequence[str]:
    """Every text in our packages, what is filled in as NUL, and the lines of the Makefile."""
    found = [line for line in (ROOT / "Makefile").read_text().splitlines()]
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
            found += [text for node in nodes if (text := _text(node))]
    return found


def _text(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "\0" for part in node.values)
    return ""


def is_in_the_code(message: str) -> bool:
    """Whether one text of the code holds these words in this order, or each of them is a text's own; ``...`` in the
    message stands for what is filled in."""
    parts = message.removeprefix("ddtbench: ").split("...")
    pieces = [part.strip() for part in parts if part.strip()]
    if _letters("".join(pieces)) < FEWEST_LETTERS:
        return False
    together = re.compile(".*".join(map(re.escape, pieces)), re.DOTALL)
    texts = texts_of_the_code()
    if any(together.search(text) for text in texts):
        return True
    return all(_letters(piece) >= FEWEST_LETTERS and any(piece in text for text in texts) for piece in pieces)


def _letters(text: str) -> int:
    return sum(map(str.isalpha, text))
