"""What a user reads is plain English: turns of phrase that are German underneath do not come back."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("harness", "tasks", "baselines", "ddt_llama", "reports")
KINDS = {
    r"\bleave (?:\S+ ){1,4}away\b": "leave it out, drop it",
    r"(?<!\bthere )\b(?:is|are) no (?!longer\b)[\w.]+": "is not a",
    r"\bcannot be put to\b": "cannot be run with",
    r"\b(?:lies|lie) (?:beside|below)\b": "is beside, is in",
    r"\banother \w+ than\b": "a different ... from",
    r", which (?:makes|asks) (?:it|them|nothing) (?:again|twice)\b": "to make it again; nothing is asked twice",
    r"\bstands? (?:once|twice|\w+ times)\b": "appears once",
}

STORED = "photographs of Python packages, of another kind than"
"""Part of a fingerprint: a stored run holds it, so it stays as it is."""


def messages(tree: ast.AST) -> list[tuple[int, str]]:
    """(line, text) of every string but docstrings, which speak to who changes the code; what is filled in is ``{}``."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    strings = (node for node in ast.walk(tree) if isinstance(node, ast.expr) and id(node) not in docstrings)
    return [(node.lineno, text) for node in strings if " " in (text := literal(node))]


def literal(node: ast.AST) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values)
    return ""


def faults(text: str) -> list[str]:
    said = text.replace(STORED, "")
    return [f"'{hit[0]}': say '{plain}'" for kind, plain in KINDS.items() if (hit := re.search(kind, said))]


@pytest.mark.parametrize("package", PACKAGES)
def test_messages_of_a_package_are_plain_english(package: str) -> None:
    wrong = []
    for path in sorted((ROOT / package).rglob("*.py")):
        for line, text in messages(ast.parse(path.read_text())):
            wrong += [f"{path.relative_to(ROOT)}:{line} {fault}" for fault in faults(text)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    "text",
    [
        "'toy' is a task already: leave --task away",
        "'x' is no seed; write whole numbers",
        "another network than {}",
        "run again, which makes them again",
    ],
)
def test_turns_of_phrase_that_were_here_are_found(text: str) -> None:
    assert any(faults(said) for _, said in messages(ast.parse(f"raise UserError({text!r})")))
