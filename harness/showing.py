"""``ddtbench show NAME``: all that is known of one entry, its needs and where they were looked for among it."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from harness import catalog
from harness.citations import found, known, stated
from harness.contracts import (
    CatalogueEntry,
    ClaimsEntry,
    DataEntry,
    InstrumentEntry,
    MetricEntry,
    ModelEntry,
    PublishedEntry,
    RecipeEntry,
    ShownMetric,
    SuiteEntry,
    TaskEntry,
)
from harness.errors import UserError, nearest
from harness.isolation import tried
from harness.listing import BOLD, GREEN, faint, kind_named, plain, styled, width, wrapped
from harness.paths import checkout_root
from harness.published import read_published
from harness.readiness import YES, looked, prepared, readiness, why_not

LABEL = 11
MEANT = "did you mean"
Field = tuple[str, Sequence[str]]
"""(label, paragraphs); one that begins with a newline is printed as it is."""


class _AnySubject:
    """Stands for a model while a task is asked what it measures."""

    image_size = 32
    codebook_size = 2


def show_text(name: str) -> str:
    """The entry of this name, or every entry of it where several kinds have one; ``KIND/NAME`` is one of them. What
    follows an ``@`` is looked for in place of the defaults. Raises UserError for an unknown name, with the nearest."""
    first, slash, rest = name.partition("/")
    kind = kind_named(first) if slash else None
    bare, argument = catalog.split_name(rest if kind else name)
    found = [entry for entry in catalog.entries(kind) if entry.name == bare]
    refused = [why for (of, other), why in catalog.refused().items() if other == bare and kind in (None, of)]
    if not found and refused:
        raise UserError(refused[0])
    if not found:
        known = sorted({entry.name for entry in catalog.entries(kind)})
        near = nearest(bare, known)
        raise UserError(f"nothing is called '{bare}'{near if MEANT in near else '; ddtbench list says what there is'}")
    return "\n\n".join(["\n".join(_lines(entry, argument)) for entry in found] + [*refused])


def _lines(entry: CatalogueEntry, argument: str) -> Iterator[str]:
    yield f"{styled(entry.name, BOLD)} {faint(f'({entry.kind})')}"
    yield from wrapped(plain(entry.summary), "  ")
    yield ""
    for label, paragraphs in _fields(entry, argument):
        for number, text in enumerate(paragraphs):
            head = f"  {label if not number else '':{LABEL}}"
            lines = [text[1:]] if text.startswith("\n") else [line.strip() for line in wrapped(text, " " * len(head))]
            for place, line in enumerate(lines):
                yield (head if not place else " " * len(head)) + line


def _fields(entry: CatalogueEntry, argument: str) -> Iterator[Field]:
    place, problem = tried(lambda: catalog.find(entry.kind, entry.name))
    yield "ready", [_ready(entry, argument, problem)]
    about: dict[type, Callable[..., Iterator[Field]]] = {
        ModelEntry: _model,
        TaskEntry: _task,
        MetricEntry: _metric,
        InstrumentEntry: _instrument,
        DataEntry: _data,
        RecipeEntry: _recipe,
        SuiteEntry: _suite,
        ClaimsEntry: _claims,
        PublishedEntry: _published,
    }
    if tell := about.get(type(entry)):
        yield from tell(entry, argument, place)
    if entry.licence:
        yield "licence", [plain(entry.licence)]
    if entry.paper:
        yield "paper", [plain(entry.paper)]
    if citations := stated(entry):
        yield "cites", list(_cited(citations))
    yield "source", ["\n" + entry.place]
    yield "package", [catalog.package_of(entry.kind, entry.name)]


def _cited(citations: Sequence[str]) -> Iterator[str]:
    """Each reference in a line."""
    entries = known()
    for citation in citations:
        reference = found(citation, entries)
        yield plain(reference.words()) if reference else f"{citation}, which no references.bib has"


def _ready(entry: CatalogueEntry, argument: str, problem: str) -> str:
    if problem:
        return f"\nno: {_after_name(problem)}"
    word = readiness(entry) if not argument else YES
    why = why_not(entry, argument)
    if word == YES and not why:
        return "\n" + styled(YES, GREEN)
    return f"no: {why or word}"


def _after_name(problem: str) -> str:
    """``cannot be loaded from ...``, without the name and the package that stand above and below."""
    start = problem.find("cannot be loaded from")
    return problem[max(0, start) :]


def _model(entry: ModelEntry, argument: str, place: Any) -> Iterator[Field]:
    yield "provides", [", ".join(entry.provides) or "what its checkpoint's card says"]
    if entry.shown.control:
        yield "role", [f"{entry.shown.role}: shows the scale and is never ranked"]
    if entry.source:
        yield "checkpoint", [f"{_checkpoint(entry.source)}; {entry.name}@PATH takes another one"]
    if entry.needs:
        yield "needs", [f"{entry.name}@PATH, where PATH is a {' or a '.join(entry.needs)}"]


def _checkpoint(source: str) -> str:
    return f"{source} ({'here' if (checkout_root() / source).exists() else 'not here'})"


def _task(entry: TaskEntry, argument: str, place: Any) -> Iterator[Field]:
    named = f"{entry.name}@{argument}" if argument else entry.name
    built, _ = tried(lambda: catalog.build_task(named, _AnySubject())) if place else (None, "")
    told = _told(built) if built is not None else None
    if told:
        examines, metrics, instruments = told
        fitting = [model.name for model in catalog.entries("model") if examines in model.provides]
        yield "examines", [f"{examines}: {', '.join(fitting) or 'no model does'}"]
        yield "metrics", [", ".join(metrics)]
        yield "looks with", [", ".join(instruments) or "nothing: its metrics read the answers"]
    elif entry.shown.headline:
        yield "metrics", [f"{', '.join(entry.shown.headline)}, and others that depend on what follows its @"]
    if entry.needs:
        yield "needs", [f"{entry.name}@PATH ({' or '.join(entry.needs)})" + ", or its data" * bool(entry.data)]
    if entry.data:
        yield "data", [_state(name) for name in entry.data]
    if entry.exports:
        yield "exports", [", ".join(form for form, _ in entry.exports)]


def _told(task: Any) -> tuple[str, list[str], list[str]] | None:
    """(what it examines, its metrics, its instruments); None where it cannot say."""
    return tried(lambda: (str(task.examines), list(task.metrics), list(task.instruments)))[0]


def _state(name: str) -> str:
    there, problem = tried(lambda: prepared(name))
    if problem:
        return f"{name} ({problem})"
    return f"{name} (present)" if there else f"{name} (missing: {_prepare(name)})"


def _prepare(name: str) -> str:
    return f"ddtbench data prepare {name} --from PATH"


def _metric(entry: MetricEntry, argument: str, place: Any) -> Iterator[Field]:
    named = f"{entry.name}@{argument}" if argument else entry.name
    made, _ = tried(lambda: catalog.make("metric", named)) if place else (None, "")
    if made is not None:
        better = {"higher": "higher is better", "lower": "lower is better"}.get(made.direction, "ranks nothing")
        yield "direction", [better + (f", in {made.unit}" if made.unit else "")]
        yield "reads", [", ".join(made.needs)]
    if entry.needs:
        yield "needs", [f"{entry.name}@{' or '.join(entry.needs)}"]
    if words := margin_words(entry.shown):
        yield "margin", [f"{words}: {plain(entry.shown.margin_reason)}"]
    if entry.shown.tier:
        yield "in a gate", [entry.shown.tier]


def margin_words(shown: ShownMetric) -> str:
    """``0.05``, ``25 % of the value``, ``5 % of the value, at least 0.002``; "" where none is stated."""
    if not shown.margin_relative:
        return f"{shown.margin:g}" if shown.margin else ""
    floor = f", at least {shown.margin:g}" if shown.margin else ""
    return f"{100 * shown.margin_relative:g} % of the value{floor}"


def _instrument(entry: InstrumentEntry, argument: str, place: Any) -> Iterator[Field]:
    if entry.source:
        yield "weights", [_checkpoint(entry.source)]
    rows, _ = tried(lambda: [place for one in looked(entry, argument) for place in one])
    if rows:
        most = max(len(row.words) for row in rows)
        fits = most + 2 + LABEL + 12 <= width()
        yield (
            "looked in",
            [f"\n{row.words:{most if fits else 0}}  {'here' if row.path else 'not here'}" for row in rows],
        )
    if entry.source or entry.weights:
        yield "takes", [f"{entry.name}@PATH: weights of your own"]


def _data(entry: DataEntry, argument: str, place: Any) -> Iterator[Field]:
    readers = [task.name for task in catalog.entries("task") if entry.name in task.data]
    if entry.at_hand:
        fetched = place is not None and "fetch" in inspect.signature(place).parameters
        yield "prepare", ["\n" + (f"ddtbench data prepare {entry.name} --fetch" if fetched else _prepare(entry.name))]
    if readers:
        yield "read by", [", ".join(readers)]


def _recipe(entry: RecipeEntry, argument: str, place: Any) -> Iterator[Field]:
    if entry.needs:
        yield "made from", [", ".join(entry.needs)]
    trainer = "mllm" if isinstance(place, dict) else "tokenizer"
    yield "train", [f"\nddtbench train {trainer} {entry.name} --out DIR"]


def _suite(entry: SuiteEntry, argument: str, place: Any) -> Iterator[Field]:
    suite, _ = tried(lambda: place()) if place else (None, "")
    if suite is not None:
        yield "models", [", ".join(suite.models)]
        yield "tasks", [", ".join(dict.fromkeys(run.task for run in suite.runs))]
        yield "run", [f"\nddtbench run {entry.name} --plan"]


def _claims(entry: ClaimsEntry, argument: str, place: Any) -> Iterator[Field]:
    stated = place.get("claim", ()) if isinstance(place, Mapping) else ()
    says = [plain(str(row["says"])) for row in stated if isinstance(row, Mapping) and "says" in row]
    if says:
        yield "says", says
        yield "answer", ["\nddtbench claims RUNS"]


def _published(entry: PublishedEntry, argument: str, place: Any) -> Iterator[Field]:
    table, problem = tried(lambda: read_published(entry.name)) if place else (None, "")
    if table is None:
        yield "rows", [problem or "none can be read"]
        return
    values = sum(len(row.values) for row in table.rows)
    yield "table", [f"{plain(table.title)}: {plain(table.about)}"]
    yield "columns", [", ".join(dict.fromkeys(column.label for column in table.columns))]
    yield "rows", [f"{len(table.rows)} with {values} numbers, from {len(table.sources)} sources"]
    yield "sources", [f"{source.about} ({source.trust})" for source in table.sources]
    yield "beside", ["\n" + f"ddtbench reproduce {entry.name} --run RUNS"]
