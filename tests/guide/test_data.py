"""Which file from where: every data set, network and published model has its row, which says what the code says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from guide_pages import page, texts_of_the_code, typed

from harness.catalog import entries, load, lookup
from harness.contracts import CatalogueEntry

DATA, WEIGHTS = page("data-and-models"), page("weights")


PLACE = r"github\.com/[\w/-]+|cocodataset\.org|(?<=hub's )[\w./-]+|gensim==[\d.]+|dataset-[a-z-]+"


def rows(text: str, name: str) -> list[list[str]]:
    """The cells of the rows whose first cell names it."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    split = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return [cells for cells in split if f"`{name}`" in cells[0]]


@pytest.mark.parametrize("entry", entries("data"), ids=lambda entry: entry.name)
def test_a_data_set_has_its_file_its_licence_and_its_task(entry: CatalogueEntry) -> None:
    ((_, source, licence, tasks, _),) = rows(DATA, entry.name)
    assert licence == entry.licence
    assert re.search(r"`|hub's|columns|archive", source), "names a file"
    for task in re.findall(r"`([^`]+)`", tasks):
        assert lookup("task", task.partition("@")[0])


@pytest.mark.parametrize("entry", entries("data"), ids=lambda entry: entry.name)
def test_where_a_file_comes_from_is_what_the_code_says(entry: CatalogueEntry) -> None:
    ((_, source, *_),) = rows(DATA, entry.name)
    named = re.findall(PLACE, source)
    assert named or entry.name == "drawbench", "its prompts have no one home"
    code = "\n".join(texts_of_the_code())
    for place in named:
        assert place.rstrip(".") in code, place


def test_what_a_task_looks_with_is_an_instrument() -> None:
    named = {name for entry in entries("data") for name in re.findall(r"`([^`]+)`", rows(DATA, entry.name)[0][4])}
    assert len(named) > 4
    for name in named:
        assert rows(WEIGHTS, name), f"{name} has no row of weights"


ANY_FILE = "inception"
"""Takes a file of the user's own."""
FROM_ELSEWHERE = [one for one in entries("instrument") if getattr(one, "weights", ()) and one.name != ANY_FILE]


@pytest.mark.parametrize("entry", FROM_ELSEWHERE, ids=lambda entry: entry.name)
def test_a_network_has_its_file_its_variable_its_place_and_its_licence(entry: Any) -> None:
    found = rows(WEIGHTS, entry.name) or rows(WEIGHTS, entry.name.removeprefix("inception"))
    told = " ".join(" ".join(cells) for cells in found)
    for weights in (load(place, entry.name) for place in entry.weights):
        for text in (weights.variable, *weights.prepared, weights.hub):
            assert text in told, text
        named = [name for name, _ in weights.files]
        assert not named or weights.package or any(name in told for name in named), named
    assert entry.licence in told


def test_a_published_model_has_what_its_path_is_and_its_licence() -> None:
    for entry in entries("model"):
        if getattr(entry, "needs", ()) and entry.name != "mllm":
            found = [cells for cells in rows(DATA, entry.name) if len(cells) == 3]
            assert found, entry.name
            ((_, what, licence),) = found
            assert licence == entry.licence
            words = re.findall(r"[\w-]+\.(?:pth|pt|ckpt|npz)|OWNER/NAME", entry.needs[0])  # type: ignore[attr-defined]
            said = what if what != "the same" else "OWNER/NAME"
            assert all(word in said or word.startswith("var_d") for word in words), entry.name


@pytest.mark.parametrize("line", [line for line in typed(DATA) if line.split()[1] in ("list", "show")])
def test_a_command_that_only_looks_answers(line: str, call: Any) -> None:
    code, out, err = call(line)
    assert code == 0 and out, err


def test_a_plan_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (line,) = [line for line in typed(DATA) if line.endswith("--plan")]
    code, out, _ = call(line)
    assert code == 2 and "cannot start" in out
