"""An analysis of scaling in words: for a terminal, and as Markdown. They show what was found and decide nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from reports.scaling.design import levels
from reports.scaling.trainings import families
from reports.scaling.values import ISOFLOP, JOINT, LAWS, SIZE, Analysis, Fitted, Predicted, Quantity
from reports.tables.formats import markdown_text
from reports.tables.layout import cut, left, width, wrapped
from reports.tables.numbers import plain, show, with_unit_prefix

NOTHING = 1e-5
"""An offset below it is none."""
REFUSED = "refused"
SHORT = {JOINT: "... + B / D^b", ISOFLOP: "equal compute"}
"""A law's name in the table of a terminal, below the one that it goes on from."""
FACTORS = ("A", "B")
"""Numbers for which a terminal has no room; the files have them."""
LEGEND = (
    "[95 % interval]. N: parameters without embeddings, at equal tokens; D: tokens; C: compute, along the best run at "
    "each. A size that is held out is predicted by A / N^a of the other sizes, or by the law of N and D; the interval "
    "is that of a new run. 'others': each other size held out in turn. A law says nothing outside what it was fitted "
    "to."
)
OPEN = " ?: not identified, the interval reaches the end of what is searched."


def as_text(found: Sequence[Analysis], room: int) -> str:
    """Blocks of at most ``room`` columns."""
    blocks = ["\n".join(_block(one, room)) for one in found]
    refusals = [line for text in _refusals(found) for line in wrapped(text, room, "  ")]
    if refusals:
        blocks.append("\n".join(["refused, since the runs cannot tell:", *refusals]))
    any_open = any(said.open for one in found for fit in one.fits for said in fit.quantities)
    blocks.append("\n".join(wrapped(LEGEND + OPEN * any_open, room)))
    return "\n\n".join(blocks) + "\n"


def as_markdown(found: Sequence[Analysis]) -> str:
    """A table of laws and one of predictions for each task."""
    parts = []
    for one in found:
        lines = [f"### {markdown_text(one.task)}: {markdown_text(_what(one))}", ""]
        if one.loss:
            lines += ["| law | model | fitted | of |", "|:--|:--|:--|:--|"]
            lines += [
                f"| `{fit.law}` | {markdown_text(fit.family)} | {_fitted(fit)} | {fit.about} |" for fit in one.fits
            ]
            lines += ["", "| held out | model | law | predicted | measured | error |", "|:--|:--|:--|--:|--:|--:|"]
            lines += [_markdown_prediction(held) for held in one.predictions]
        else:
            lines += [f"- {markdown_text(text)}" for text in _curves(one)]
        lines += ["", *[f"- {markdown_text(note)}" for note in one.notes]]
        parts.append("\n".join(lines).rstrip() + "\n")
    return "\n".join([*parts, LEGEND]) + "\n"


# ------------------------------------------------------------------------------------------------ a block of text


def _what(one: Analysis) -> str:
    unit = f" ({one.unit})" if one.unit else ""
    better = {"lower": ", lower is better", "higher": ", higher is better"}.get(one.direction, "")
    return f"{one.label}{unit}{better}"


def _block(one: Analysis, room: int) -> list[str]:
    count = len({(point.recipe, point.seed, point.parameters) for point in one.found})
    head = f"{one.task}: {_what(one)}; {len(one.found)} checkpoints of {count} trainings"
    lines = wrapped(head, room, "  ")
    if one.loss:
        lines += _table(one, room)
    else:
        lines += [line for text in _curves(one) for line in wrapped(f"  {text}", room, "    ")]
        lines += wrapped("  A score has a curve and no law: the figure shows it.", room, "    ")
    return lines + [line for note in one.notes for line in wrapped(f"  {note}", room, "    ")]


def _table(one: Analysis, room: int) -> list[str]:
    """Laws down, models across, as many as fit beside one another."""
    names = list(dict.fromkeys(fit.family for fit in one.fits))
    rows = [row for row in _rows(one) if any(row[2].values())]
    first = max(width(law) for law, _, _ in rows) + 2
    second = max(width(name) for _, name, _ in rows) + 2
    sizes = {name: max(width(name), *(width(cells.get(name, "")) for _, _, cells in rows)) for name in names}
    lines: list[str] = []
    while names:
        here = [names.pop(0)]
        while names and first + second + sum(sizes[name] + 2 for name in [*here, names[0]]) <= room + 2:
            here.append(names.pop(0))
        rule = "\N{BOX DRAWINGS LIGHT HORIZONTAL}" * min(
            room, first + second + sum(sizes[name] + 2 for name in here) - 2
        )
        lines += [rule, (" " * (first + second) + "  ".join(left(name, sizes[name]) for name in here)).rstrip(), rule]
        for law, name, cells in rows:
            if any(cells.get(family) for family in here):
                shown = "  ".join(left(cells.get(family, ""), sizes[family]) for family in here)
                lines.append(cut(f"{left(law, first)}{left(name, second)}{shown}".rstrip(), room))
    return [*lines, rule] if lines else []


