"""Every instrument of the catalogue: takes NAME@PATH where it has weights, has the device that is asked for, and says
whether it is there without the network. The guide names every variable."""

from __future__ import annotations

import importlib
import re
import socket
from inspect import signature
from pathlib import Path
from typing import Any, NoReturn

import pytest

from harness import catalog
from harness.contracts import InstrumentEntry
from harness.errors import UserError
from harness.observe import device_of
from harness.weights.places import Weights

ROOT = Path(__file__).parents[3]
GUIDE = ROOT / "docs" / "guide" / "weights.md"
OURS = ("harness", "tasks", "baselines", "ddt_llama", "reports")
INSTRUMENTS = [entry for entry in catalog.entries("instrument") if entry.place.startswith(OURS)]
WITH_WEIGHTS = [entry for entry in INSTRUMENTS if entry.weights or entry.source]
each = pytest.mark.parametrize("entry", INSTRUMENTS, ids=lambda entry: entry.name)


def weights_of(entry: InstrumentEntry) -> list[Weights]:
    places = (place.partition(":") for place in entry.weights)
    return [getattr(importlib.import_module(module), name) for module, _, name in places]


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Every variable names a model of the hub that is not here, which is what used to be fetched."""

    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise AssertionError("it asked the network")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    for entry in WITH_WEIGHTS:
        for weights in weights_of(entry):
            if weights.variable:
                monkeypatch.setenv(weights.variable, "someone/a-model")


@each
def test_whether_it_is_there_is_said_without_the_network(entry: InstrumentEntry, no_network: None) -> None:
    reason = catalog.make("instrument", entry.name).unavailable()
    assert "\n" not in reason
    if any(weights.variable for weights in weights_of(entry)):
        assert "someone/a-model" in reason or "points to nothing" in reason


@each
def test_an_instrument_with_weights_takes_a_path_and_the_others_say_that_they_take_none(
    entry: InstrumentEntry, tmp_path: Path
) -> None:
    if entry not in WITH_WEIGHTS:
        with pytest.raises(UserError, match=f"instrument '{entry.name}' takes no argument, so '@x' means nothing"):
            catalog.make("instrument", f"{entry.name}@x")
        return
    try:
        reason = catalog.make("instrument", f"{entry.name}@{tmp_path}").unavailable()
    except UserError as error:  # inception@FILE is called by the file's digest
        reason = str(error)
    assert str(tmp_path) in reason and "\n" not in reason


@each
def test_it_has_the_device_that_is_asked_for(entry: InstrumentEntry) -> None:
    made = catalog.make("instrument", entry.name, "cuda:1")
    assert device_of(made) == ("cuda:1" if entry in WITH_WEIGHTS else "cpu")
    assert device_of(catalog.make("instrument", entry.name)) == "cpu"
    assert ("device" in signature(catalog.find("instrument", entry.name)).parameters) == (entry in WITH_WEIGHTS)


def test_the_guide_has_the_variable_the_place_and_the_id_of_every_weight() -> None:
    lines = [line for line in GUIDE.read_text().splitlines() if line.startswith("| `") and line.count("|") == 6]
    table, hubs = set(), set()
    for _, file, variable, place, _ in ([cell.strip() for cell in line.split("|")[1:-1]] for line in lines):
        table.add((tuple(re.findall("`([^`]+)`", variable)), tuple(re.findall("`([^`]+)`", place))))
        hubs |= set(re.findall(r"^the hub's (\S+)$", file))
    stated = [item for entry in WITH_WEIGHTS for item in weights_of(entry) if item.prepared or item.variable]
    assert table == {((item.variable,) * bool(item.variable), item.prepared) for item in stated}
    assert hubs == {item.hub for item in stated if item.hub}


def test_no_variable_is_read_that_no_document_names() -> None:
    sources = "\n".join(path.read_text() for package in OURS for path in (ROOT / package).rglob("*.py"))
    read, known = (set(re.findall(r"DDTBENCH_[A-Z0-9_]+", text)) for text in (sources, GUIDE.read_text()))
    assert read and read <= known
