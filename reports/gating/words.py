"""A judgement in words: numbers to the digits that their interval supports, and a sentence for the whole."""

from __future__ import annotations

from reports.gating.judge import Judgement, Row
from reports.tables.numbers import ABSENT, decimals_for, fixed, plain

MARK = "drop shown"
MOST_NAMED = 3
HEADLINES = {
    "holds": "Holds: {new} is not worse than {old} by more than the margins.",
    "regressed": "Regressed: {new} is worse than {old} in {what}.",
    "cannot tell": "Cannot tell whether {new} is worse than {old}: {what}.",
}


def headline(judgement: Judgement) -> str:
    """One sentence."""
    if judgement.verdict == "regressed":
        what = _listed(judgement.of("regressed"))
    else:
        undecided = ((judgement.of("cannot tell"), "undecided"), (judgement.of("missing"), "missing"))
        what = "; ".join(f"{_listed(rows)} {word}" for rows, word in undecided if rows)
    return HEADLINES[judgement.verdict].format(new=judgement.new, old=judgement.old, what=what)


def _listed(rows: list[Row]) -> str:
    names = [named(row) for row in rows[:MOST_NAMED]]
    if len(rows) > MOST_NAMED:
        names.append(f"{len(rows) - MOST_NAMED} more")
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def named(row: Row) -> str:
    """A metric of a task."""
    return f"{row.label} ({row.task})"


def verdict_words(row: Row) -> str:
    """The verdict, a shown drop marked, and said of what only warns."""
    word = f"{row.verdict}, {MARK}" if row.shown_drop else row.verdict
    return f"{word} (warns)" if row.tier == "warns" and row.verdict != "holds" else word


def numbers(row: Row) -> dict[str, str]:
    """``old``, ``new``, ``worse``, ``interval``, ``margin``, ``p`` as text."""
    damage = row.damage
    low, high = (damage.low, damage.high) if damage else (None, None)
    decimals = decimals_for(low, high)

    def text(value: float | None) -> str:
        if value is None:
            return ABSENT
        return plain(value) if decimals is None else fixed(value, decimals)

    return {
        "old": text(row.old),
        "new": text(row.new),
        "worse": text(damage.value if damage else None),
        "interval": "" if low is None or high is None else f"[{text(low)}, {text(high)}]",
        "margin": plain(row.margin, 3) if row.margin else ABSENT,
        "p": _p(row.p),
    }


def _p(value: float | None) -> str:
    if value is None:
        return ABSENT
    return "<.001" if value < 0.001 else f"{value:.3f}".lstrip("0") if value < 1 else "1"


def remarks(row: Row) -> list[str]:
    """What a reader must know of a row beside its numbers."""
    found = [f"{named(row)}: {row.why}"] if row.why else []
    if row.needed is not None:
        found.append(f"{named(row)}: about {row.needed:,} cases would tell, of which there are {row.cases:,}")
    return found


def legend(judgement: Judgement) -> list[str]:
    """How to read the table, and the margins with their reasons."""
    holm = f"; p after Holm over {judgement.family}" if judgement.family else "; p not corrected"
    lines = [
        f"worse by: how much worse {judgement.new} is, in the metric's own unit, with its paired 95 % interval{holm}. "
        "Holds: the interval ends below the margin. Regressed: it begins above 0, does not hold, and p < .05."
    ]
    said: dict[str, list[str]] = {}
    for row in judgement.rows:
        unit = f" {row.unit}" if row.unit and not row.margin_words.endswith("%") and "%" not in row.margin_words else ""
        said.setdefault(f"{row.margin_words}{unit} ({row.margin_reason})", []).append(row.label)
    lines += [f"margin {words} for {', '.join(dict.fromkeys(labels))}" for words, labels in said.items()]
    return lines
