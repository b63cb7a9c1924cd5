"""What is said of a comparison, in words and in numbers with as many digits as the data support."""

from __future__ import annotations

from collections.abc import Sequence

from reports.comparing.flips import Flip, Flips, Made
from reports.comparing.rows import Compared, Comparison
from reports.tables.cells import ARROWS
from reports.tables.numbers import ABSENT, decimals_for, fixed, plain

PLUS_MINUS = "\N{PLUS-MINUS SIGN}"


def legend(found: Comparison) -> str:
    """What the columns are, in words."""
    plural = "s" if found.family != 1 else ""
    return (
        f"Difference: the model minus {found.baseline.label}, paired on the same cases, with its 95 % interval. p: for "
        f"no difference, Holm over {found.family} comparison{plural}. Could show: the smallest difference that so many "
        "cases would have shown in four of five repetitions (2.8 standard errors). A difference is between these "
        "checkpoints; one between kinds of tokenizers needs several training seeds of each."
    )


# ------------------------------------------------------------------------------------------------ cells


def value_text(row: Compared, value: float | None) -> str:
    if value is None:
        return ABSENT
    decimals = _decimals(row)
    return plain(value) if decimals is None else fixed(value, decimals)


def difference_text(row: Compared) -> str:
    """``+0.052 [-0.010, 0.113]``, to the digits that the interval supports."""
    found = row.found
    if found is None:
        return ABSENT
    decimals = _decimals(row)
    if decimals is None or found.low is None or found.high is None:
        return _signed(plain(found.value), found.value)
    ends = f"[{fixed(found.low, decimals)}, {fixed(found.high, decimals)}]"
    return f"{_signed(fixed(found.value, decimals), found.value)} {ends}"


def p_text(p: float | None) -> str:
    if p is None:
        return ABSENT
    return "<0.001" if p < 0.001 else f"{p:.3f}" if p < 0.1 else f"{p:.2f}"


def smallest_text(row: Compared) -> str:
    if row.smallest is None:
        return ABSENT
    decimals = _decimals(row)
    return f"{PLUS_MINUS}{plain(row.smallest, 2) if decimals is None else fixed(row.smallest, decimals)}"


def _decimals(row: Compared) -> int | None:
    return None if row.found is None else decimals_for(row.found.low, row.found.high)


def _signed(text: str, value: float) -> str:
    return f"+{text}" if value > 0 and text.strip("0.,") else text


def cells_of(row: Compared) -> tuple[str, ...]:
    numbers = (value_text(row, row.value), difference_text(row), p_text(row.p), smallest_text(row))
    return row.model.label, *numbers, row.answer


def metric_title(row: Compared) -> str:
    arrow = ARROWS.get(row.direction, "")
    unit = f" ({row.unit})" if row.unit else ""
    return f"{row.label}{' ' + arrow if arrow else ''}{unit}"


def cases_text(rows: Sequence[Compared]) -> str:
    counts = sorted({row.cases for row in rows})
    return " to ".join(f"{count:,}" for count in dict.fromkeys((counts[0], counts[-1]))) + " cases"


def counts_text(item: Flips) -> str:
    """How many cases only one got right, in words; "" where nothing is right or wrong."""
    if item.only_model is None or item.p is None:
        return ""
    return (
        f"only {item.model} right: {item.only_model:,}, only {item.baseline} right: {item.only_baseline:,}, "
        f"both: {item.both:,}, neither: {item.neither:,} (McNemar p {p_text(item.p)}, cases taken for independent)"
    )


def flip_title(item: Flips) -> str:
    what = "the cases that one got right and the other wrong" if item.only_model is not None else "what differs most"
    return f"{item.task}, {item.model} and {item.baseline}: {what}"


def case_text(flip: Flip) -> str:
    """The case, and the question where the case is not called by it."""
    question = "; ".join(flip.asked)
    return flip.case if question in flip.case else f"{flip.case}: {question}"


def made_text(made: Made, item: Flips) -> str:
    """``right, "a red cup" (what the metric says of it)``."""
    said = [] if made.right is None else ["right" if made.right else "wrong"]
    if made.right is None and made.score is not None:
        said.append(f"{plain(made.score)} {item.unit}".rstrip())
    # of several answers each has its verdict
    if made.text and len(made.reasons) == len(made.text) and set(made.reasons) <= {"right", "wrong"}:
        said += [f"{text} ({word})" for word, text in zip(made.reasons, made.text, strict=True)]
    else:
        said += made.text
        said += [f"({'; '.join(made.reasons)})"] if made.reasons else []
    said += ["a picture"] if made.picture and not said[1:] else []
    return ", ".join(said).replace(", (", " (")
