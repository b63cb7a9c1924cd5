"""The pages: HTML that is readable from disk without a network, light or dark, on paper or a phone, scripts on or off.

Templates escape whatever comes from data. Only three things enter as markup: our own marks, interval strips, and panels
that matplotlib wrote (it escapes its texts).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from reports.figures.draw import FORMATS, panel_svg
from reports.figures.panels import Figure
from reports.figures.style import DARK, LIGHT, lighter, looks_of
from reports.page.answer import answers
from reports.page.broken import broken_of
from reports.page.cases.folder import sampled
from reports.page.cases.words import visible
from reports.page.citations import bibliography
from reports.page.findings import finding, lede, margins, warnings
from reports.page.marks import colour_names, full_value, interval_strip, own_size, swatch
from reports.page.origins import Origins, run_part
from reports.page.outcomes import in_brief
from reports.page.provenance import environments_of, failures_of, protocols_of
from reports.page.report import Report, TaskPart
from reports.page.strips import STRIP_FORMATS
from reports.page.trust import cases_held, trust
from reports.reading.runs import in_order
from reports.tables.formats import heading, letters, subtitle
from reports.tables.table import Table, halves

if TYPE_CHECKING:
    import jinja2

TEMPLATES = Path(__file__).parent / "templates"
FRONT = "~front"
"""The front page among the data: no task's page can be called so."""


class Rendering:
    """The pages of one report. The same runs give the same bytes."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.looks = looks_of(report.stored.runs)
        self.names = colour_names(self.looks)
        self.cited = bibliography(report.stored.runs)
        self.data: dict[str, bytes] = {}
        """What the pages rendered so far read as ``data/NAME.js``, by name."""

    def front(self) -> str:
        """``index.html``: the answer, and the way to everything else."""
        report = self.report
        origins = Origins(FRONT)
        said = answers(report.tables, report.headlines) if report.tables else ["Nothing to compare yet"]
        text = self._environment.get_template("front.html").render(
            root="",
            origins=origins,
            title=said[0],
            also=said[1:],
            lede=lede(report.tables, report.headlines) if report.tables else "",
            margins=margins(report.headlines),
            report=report,
            first_halves=[halves(table)[0] for table in report.tables],
            warnings=[
                *(f"Left out: {text}" for text in report.stored.left_out),
                *few([text for table in report.tables for text in warnings(table)]),
            ],
            failures=failures_of(report.stored.runs),
            broken=broken_of(report.stored),
            environments=environments_of(report.stored.runs),
            trust=trust(report.stored, report.tables, report.headlines),
            downloads=by_stem(report.downloads),
            cited=self.cited,
        )
        self.data[origins.name] = origins.script()
        return text

    def task(self, part: TaskPart) -> str:
        """The page of one task: everything that was measured on it."""
        runs = self.report.stored.of_task(part.name)
        parts = self.report.tasks
        place = parts.index(part)
        whole = [
            item for item in part.breakdowns if not item.stratum_of or self.report.stored.shown(part.name).breakdown
        ]
        origins = Origins(f"{part.stem}/numbers")
        text = self._environment.get_template("task.html").render(
            root="../",
            origins=origins,
            run_parts=[(run, run_part(run)) for run in in_order(runs)],
            environments=environments_of(runs),
            title=part.name,
            report=self.report,
            part=part,
            before=parts[place - 1] if place else None,
            after=parts[place + 1] if place + 1 < len(parts) else None,
            shown_breakdowns=whole,
            panels=[self._panels(figure, place) for place, figure in enumerate(part.figures)],
            warnings=warnings(part.table),
            failures=failures_of(runs),
            protocols=protocols_of(runs),
        )
        self.data[origins.name] = origins.script()
        return text

    def colours(self) -> str:
        """A style sheet: every colour of the pages, and that of each model, on a light and on a dark ground."""
        named = [(name[4:-1], colour) for colour, name in self.names.items()]
        light = "".join(f"{name}: {colour}; " for name, colour in (*_ours(LIGHT), *named))
        own = [(name, lighter(colour)) for name, colour in named]
        dark = "".join(f"{name}: {colour}; " for name, colour in (*_ours(DARK), *own))
        return f":root {{ {light}}}\n@media screen and (prefers-color-scheme: dark) {{ :root {{ {dark}}} }}\n"

    def _panels(self, figure: Figure, place: int) -> list[Markup]:
        return [
            Markup(panel_svg(panel, f"f{place}p{number}", self.names)) for number, panel in enumerate(figure.panels)
        ]

    @cached_property
    def _environment(self) -> jinja2.Environment:
        import jinja2

        environment = jinja2.Environment(
            loader=jinja2.FileSystemLoader(TEMPLATES),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            finalize=_plain,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals.update(self._globals())
        return environment

    def _globals(self) -> dict[str, Any]:
        return {
            "swatch": lambda subject: swatch(self.looks[subject], self.names),
            "strip": lambda table, column, row: interval_strip(table, column, row, self.names, self.looks),
            "full_value": full_value,
            "own_size": own_size,
            "letters": letters,
            "file_of": self.report.figure_files.__getitem__,
            "plain_id": plain_id,
            "halves": halves,
            "subtitle": subtitle,
            "meanings": meanings,
            "finding": finding,
            "sampled": sampled,
            "visible": visible,
            "in_brief": in_brief,
            "cases_held": cases_held,
            "figure_file": lambda figure: f"{self.report.figure_files[figure.name]}.svg",
            "formats": FORMATS,
            "strip_formats": STRIP_FORMATS,
        }


def _plain(value: Any) -> Any:
    """Text of runs without what cannot be seen, or turns around what follows it; our own markup as it is."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _ours(palette: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(f"--{name}", colour) for name, colour in palette.items()]


def meanings(table: Table) -> list[tuple[str, str]]:
    """(heading, what it is in plain words) of the columns that say so."""
    return [(heading(column), column.meaning) for column in table.columns if column.meaning]


def few(texts: Sequence[str], most: int = 5) -> list[str]:
    """The first ones; how many more there are is said."""
    more = [f"{len(texts) - most:,} more such signs stand on the pages of the tasks."] if len(texts) > most else []
    return [*texts[:most], *more]


def by_stem(names: Sequence[str]) -> list[tuple[str, list[tuple[str, str]]]]:
    """(file without its ending, its forms): what is one thing in several forms stands in one line."""
    found: dict[str, list[tuple[str, str]]] = {}
    for name in names:
        stem, _, form = name.rpartition(".")
        found.setdefault(stem, []).append((form, name))
    return list(found.items())


def plain_id(text: str) -> str:
    """A fragment identifier: letters, digits and hyphens."""
    return "".join(character if character.isascii() and character.isalnum() else "-" for character in text) or "x"
