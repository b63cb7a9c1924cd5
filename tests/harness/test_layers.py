"""Imports point downwards only, and each of our top-level names is this checkout's."""

from __future__ import annotations

import ast
import importlib
from pathlib import Path

import pytest

from harness import catalog

ROOT = Path(__file__).parent.parent.parent
MAY_IMPORT = {
    "harness": {"harness"},
    "ddt_llama": {"ddt_llama", "harness"},
    "tasks": {"tasks", "harness"},
    "baselines": {"baselines", "harness", "ddt_llama"},
    "reports": {"reports", "harness"},
}
KINDS = ("task", "model", "metric", "instrument")
FREE_WORDS = {
    "mllm": "the trainer of 'ddtbench train mllm', and a model that it made",
    "fd-infinity": "what a draw is seeded with: another word moves stored values",
}
"""Names of the catalogue that a file of another package may hold, since they are words; each with its reason."""
OF_THE_HARNESS = {
    f"harness.{name}"
    for name in (
        "contracts",
        "weights.checkpoints",
        "weights.digests",
        "weights.fitting",
        "seeding",
        "errors",
        "paths",
        "texts",
        "writing",
    )
}
"""All that ``ddt_llama`` may know of the harness, so that it can be used without it."""


def imported(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            module = node.module or ""
            submodules = {f"{module}.{alias.name}" for alias in node.names}
            names |= submodules if module in MAY_IMPORT else {module}
    return names


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_a_package_imports_only_what_is_below_it(package):
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    for path in files:
        for name in imported(path):
            top = name.partition(".")[0]
            assert top not in MAY_IMPORT or top in MAY_IMPORT[package], f"{path.relative_to(ROOT)} imports {name}"
            if package == "ddt_llama" and top == "harness":
                assert name in OF_THE_HARNESS, f"{path.relative_to(ROOT)} imports {name}"


@pytest.mark.parametrize("package", MAY_IMPORT)
def test_our_names_are_this_checkouts(package):
    found = importlib.import_module(package).__file__
    assert found is not None and Path(found).resolve().parent == ROOT / package


def modules() -> dict[str, Path]:
    files = (path for package in MAY_IMPORT for path in (ROOT / package).rglob("*.py"))
    dotted = {path: ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in files}
    return {name.removesuffix(".__init__"): path for path, name in dotted.items()}


def edges() -> dict[str, set[str]]:
    """Module -> the modules that it imports, wherever in it, types only included."""
    known, found = modules(), {}
    for name, path in known.items():
        whole: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                whole |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                submodules = {f"{node.module}.{alias.name}" for alias in node.names}
                whole |= (submodules & known.keys()) or {node.module}
        found[name] = (whole & known.keys()) - {name}
    return found


def test_no_modules_import_one_another_in_a_circle() -> None:
    graph = edges()
    reached: dict[str, set[str]] = {}
    for name in graph:
        seen: set[str] = set()
        waiting = list(graph[name])
        while waiting:
            if (other := waiting.pop()) not in seen:
                seen.add(other)
                waiting += graph[other]
        reached[name] = seen
    circles = {name: sorted(other for other in reached[name] if name in reached[other]) for name in graph}
    found = {name: circle for name, circle in circles.items() if circle}
    assert not found, "move what they share to a module of its own"


def hidden_names(package: str) -> dict[str, set[str]]:
    """file -> string literals that name an entry (``NAME`` or ``NAME@...``) which the package may not know: of any
    package above the harness in ``harness``, of any package at all in ``reports``. Docstrings are prose."""
    homes: dict[str, set[str]] = {}
    for entry in catalog.entries():
        if entry.kind in KINDS:
            homes.setdefault(entry.name, set()).add(entry.place.partition(".")[0])
    forbidden = {name for name, places in homes.items() if package == "reports" or "harness" not in places}
    found: dict[str, set[str]] = {}
    for path in sorted((ROOT / package).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        prose = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        said = {
            node.value
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose
        }
        hits = {text for text in said if text.partition("@")[0] in forbidden}
        if hits:
            found[str(path.relative_to(ROOT))] = hits
    return found


@pytest.mark.parametrize("package", ["harness", "reports"])
def test_no_string_names_an_entry_of_another_package(package):
    found = hidden_names(package)
    assert {path: hits - FREE_WORDS.keys() for path, hits in found.items() if hits - FREE_WORDS.keys()} == {}


def test_every_free_word_is_needed():
    said = set().union(*hidden_names("harness").values(), *hidden_names("reports").values())
    assert said == FREE_WORDS.keys()
