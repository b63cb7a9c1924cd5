"""``results.md``: a section for each machine, a row for each claim. A newer row of the same claim and machine replaces
the older one, but what was marked (other load, small sizes) replaces only what is marked too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness.writing import written_whole

RESULTS = Path(__file__).parent / "results.md"
TITLE = "# Results of the benchmarks"
ABOUT = (
    "`make bench` writes this file. A ratio is the median over rounds in which the programs took turns, its spread the "
    "lowest and the highest round. [How fast and why](../docs/guide/speed.md) explains it."
)
PAGE = Path(__file__).parents[1] / "docs" / "guide" / "speed.md"
BEGIN, END = "<!-- results: written by make bench -->", "<!-- end of results -->"
NOTHING_YET = "Nothing was measured yet."
STAGES = "stage-"
"""How the names of claims begin that set a stage beside its floor."""
HEADINGS = ("Claim", "What is measured", "Asked", "Measured", "Spread", "Holds", "How", "Day", "Mark")
NO_MARK = "-"
_ROW = re.compile(r"\| `([\w.-]+)` \|")


@dataclass(frozen=True)
class Row:
    """One line of the table, as texts. ``mark``: why the figure is not to be relied on, "" where it is."""

    claim: str
    what: str
    asked: str
    measured: str
    spread: str
    holds: str
    how: str
    day: str
    mark: str = ""

    def line(self) -> str:
        """In Markdown."""
        cells = (f"`{self.claim}`", self.what, self.asked, self.measured, self.spread, self.holds, self.how, self.day)
        return "| " + " | ".join(_cell(text) for text in (*cells, self.mark or NO_MARK)) + " |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def read_rows(text: str) -> dict[str, dict[str, str]]:
    """machine -> claim -> its line."""
    found: dict[str, dict[str, str]] = {}
    machine = ""
    for line in text.splitlines():
        if line.startswith("## "):
            machine = line.removeprefix("## ").strip()
            found[machine] = {}
        elif machine and (row := _ROW.match(line)):
            found[machine][row[1]] = line
    return found


def marked(line: str) -> bool:
    """Whether a line says that it is not to be relied on."""
    return not line.rstrip().endswith(f"| {NO_MARK} |")


def put(machine: str, row: Row, path: Path = RESULTS) -> bool:
    """Write one row; False where it is marked and the one that stands there is not."""
    rows = read_rows(path.read_text(encoding="utf-8")) if path.exists() else {}
    before = rows.setdefault(machine, {}).get(row.claim)
    if before is not None and row.mark and not marked(before):
        return False
    rows[machine][row.claim] = row.line()
    with written_whole(path) as file:
        file.write_text(text_of(rows), encoding="utf-8")
    return True


def text_of(rows: Mapping[str, Mapping[str, str]]) -> str:
    """The file."""
    blocks = [TITLE, ABOUT]
    for machine in sorted(rows):
        blocks += [f"## {machine}", table(rows[machine])]
    return "\n\n".join(blocks) + "\n"


def table(lines: Mapping[str, str]) -> str:
    """Of one machine."""
    head = ["| " + " | ".join(HEADINGS) + " |", "|" + " --- |" * len(HEADINGS)]
    return "\n".join(head + [lines[claim] for claim in sorted(lines)])


def narrow(lines: Mapping[str, str]) -> str:
    """The table of one machine as a page has room for it: what, asked, measured with its spread, and whether it holds;
    behind it the mark of what is not to be relied on."""
    body = []
    for claim in sorted(lines):
        _, what, asked, measured, spread, holds, _, _, mark = cells_of(lines[claim])
        spread = "" if spread == NO_MARK else f" ({spread.partition(' in ')[0]})"
        body.append(f"| {what} | {asked} | {measured}{spread}{'' if mark == NO_MARK else f', {mark}'} | {holds} |")
    return "\n".join(["| What is measured | Asked | Measured (spread) | Holds |", "|" + " --- |" * 4, *body])


def cells_of(line: str) -> list[str]:
    """Of a line of the table, as they stand there."""
    return re.split(r" (?<!\\)\| ", line.strip().removeprefix("| ").removesuffix(" |"))


def shown(rows: Mapping[str, Mapping[str, str]]) -> str:
    """What the page shows: for each machine the claims, then the stages beside their floors."""
    blocks = []
    for machine in sorted(rows):
        stages = {claim: line for claim, line in rows[machine].items() if claim.startswith(STAGES)}
        claims = {claim: line for claim, line in rows[machine].items() if claim not in stages}
        blocks += [f"{machine}:", *(narrow(lines) for lines in (claims, stages) if lines)]
    return "\n\n".join(blocks) or NOTHING_YET


def show(results: Path = RESULTS, page: Path = PAGE) -> None:
    """Copy the rows into the page, between its marks."""
    rows = read_rows(results.read_text(encoding="utf-8")) if results.exists() else {}
    before, _, rest = page.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    with written_whole(page) as file:
        file.write_text(f"{before}{BEGIN}\n{shown(rows)}\n{END}{after}", encoding="utf-8")
