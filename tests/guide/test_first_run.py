"""The commands of the first run: those that read runs answer on runs made by hand; marked ``slow``, all of them are run
in their order, from nothing, on few cases."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from guide_pages import ROOT, blocks, few, page, typed
from made_runs import a_picture, names, store_run

PAGE = page("first-run")
COMMANDS = typed(PAGE)
SET_UP = ("make setup", ". .venv/bin/activate")
FEW = 20
"""Below it a set has no interval."""


def pictures_of_ones_own(folder: Path) -> None:
    (folder / "FOLDER").mkdir()
    for number in range(3):
        (folder / "FOLDER" / f"{number}.png").write_bytes(a_picture(number))


def test_it_begins_with_the_set_up_and_goes_on_with_commands_of_ours() -> None:
    assert tuple(COMMANDS[:2]) == SET_UP
    assert "\nsetup:" in (ROOT / "Makefile").read_text()
    assert all(line.startswith("ddtbench ") for line in COMMANDS[2:])


@pytest.mark.parametrize("line", [line for line in COMMANDS if line.startswith("ddtbench list")])
def test_a_list_names_what_is_ready(line: str, call: Any) -> None:
    code, out, err = call(line)
    assert code == 0, err
    assert "vqgan" in out or "models" in out


def test_what_reads_runs_gives_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Any) -> None:
    monkeypatch.chdir(tmp_path)
    for number, model in enumerate(("ddt", "vqgan", "var")):
        values = np.random.default_rng(number).normal(20 + number, 1, FEW).tolist()
        for task in ("reconstruction-world", "reconstruction-folder-FOLDER"):
            store_run(tmp_path / "runs", model, dict(zip(names(FEW), values, strict=True)), task=task, metric="psnr")
    for line in COMMANDS:
        if line.startswith(("ddtbench compare", "ddtbench report")):
            code, out, err = call(line)
            assert code == 0, err
            assert "answer" in out or (tmp_path / "report" / "index.html").is_file()


def test_the_tables_of_the_page_have_the_columns_that_are_printed() -> None:
    run, compared = blocks(PAGE, "text")
    assert "model" in run and "[95 % interval]" in run and "Next: ddtbench report runs --to report" in run
    assert re.search(r"^model +value +difference \[95 %\] +p +could show +answer$", compared, re.MULTILINE)


@pytest.mark.slow
def test_from_nothing_to_a_report_and_a_comparison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: Any) -> None:
    monkeypatch.chdir(tmp_path)
    pictures_of_ones_own(tmp_path)
    for line in COMMANDS[2:]:
        code, _, err = call(" ".join(["ddtbench", *few(line, FEW)]))
        assert code == 0, f"{line}: {err}"
    assert (tmp_path / "report" / "index.html").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["FOLDER", "report", "runs"], "nothing else is written"
