"""Published tables: what a paper, a page or a repository printed, as data beside the task that measures it.

A ``PublishedEntry`` names a TOML file of its package. It states once what the table is (``title``, ``tasks``, ``run``,
``elsewhere``, ``data``, ``instruments``), the ``[protocol]`` of the benchmark, every ``[[column]]`` and
``[source.KEY]``, and then each printed row::

    [[row]]
    model = "DDT-LLaMA"
    from = ["janus-pro-r1"]       # keys of sources; the first one's trust is the row's, unless it states its own
    models = ["ddt-llama"]        # names of the catalogue whose runs are compared with it
    values = "0.66 0.99 0.64 -"   # digits as printed, in the order of the columns of its group; "-" or nothing: none

Of a protocol a key is one of an estimate's fingerprint, or ``cases`` (how many were scored); ``"UNKNOWN"`` says that
the source does not tell; text that ends with ``*`` is how the fingerprint's begins. A row's own goes before its
source's, that before the column's, and that before the table's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from harness import catalog
from harness.contracts.published import (
    NOTHING,
    TRUSTS,
    PublishedColumn,
    PublishedNumber,
    PublishedRow,
    PublishedTable,
    Source,
)
from harness.errors import UserError, nearest
from harness.stated import require_stated, stated


def read_published(name: str) -> PublishedTable:
    """The published table of this name. Raises UserError for an unknown one, with the nearest, and for a file that is
    not as it should be, with the row."""
    known = [entry.name for entry in catalog.entries("published")]
    if name not in known and ("published", name) not in catalog.refused():
        raise UserError(f"there is no published table '{name}'{nearest(name, known)}")
    where = f"published '{name}' of {catalog.package_of('published', name)}"
    return _Reader(where).table(name, catalog.find("published", name))


_TABLE = {
    **dict.fromkeys(("title", "about", "run", "elsewhere"), ""),
    **dict.fromkeys(("tasks", "data", "instruments"), ()),
    **{"protocol": {}, "words": {}, "column": [], "source": {}, "row": []},
}
_COLUMN = {
    **{"name": "", "label": "", "stratum": "", "direction": "higher", "unit": "", "group": ""},
    **{"metrics": (), "mean_of": (), "sum_of": (), "scale": 1, "trials": 0, "protocol": {}},
}
_SOURCE = {"about": "", "trust": "", "protocol": {}}
_ROW = {
    **{"model": "", "variant": "", "group": "", "trust": "", "values": "", "note": ""},
    **{"from": (), "models": (), "protocol": {}, "scale": 0, "counted": False, "parameters": 0.0},
}


@dataclass(frozen=True)
class _Reader:
    """Turns what a TOML file says into values; ``where`` begins every error."""

    where: str

    def table(self, name: str, said: Mapping[str, Any]) -> PublishedTable:
        found = stated(said, _TABLE, self.where)
        require_stated(found, ("title", "tasks", "run"), self.where)
        columns = tuple(self._column(item, place) for place, item in enumerate(found["column"], 1))
        if not columns:
            raise UserError(f"{self.where} has no [[column]]: write one for each of the table")
        sources = {key: self._source(key, item) for key, item in found["source"].items()}
        names = {column.name for column in columns}
        for column in columns:
            for other in (*column.mean_of, *column.sum_of):
                if other not in names:
                    raise UserError(f"{self.where}: column '{column.name}' is made of '{other}'{nearest(other, names)}")
        rows = tuple(self._row(item, place, columns, sources) for place, item in enumerate(found["row"], 1))
        plain: dict[str, Any] = {key: found[key] for key in ("title", "about", "run", "elsewhere", "protocol", "words")}
        plain |= {key: tuple(found[key]) for key in ("tasks", "data", "instruments")}
        return PublishedTable(name=name, columns=columns, sources=tuple(sources.values()), rows=rows, **plain)

    def _column(self, said: Any, place: int) -> PublishedColumn:
        where = f"{self.where}: column {place}"
        found = stated(said, _COLUMN, where)
        require_stated(found, ("name",), where)
        found["label"] = found["label"] or found["name"]
        found["scale"] = self._scale(found["scale"], where)
        values: dict[str, Any] = {key: tuple(item) if isinstance(item, list) else item for key, item in found.items()}
        return PublishedColumn(**values)

    def _source(self, key: str, said: Any) -> Source:
        where = f"{self.where}: source '{key}'"
        found = stated(said, _SOURCE, where)
        require_stated(found, ("about", "trust"), where)
        self._trust(found["trust"], where)
        return Source(key, found["about"], found["trust"], found["protocol"])

    def _row(
        self,
        said: Any,
        place: int,
        columns: Sequence[PublishedColumn],
        sources: Mapping[str, Source],
    ) -> PublishedRow:
        model = said.get("model") if isinstance(said, dict) else None
        where = f"{self.where}: row {place}" + (f" ({model})" if isinstance(model, str) and model else "")
        found = stated(said, _ROW, where)
        require_stated(found, ("model", "from", "values"), where)
        for key in found["from"]:
            if key not in sources:
                raise UserError(f"{where} is from '{key}', which no [source.{key}] describes{nearest(key, sources)}")
        own = tuple(sources[key] for key in found["from"])
        trust = found["trust"] or own[0].trust
        self._trust(trust, where)
        here = [column for column in columns if column.group == found["group"]]
        if not here:
            groups = {column.group for column in columns}
            raise UserError(f"{where} is of group '{found['group']}'{nearest(found['group'], groups)}")
        told = {key: item for source in reversed(own) for key, item in source.protocol.items()}
        return PublishedRow(
            model=found["model"],
            variant=found["variant"],
            group=found["group"],
            sources=own,
            trust=trust,
            models=tuple(found["models"]),
            values=dict(self._values(found["values"], found["scale"], here, where)),
            protocol={**told, **found["protocol"]},
            note=found["note"],
            counted=found["counted"],
            parameters=found["parameters"],
        )

    def _values(
        self, text: str, scale: int, columns: Sequence[PublishedColumn], where: str
    ) -> Iterator[tuple[str, PublishedNumber]]:
        words = text.split()
        if len(words) > len(columns):
            raise UserError(f"{where} has {len(words)} values, and its table {len(columns)} columns: remove some")
        for word, column in zip(words, columns, strict=False):
            if word == NOTHING:
                continue
            try:
                printed = Decimal(word)
            except InvalidOperation:
                printed = Decimal("nan")
            if not printed.is_finite():
                raise UserError(
                    f"{where}: '{word}' of column '{column.name}' is not a number: write it as printed, or -"
                )
            own = self._scale(scale, where) if scale else column.scale
            yield column.name, PublishedNumber(word, printed.scaleb(column.scale.adjusted() - own.adjusted()))
        if all(word == NOTHING for word in words):
            raise UserError(f"{where} has no value: fill it in or remove the row")

    def _scale(self, value: Any, where: str) -> Decimal:
        """Digits are kept, so that a scale moves the point and does nothing else."""
        scale = Decimal(str(value))
        if scale <= 0 or scale != Decimal(1).scaleb(scale.adjusted()):
            raise UserError(f"{where}: scale {value} is not a power of ten: write 1, 100 ...")
        return scale

    def _trust(self, trust: str, where: str) -> None:
        if trust not in TRUSTS:
            raise UserError(f"{where}: trust '{trust}'{nearest(trust, TRUSTS)}")
