"""What goes on, in words: what the page and ``/live/state.json`` say of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from harness.progress import duration, printable
from reports.reading.going import Going, Look
from reports.reading.questions import asked, spoken
from reports.reading.samples import Failure, StoredSample
from reports.viewing.pages import State

REASONS = 12
"""Reasons of failures that are shown of one run."""
LONGEST = 300
Shown = dict[str, Any]


def told(look: Look, state: State) -> tuple[Shown, Mapping[str, bytes]]:
    """(what is said, as JSON and to the templates; the pictures by their addresses)."""
    pictures: dict[str, bytes] = {}
    runs = [_run(item, pictures) for item in look.going]
    return {
        "version": state.pages.number if state.pages else 0,
        "making": state.making,
        "problem": line(_problem(look, state)),
        "headline": headline(look),
        "runs": runs,
    }, pictures


def headline(look: Look) -> str:
    """``2 runs go on, 1 is unfinished, 8 are done``."""
    left = sum(item.state == "left" for item in look.going)
    on = len(look.going) - left
    parts = [
        f"{on} {'run goes' if on == 1 else 'runs go'} on" if on else "",
        f"{left} {'is' if left == 1 else 'are'} unfinished" if left else "",
        f"{look.measured} {'is' if look.measured == 1 else 'are'} done" if look.measured else "",
    ]
    return ", ".join(filter(None, parts)) if on or left else ""


def line(text: str, longest: int = LONGEST) -> str:
    """One line without what steers a reader: control characters, marks of direction."""
    words = printable(text[: 4 * longest])
    return words if len(words) <= longest else words[: longest - 1] + "\N{HORIZONTAL ELLIPSIS}"


def _problem(look: Look, state: State) -> str:
    if look.trouble:
        return f"The runs cannot be read: {look.trouble}"
    if state.problem:
        kept = "These pages are those of before" if state.pages else "The report could not be made"
        return f"{kept}: {state.problem}"
    return ""


def _run(item: Going, pictures: dict[str, bytes]) -> Shown:
    grouped = _grouped(item.failures)
    more = f"and {len(grouped) - REASONS:,} more reasons" if len(grouped) > REASONS else ""
    if item.failed > len(item.failures):
        more = f"why the last ones failed is stored with their samples, {item.unit:,} at a time"
    return {
        "id": hashlib.sha256(item.path.encode("utf-8", "surrogatepass")).hexdigest()[:12],
        "model": line(item.subject),
        "task": line(item.task),
        "state": item.state,
        "words": " \N{MIDDLE DOT} ".join(_words(item)),
        "done": item.done,
        "wanted": max(item.done, item.wanted) if item.wanted else 0,
        "failed": f"{item.failed:,} failed so far" if item.state != "left" else f"{item.failed:,} failed",
        "failures": [{"case": case, "reason": reason} for case, reason in grouped[:REASONS]],
        "more": more,
        "samples": [_sample(item, sample, pictures) for sample in item.samples],
        "any_failed": item.failed > 0,
    }


def _words(item: Going) -> list[str]:
    of = f" of {item.wanted:,}" if item.wanted else ""
    what = "sample" if (item.wanted or item.done) == 1 else "samples"
    found = {
        "asking": f"{item.done:,}{of} {what}",
        "observing": f"instruments look at the samples: {item.done:,}{of} parts",
        "measuring": f"{item.done:,} {what}, being measured",
        "left": f"left unfinished at {item.done:,}{of} {what}; the same command continues",
    }
    words = [found[item.state]]
    if item.state == "left" and item.wanted and item.done >= item.wanted:
        words = [f"{item.done:,} {what} are there and not measured; the same command continues"]
    if item.rate and item.state != "left":
        words.append(f"{item.rate:.1f} a second" if item.rate >= 0.1 else f"{duration(1 / item.rate)} each")
    if item.seconds_left:
        words.append(f"{duration(item.seconds_left)} left")
    if item.state == "asking" and not item.samples:
        words.append(f"stored {item.unit:,} at a time, none yet")
    if item.host:
        words.append(f"on {line(item.host, 60)}, heard of {duration(item.heard)} ago")
    if item.unread:
        words.append(f"failures of {item.unread:,} more parts are still being read")
    return words


def _grouped(failures: Sequence[Failure]) -> list[tuple[str, str]]:
    """(the first case and how many more, reason), the most frequent first."""
    found: dict[str, list[str]] = {}
    for failure in failures:
        found.setdefault(line(failure.reason) or "no reason given", []).append(failure.case)
    by_number = sorted(found.items(), key=lambda pair: -len(pair[1]))
    return [
        (line(cases[0], 80) + (f" and {len(cases) - 1:,} more" if len(cases) > 1 else ""), reason)
        for reason, cases in by_number
    ]


def _sample(item: Going, sample: StoredSample, pictures: dict[str, bytes]) -> Shown:
    if not sample.ok:
        return {
            "case": line(sample.case, 80),
            "texts": [f"failed: {line(sample.reason)}"],
            "failed": True,
            "pictures": [],
        }
    question = [text for text in asked(item.shown, sample) if text != sample.case]
    shown = []
    for name, data in sample.images.items():
        address = _address(data)
        pictures[address] = data
        words = {"name": line(name, 40), "alt": f"{line(name, 40)} of {line(sample.case, 80)}"}
        shown.append({**words, "source": f"/live/pictures/{address}"})
    return {
        "case": line(sample.case, 80),
        "texts": [*(line(text) for text in question[:4]), *(line(text) for text in spoken(sample.text)[:4])],
        "failed": False,
        "pictures": shown,
    }


@lru_cache(256)
def _address(data: bytes) -> str:
    return f"{hashlib.sha256(data).hexdigest()[:32]}.png"
