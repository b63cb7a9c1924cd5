"""What an answer says, by three published rules. They disagree: *Not sure, yes* is no by the official rule.

Each takes the text as the model gave it and returns ``yes``, ``no`` or ``other``; what is other is wrong. None raises.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Literal

Verdict = Literal["yes", "no", "other"]
Parser = Callable[[str], Verdict]

PREFIX = 4
"""The official rule looks at so many characters."""

PUNCTUATION = ';/[]"{}()=+\\_-><@`,?!'
"""What VLMEvalKit takes off, by the rule of the VQA evaluation (Antol et al. 2015). A full stop has its own rule."""
FULL_STOPS = 32
"""VLMEvalKit removes no more full stops than this (a flag of ``re`` stands where the count belongs)."""


def official(answer: str) -> Verdict:
    """MME's ``eval_tool/calculation.py``: in lower case, *yes* within the first four characters, else *no* there.

    Examples:
        >>> official("Yes, there is a red circle."), official("There is a red circle.")
        ('yes', 'other')
    """
    return _prefix(answer.lower())


def lmms_eval(answer: str) -> Verdict:
    """lmms-eval's: as the official rule, without surrounding blanks and full stops; *y* and *n* count.

    Source: ``parse_pred_ans`` of its ``tasks/mme/utils.py``, release 0.7.3.
    """
    text = answer.lower().strip().replace(".", "")
    if len(text) == 1:
        return "yes" if text == "y" else "no" if text == "n" else "other"
    return _prefix(text)


def vlmevalkit(answer: str) -> Verdict:
    """VLMEvalKit's ``YOrN_Extraction``: the word *yes* anywhere and nowhere the word *no*, or the other way round.

    Source: open-compass/VLMEvalKit, ``vlmeval/dataset/utils/yorn.py`` at 0c7163c9, and ``process_punctuation`` of
    ``vlmeval/smp/misc.py`` at 06d45c58. Its second step, a language model that judges what is left, is not there.
    """
    words = set(_without_punctuation(answer.lower()).split())
    if ("yes" in words) == ("no" in words):
        return "other"
    return "yes" if "yes" in words else "no"


PARSERS: Mapping[str, Parser] = {"official": official, "lmms-eval": lmms_eval, "vlmevalkit": vlmevalkit}
DEFAULT = "official"


def _prefix(text: str) -> Verdict:
    start = text[:PREFIX]
    return "yes" if "yes" in start else "no" if "no" in start else "other"


def _without_punctuation(text: str) -> str:
    """A mark that touches a blank anywhere in the text vanishes everywhere; any other becomes a blank."""
    numbers = re.search(r"\d,\d", text) is not None
    table = {}
    for mark in PUNCTUATION:
        vanishes = numbers or f"{mark} " in text or f" {mark}" in text
        table[ord(mark)] = "" if vanishes else " "
    return re.sub(r"\.(?!\d)", "", text.translate(table), count=FULL_STOPS)
