"""The instrument ``mme-answers``: what each parser reads in a pair of stored answers. The subject is not asked again.

Another parser, or another version of one, changes the instrument's digest, so that answers are read again and nothing
else is.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from harness.contracts import Sample
from harness.spec import canonical_json
from tasks.mme.parsers import PARSERS

NAME = "mme-answers"
VERSION = 1
COUNTS = ("right", "both", "yes", "other")
"""Per pair: right answers (0 to 2), whether both are right, answers read as yes, answers that cannot be read."""


class MmeAnswers:
    """For each parser the columns ``PARSER`` (``yes no``, one word per question) and ``PARSER-right``, ``-both``,
    ``-yes``, ``-other``."""

    name = NAME
    digest = hashlib.sha256(canonical_json({"version": VERSION, "parsers": sorted(PARSERS)}).encode()).hexdigest()[:16]

    def unavailable(self) -> str:
        return ""

    def observe(self, samples: Sequence[Sample]) -> Mapping[str, Sequence[Any]]:
        """Raises ValueError for a sample that does not hold as many answers as its case has questions."""
        columns: dict[str, list[Any]] = {}
        for parser, read in PARSERS.items():
            for sample in samples:
                verdicts = [read(answer) for answer in answers_of(sample)]
                truths = [truth.lower() for truth in sample.case.facts["answers"]]
                right = sum(verdict == truth for verdict, truth in zip(verdicts, truths, strict=True))
                counts = (right, int(right == len(truths)), verdicts.count("yes"), verdicts.count("other"))
                columns.setdefault(parser, []).append(" ".join(verdicts))
                for name, count in zip(COUNTS, counts, strict=True):
                    columns.setdefault(f"{parser}-{name}", []).append(count)
        return columns


def answers_text(answers: Sequence[str]) -> str:
    """A pair of answers as a sample stores it: a JSON list."""
    return json.dumps(list(answers), ensure_ascii=False)


def answers_of(sample: Sample) -> list[str]:
    """The answers of a stored sample, in the order of its questions. Raises ValueError for any other text."""
    try:
        found = json.loads(sample.text)
    except RecursionError:
        raise ValueError(f"the text is nested too deep to be a list of answers: {sample.text[:60]}") from None
    if not isinstance(found, list) or len(found) != len(sample.case.facts["answers"]):
        raise ValueError(f"the text is not a list of answers, one per question: {sample.text[:60]}")
    return [str(answer) for answer in found]


def open_answers() -> MmeAnswers:
    """The catalogue's factory."""
    return MmeAnswers()
