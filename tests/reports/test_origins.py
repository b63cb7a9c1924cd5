"""Every number of a page has a record of where it comes from."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from made_runs import names, store_run

from reports.page.build import build_report

SAMPLER = {"sampler": "euler", "guidance": {"text": 3.0, "image": 1.5}}
ATTACK = "</script><script>alert(1)</script>\u2028"


class Cells(HTMLParser):
    """The cells of every table of numbers: their attributes and their text."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.cells: list[tuple[dict[str, str], str]] = []
        self._open: dict[str, str] | None = None
        self._text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "table":
            self._numbers = "pictures" not in (dict(attrs).get("class") or "")
        if tag == "td" and self._numbers:
            self._open, self._text = {key: value or "" for key, value in attrs}, ""

    def handle_data(self, data: str) -> None:
        self._text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "td" and self._open is not None:
            self.cells.append((self._open, " ".join(self._text.split())))
            self._open = None


def data_of(report: Path, page: str) -> dict[str, Any]:
    """What the script of a page's numbers holds."""
    text = (report / page).read_text(encoding="utf-8")
    name = re.search(r'data-numbers="([^"]+)"', text)
    assert name is not None
    script = (report / "data" / f"{name[1]}.js").read_text(encoding="utf-8")
    called = re.fullmatch(r'ddtbench\.data\("([^"]+)",(.*)\);\n', script)
    assert called is not None and called[1] == name[1]
    found: dict[str, Any] = json.loads(called[2])
    return found


def facts(data: dict[str, Any], name: str) -> dict[str, Any]:
    """All that a number opens, flat."""
    number = data["numbers"][name]
    own = dict(zip(data["fields"], number["values"], strict=False))
    parts = [data["parts"][place] for place in number["parts"]]
    pairs = {key: value for part in parts for key, value in part["pairs"]}
    commands = [part["command"] for part in parts if "command" in part]
    return {"title": number["title"], "of": number["of"], **own, **pairs, "commands": commands}


@pytest.fixture(scope="module")
def report(make_runs: Callable[..., Any], subject: Callable[..., Any], tmp_path_factory: Any) -> Path:
    """Two models and a control on pictures, and two models on questions, one of them with three seeds. Read only."""
    maker = make_runs(tmp_path_factory.mktemp("origins"))
    spent = {"decode_ms_per_image": 41.2, "training_cpu_hours": 1.9}
    fingerprint = {"matched_by": "a <b>rule</b>", "n": {"real": 9, "drawn": 12}}
    maker.task(
        subjects=[
            subject("ddt", 0.6, 5.0, cost=spent, fingerprint=fingerprint),
            subject("vqgan", 0.5, 3.0, failing=("scene-00004",), fingerprint=fingerprint),
            subject("identity", fingerprint=fingerprint),
        ],
        cases=12,
    )
    for seed in range(3):
        scores = {case: float(number % (4 + seed) != 0) for number, case in enumerate(names(30))}
        store_run(maker.root, "clever", scores, seed=seed, label=ATTACK)
    store_run(maker.root, "careless", {case: float(number % 2) for number, case in enumerate(names(30))})
    return build_report(str(maker.root), tmp_path_factory.mktemp("origins-report") / "report").parent


PAGES = ("index.html", "tasks/reconstruction-world.html", "tasks/quiz.html")


@pytest.mark.parametrize("page", PAGES)
def test_each_cell_with_a_number_names_its_record(report: Path, page: str) -> None:
    cells, data = Cells((report / page).read_text(encoding="utf-8")).cells, data_of(report, page)
    named = [attributes["data-number"] for attributes, _ in cells if "data-number" in attributes]
    assert named and set(named) == set(data["numbers"]), "and no record is of nothing"
    for attributes, text in cells:
        assert "data-number" in attributes or not re.match(r"\W?\d", text), f"'{text}' says not where it is from"


def test_a_number_tells_all_that_decides_it(report: Path) -> None:
    data = data_of(report, "tasks/reconstruction-world.html")
    name = next(name for name, item in data["numbers"].items() if name.endswith("/psnr") and "VQGAN" in item["of"])
    told = facts(data, name)
    assert told["of"] == "PSNR of VQGAN on reconstruction-world"
    assert told["cases scored"] == "11" and told["cases failed"] == "1" and told["interval by"]
    assert re.fullmatch(r"\d+\.\d{6,} dB", told["value"]) and told["with every failed case wrong"]
    assert told["matched by"] == "a <b>rule</b>" and told["n"] == "real 9, drawn 12", "every key, in words"
    assert told["version of the metric"] == "1" and told["set of cases"]
    assert told["seed of every draw"] == "0" and told["dtype"] == "float32" and told["cases asked at once"] == "32"
    assert told["torch"] == "2.14.1" and told["device"] == "cpu x86_64" and "host" not in told
    assert told["run folder"] == f"vqgan/reconstruction-world/{name.partition('/')[0]}"


def test_a_stratum_a_cost_and_chance_have_records_of_their_own(report: Path) -> None:
    data = data_of(report, "tasks/reconstruction-world.html")
    strata = [name for name in data["numbers"] if name.endswith("/psnr/1 objects")]
    assert len(strata) == 3 and facts(data, strata[0])["stratum"] == "1 objects"
    cost = next(name for name in data["numbers"] if name.endswith("/cost/decode-ms-per-image"))
    told = facts(data, cost)
    assert told["value"] == "41.2 ms per image" and "one measurement" in told["measured by"]
    trained = next(name for name in data["numbers"] if name.endswith("/cost/training-cpu-hours"))
    assert "card of the checkpoint" in facts(data, trained)["measured by"]


def test_what_was_not_measured_says_why(report: Path) -> None:
    data = data_of(report, "tasks/reconstruction-world.html")
    name = next(name for name in data["numbers"] if name.endswith("/lpips"))
    assert facts(data, name)["not measured"] == "the backbone vgg16 is not on this machine"


def test_a_mean_over_seeds_names_each_run(report: Path) -> None:
    data = data_of(report, "tasks/quiz.html")
    name = next(name for name in data["numbers"] if name.endswith("/over seeds"))
    told = facts(data, name)
    assert "mean over seeds 0, 1, 2" in told["interval by"]
    assert [re.search(r"--seed (\d)", command)[1] for command in told["commands"]] == ["0", "1", "2"]  # type: ignore[index]


def test_the_page_tells_runs_and_commands_without_a_script(report: Path) -> None:
    text = (report / "tasks/quiz.html").read_text(encoding="utf-8")
    commands = re.findall(r"<pre class=\"command\"[^>]*>([^<]+)</pre>", text)
    assert len(commands) == 4 and all(command.startswith("ddtbench run quiz -m ") for command in commands)
    for run in data_of(report, "tasks/quiz.html")["numbers"]:
        assert f"<code>{run.partition('/')[0]}</code>" in text


def test_what_numbers_share_is_stored_once(report: Path) -> None:
    data = data_of(report, "tasks/reconstruction-world.html")
    parts = [json.dumps(part) for part in data["parts"]]
    assert len(parts) == len(set(parts)) < len(data["numbers"])


def test_text_of_runs_cannot_end_the_script(report: Path) -> None:
    script = (report / "data/quiz/numbers.js").read_text(encoding="utf-8")
    assert "<" not in script and "\u2028" not in script
    assert any(ATTACK in item["of"] for item in data_of(report, "tasks/quiz.html")["numbers"].values())