def _rows(one: Analysis) -> Iterator[tuple[str, str, dict[str, str]]]:
    """(law, quantity, model -> text): the first row of a law names it, and says where it is refused."""
    for law in LAWS:
        fits = [fit for fit in one.fits if fit.law == law]
        told = list(dict.fromkeys(said.name for fit in fits for said in fit.quantities if said.name not in FACTORS))
        for number, name in enumerate(told):
            cells = {fit.family: _said(said) for fit in fits for said in fit.quantities if said.name == name}
            refused = {fit.family: REFUSED for fit in fits if fit.refused is not None and not number}
            yield (SHORT.get(law, law) if not number else ""), name, {**refused, **cells}
    for law in (SIZE, JOINT):
        held = [item for item in one.predictions if item.law == law and item.largest]
        how = "" if law == SIZE else "N and D"
        yield f"held out {_sizes(held)}", how, {item.family: _predicted(item) for item in held}
        yield "", "measured", {item.family: _measured(item) for item in held}
        yield "", "others", {item.family: _others(one.predictions, item) for item in held}


def _sizes(held: Sequence[Predicted]) -> str:
    return " or ".join(dict.fromkeys(with_unit_prefix(item.parameters) for item in held))


def _predicted(one: Predicted) -> str:
    return REFUSED if one.refused is not None else " ".join(show(one.value, one.low, one.high))


def _measured(one: Predicted) -> str:
    if one.refused is not None:
        return plain(one.measured, 3)
    return f"{show(one.measured, one.low, one.high)[0]} {_percent(one.error)}{'' if one.inside else ' outside'}"


def _others(held: Sequence[Predicted], largest: Predicted) -> str:
    """How the other sizes of the family fared when each was left out."""
    same = [one for one in held if (one.law, one.family) == (largest.law, largest.family)]
    told = [one for one in same if one.refused is None and not one.largest]
    return f"{sum(one.inside for one in told)} of {len(told)} inside" if told else ""


def _fitted(fit: Fitted) -> str:
    if fit.refused is not None:
        return f"refused: {markdown_text(str(fit.refused))}"
    return ", ".join(f"{said.name} {_said(said)}" for said in fit.quantities)


def _said(said: Quantity) -> str:
    if math.isnan(said.low):
        return with_unit_prefix(said.value)
    if said.name == "E" and said.value < NOTHING:
        return f"0 [0, {plain(said.high, 2)}]" if said.high > NOTHING else "0"
    value, interval = show(said.value, said.low, said.high)
    return f"{value} {interval}".rstrip() + (" ?" if said.open else "")


def _percent(share: float) -> str:
    return f"{share:+.1%}".replace("-", "\N{MINUS SIGN}").replace("%", " %")


def _markdown_prediction(one: Predicted) -> str:
    what = f"{with_unit_prefix(one.parameters)}{', the largest' * one.largest}"
    head = f"| {what} | {markdown_text(one.family)} | `{one.law}` |"
    if one.refused is not None:
        return f"{head} {markdown_text(one.refused.why)} | {plain(one.measured)} | |"
    value, interval = show(one.value, one.low, one.high)
    where = "inside" if one.inside else "outside"
    return f"{head} {value} {interval} | {plain(one.measured)} | {_percent(one.error)}, {where} |"


def _curves(one: Analysis) -> Iterator[str]:
    """Of each family what its sizes reached last, and its checkpoints where it has one size."""
    for family in families(one.found):
        own = [point for point in one.found if point.family == family]
        there = levels([point.parameters for point in own])
        parts = []
        for size in there:
            last = [point for point in own if size <= point.parameters <= 1.1 * size]
            most = max(point.tokens for point in last)
            values = [plain(point.value.y, 2) for point in last if point.tokens > 0.9 * most]
            parts.append(f"{'/'.join(values)} at {with_unit_prefix(size)}")
        yield f"{family}: {', '.join(parts)}"


def _refusals(found: Sequence[Analysis]) -> Iterator[str]:
    """Each refusal once, with all models and laws that it is of."""
    whose: dict[str, list[tuple[str, str]]] = {}
    for one in found:
        for fit in one.fits:
            if fit.refused is not None:
                pairs = whose.setdefault(str(fit.refused), [])
                if (fit.law, fit.family) not in pairs:
                    pairs.append((fit.law, fit.family))
    for text, pairs in whose.items():
        laws = " and ".join(dict.fromkeys(law for law, _ in pairs))
        names = ", ".join(dict.fromkeys(family for _, family in pairs))
        yield f"  {laws} of {names}: {text}"
