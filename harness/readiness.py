"""Whether an entry of the catalogue can be used here now, in a word: files are looked for by path, nothing is opened,
fetched or imported that is heavy, so that a list may ask for all of them."""

from __future__ import annotations

import importlib
from collections.abc import Sequence

from harness import catalog
from harness.contracts import (
    CatalogueEntry,
    DataEntry,
    InstrumentEntry,
    MetricEntry,
    ModelEntry,
    RecipeEntry,
    TaskEntry,
)
from harness.errors import UserError
from harness.isolation import tried
from harness.paths import checkout_root
from harness.weights.places import Place, Weights

YES = "yes"
NO_WEIGHTS = "no weights"
DATA_MISSING = "data missing"
BROKEN = "cannot tell"
"""What it asks is another package's and raised something; ``ddtbench show`` says what."""


def readiness(entry: CatalogueEntry) -> str:
    """``yes``, or the short reason why not: ``needs @PATH``, ``no weights``, ``data missing``."""
    word, reason = tried(lambda: _word(entry))
    return word or (BROKEN if reason else YES)


def _word(entry: CatalogueEntry) -> str:
    if isinstance(entry, TaskEntry) and any(map(prepared, entry.data)):
        return YES
    if isinstance(entry, TaskEntry) and entry.needs and entry.data:
        return DATA_MISSING
    if isinstance(entry, ModelEntry | TaskEntry | MetricEntry) and entry.needs and not getattr(entry, "source", ""):
        return f"needs @{_kind_of(entry.needs[0])}"
    if isinstance(entry, ModelEntry | InstrumentEntry) and entry.source:
        return YES if (checkout_root() / entry.source).exists() else NO_WEIGHTS
    if isinstance(entry, InstrumentEntry):
        return _of_weights([weights_at(place) for place in entry.weights])
    if isinstance(entry, MetricEntry):
        words = [readiness(catalog.lookup("instrument", name)) for name in entry.reads]
        return next((word for word in words if word != YES), YES)
    if isinstance(entry, DataEntry):
        return YES if prepared(entry.name) else "not prepared"
    if isinstance(entry, RecipeEntry):
        missing = [name for name in entry.needs if not (checkout_root() / "zoo" / name).exists()]
        return f"needs {missing[0]}" if missing else YES
    return YES


def _kind_of(need: str) -> str:
    """``PATH`` for ``FILE last.ckpt``."""
    word = need.split(" ")[0]
    return "PATH" if word in ("FILE", "FOLDER") else word


def _of_weights(all_of: Sequence[Weights]) -> str:
    for weights in all_of:
        if not any(place.path for place in weights.looked()):
            return NO_WEIGHTS if weights.looked() else "needs @PATH"
    return YES


def weights_at(place: str) -> Weights:
    """The value at ``module:NAME``. Raises UserError where it cannot be loaded."""
    found: Weights = catalog.load(place, "where weights are looked for")
    return found


def looked(entry: InstrumentEntry, argument: str = "") -> list[tuple[Place, ...]]:
    """Where each of the instrument's weights was looked for. Raises UserError."""
    return [weights_at(place).looked(argument if not number else "") for number, place in enumerate(entry.weights)]


def prepared(name: str) -> bool:
    """Whether a data set is here; one that does not say counts as here. Raises UserError for an unknown name."""
    place = catalog.lookup("data", name).at_hand
    if not place:
        return True
    module, _, attribute = place.partition(":")
    return bool(getattr(importlib.import_module(module), attribute)())


def why_not(entry: CatalogueEntry, argument: str = "") -> str:
    """What to do about it, in one line; "" where it is ready."""
    try:
        if isinstance(entry, InstrumentEntry):
            for number, place in enumerate(entry.weights):
                weights_at(place).find(argument if not number else "")
        elif isinstance(entry, MetricEntry):
            for name in entry.reads:
                if reason := why_not(catalog.lookup("instrument", name)):
                    return f"{name}: {reason}"
    except UserError as error:
        return str(error)
    return ""
