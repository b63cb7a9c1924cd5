"""Parts: the Parquet files that hold samples and observations of one unit, the same bytes for the same content.

Writer settings are fixed and no time is stored. Images are PNG bytes in the Hugging Face Image schema, so that
``datasets`` opens a part as it is. A part is named ``<unit>-<first 16 hex of its SHA-256>.parquet``.
"""

from __future__ import annotations

import hashlib
import io
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from harness.contracts import Case, Sample
from harness.errors import UserError
from harness.images import decode_png, encode_png
from harness.isolation import storable
from harness.redaction import redacted_anywhere
from harness.texts import first_line

SCHEMA = 1
USE_NEWER = "use a newer ddtbench"
"""How the reason ends for which a file of a newer schema is not read."""
UNREADABLE = (pa.ArrowException, OSError, ValueError, TypeError, LookupError, MemoryError)
"""What Arrow raises about bytes that are no whole Parquet file: names that are no UTF-8 are a ValueError."""
FAILED = "_failed"
_NAME = re.compile(r"(\d{5,})-([0-9a-f]{16})\.parquet")
_IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
_SAMPLE_FIELDS = [
    pa.field("case", pa.string()),
    pa.field("group", pa.string()),
    pa.field("stratum", pa.string()),
    pa.field("facts", pa.string()),
    pa.field("outcome", pa.string()),
    pa.field("reason", pa.string()),
    pa.field("images", pa.list_(pa.struct([("name", pa.string()), ("image", _IMAGE)]))),
    pa.field("codes", pa.list_(pa.int32())),
    pa.field("text", pa.string()),
    pa.field("numbers", pa.string()),
]
_ALWAYS = ("case", "facts", "outcome", "codes", "numbers")
RECORD = "record"
"""A column more, of subjects that say how they came to their answers; parts of others have none."""
_TEXT = {"dtype": "string", "_type": "Value"}
_FEATURES = {
    **{name: _TEXT for name in ("case", "group", "stratum", "facts", "outcome", "reason", "text", "numbers")},
    "images": [{"name": _TEXT, "image": {"_type": "Image"}}],
    "codes": [{"dtype": "int32", "_type": "Value"}],
}


def digest16(data: bytes) -> str:
    """The first 16 hex digits of the SHA-256."""
    return hashlib.sha256(data).hexdigest()[:16]


@dataclass(frozen=True)
class Part:
    """The name of a part, taken apart: which unit it holds, and the digest that its bytes must have."""

    unit: str
    digest: str

    @property
    def file(self) -> str:
        return f"{self.unit}-{self.digest}.parquet"

    @classmethod
    def parse(cls, file: str) -> Part | None:
        """None for a name that is no part's."""
        match = _NAME.fullmatch(file)
        return cls(match[1], match[2]) if match else None

    @classmethod
    def of(cls, unit: str, data: bytes) -> Part:
        """The part that these bytes make."""
        return cls(unit, digest16(data))


def to_json(value: Any) -> str:
    """Canonical JSON for a cell. Infinities are allowed (the PSNR of equal images), NaN is an error. Half of a
    surrogate pair, which UTF-8 cannot hold, is written as its escape and read back as it was."""

    def check(item: Any) -> Any:
        if isinstance(item, np.generic):
            item = item.item()
        if isinstance(item, float) and math.isnan(item):
            raise ValueError("a number is NaN")
        if isinstance(item, Mapping):
            return {str(key): check(inner) for key, inner in item.items()}
        if isinstance(item, (list, tuple, np.ndarray)):
            return [check(inner) for inner in item]
        return item

    return storable(json.dumps(check(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False))


def failed_row(case: Case, reason: str) -> dict[str, Any]:
    """The row of a failed case: a reason and nothing else, nor facts that cannot be stored. It never raises."""
    try:
        head = _head(case)
    except (TypeError, ValueError):
        head = {**_names(case), "facts": "{}"}
    return {**head, "outcome": "failed", "reason": storable(reason) or "no reason given", **_NOTHING}


_NOTHING: dict[str, Any] = {"images": [], "codes": [], "text": "", "numbers": "{}"}


def sample_row(sample: Sample) -> dict[str, Any]:
    """The row of a sample, its images encoded. Raises ValueError or TypeError for what cannot be stored."""
    if sample.outcome == "failed":
        return failed_row(sample.case, sample.reason)
    if sample.outcome != "ok":
        raise ValueError(f"an outcome is 'ok' or 'failed', not '{sample.outcome}'")
    codes = np.asarray(sample.codes)
    if codes.ndim != 1 or (codes.size and (codes.dtype.kind not in "iu" or codes.min() < 0 or codes.max() >= 2**31)):
        raise ValueError(f"codes must be a flat list of non-negative integers, not {codes.dtype} {codes.shape}")
    images = [
        {"name": stored_text(name, "an image's name"), "image": {"bytes": encode_png(rgb), "path": None}}
        for name, rgb in sample.images.items()
    ]
    return {
        **_head(sample.case),
        "outcome": "ok",
        "reason": "",
        "images": images,
        "codes": codes.astype(np.int32),
        "text": stored_text(sample.text),
        "numbers": to_json({name: _number(name, value) for name, value in sample.numbers.items()}),
        **({RECORD: to_json(redacted_anywhere(sample.record))} if sample.record else {}),
    }


def stored_text(text: Any, what: str = "the text") -> str:
    """The same text. Raises ValueError for what is no string, or none that UTF-8 can hold."""
    if not isinstance(text, str):
        raise ValueError(f"{what} must be a string, not {storable(text)[:60]} ({type(text).__name__})")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError(f"{what} cannot be stored as UTF-8: {storable(text)[:60]!r}") from None
    return text


def _number(name: str, value: Any) -> float:
    if isinstance(value, (str, bytes)) or value is None:
        raise ValueError(f"the number '{name}' is {value!r}")
    return float(value)


def _head(case: Case) -> dict[str, Any]:
    return {**_names(case), "facts": to_json(case.facts)}


def _names(case: Case) -> dict[str, str]:
    return {"case": storable(case.id), "group": storable(case.group), "stratum": storable(case.stratum)}


def encode_samples(rows: Iterable[Mapping[str, Any]], metadata: Mapping[str, str]) -> bytes:
    """The bytes of a samples part; ``metadata`` (spec key, environment digest ...) is stored in its schema."""
    kept = list(rows)
    recorded = any(RECORD in row for row in kept)
    features = json.dumps({"info": {"features": {**_FEATURES, **({RECORD: _TEXT} if recorded else {})}}})
    fields = [*_SAMPLE_FIELDS, *([pa.field(RECORD, pa.string())] if recorded else [])]
    schema = pa.schema(fields, metadata=_metadata({**metadata, "huggingface": features}))
    return _parquet(pa.Table.from_pylist(kept, schema=schema))


def samples_of(table: pa.Table) -> list[Sample]:
    """The samples of a part, images decoded. Raises UserError for what no writer of ours makes: JSON that is none, an
    image that is no PNG or has more pixels than a file may have."""
    return [_sample(row) for row in table.to_pylist()]


def _sample(row: Mapping[str, Any]) -> Sample:
    case = Case(row["case"], row["group"], row["stratum"], _json_cell(row, "facts", dict))
    if row["outcome"] != "ok":
        return Sample(case, "failed", row["reason"])
    try:
        images = {item["name"]: decode_png(item["image"]["bytes"]) for item in row["images"]}
    except (TypeError, ValueError) as error:  # a null among them, or the error of an image
        raise UserError(f"the stored sample {row['case']!r} holds no images that can be read: {error}") from error
    record = tuple(_json_cell(row, RECORD, list)) if row.get(RECORD) else ()
    numbers = _json_cell(row, "numbers", dict)
    return Sample(case, "ok", "", images, tuple(row["codes"]), row["text"], numbers, record)


def _json_cell(row: Mapping[str, Any], column: str, kind: type) -> Any:
    try:
        value = json.loads(row[column])
        if isinstance(value, kind):
            return value
    except (TypeError, ValueError, RecursionError):
        pass
    raise UserError(f"the stored sample {row['case']!r} holds no JSON in '{column}'")


def samples_problem(table: pa.Table, columns: Sequence[str] | None = None) -> str:
    """Why this is no table of samples (or these columns of one), or "": a column is missing, of another type, or has no
    value in a row where every sample has one."""
    for field in _SAMPLE_FIELDS:
        if columns is not None and field.name not in columns:
            continue
        if field.name not in table.column_names:
            return f"holds no samples (it has no '{field.name}')"
        found = table.schema.field(field.name).type
        if found != field.type:
            return f"holds no samples ('{field.name}' is {found}, not {field.type})"
        if field.name in _ALWAYS and table[field.name].null_count:
            return f"holds no samples ('{field.name}' is null in a row)"
    return ""


def observations_problem(table: pa.Table, columns: Sequence[str] | None = None) -> str:
    """Why this is no table of observations (or these columns of one), or ""."""
    if columns is None and "case" not in table.column_names:
        return "holds no observations (it has no 'case')"
    for field in table.schema:
        kind, text = field.type, field.name in ("case", FAILED)
        vector = pa.types.is_fixed_size_list(kind) and pa.types.is_floating(kind.value_type)
        number = pa.types.is_integer(kind) or pa.types.is_floating(kind)
        if not pa.types.is_string(kind) and (text or not (vector or number)):
            return f"holds no observations ('{field.name}' is {kind})"
    return ""


def encode_observations(
    cases: Sequence[str], columns: Mapping[str, Sequence[Any]], reasons: Sequence[str], metadata: Mapping[str, str]
) -> bytes:
    """The bytes of an observations part: ``case``, the columns by name (null where there is a reason), ``_failed``."""
    arrays = {"case": pa.array(cases, pa.string())}
    for name in sorted(columns):
        if any(value is not None for value in columns[name]):  # of nulls alone not even the type is known
            arrays[name] = _column(name, columns[name])
    arrays[FAILED] = pa.array(reasons, pa.string())
    return _parquet(pa.table(arrays).replace_schema_metadata(_metadata(metadata)))


def _column(name: str, values: Sequence[Any]) -> pa.Array:
    """int64, float64, string, or float32 vectors of one length; None is null."""
    given = [value for value in values if value is not None]
    if all(isinstance(value, str) for value in given):
        return pa.array(values, pa.string())
    if all(np.ndim(value) == 0 for value in given):
        whole = all(isinstance(value, (bool, int, np.integer, np.bool_)) for value in given)
        plain = [None if value is None else (int(value) if whole else float(value)) for value in values]
        return pa.array(plain, pa.int64() if whole else pa.float64())
    lengths = {np.shape(value) for value in given}
    if len(lengths) != 1 or len(next(iter(lengths))) != 1:
        raise ValueError(f"observed column '{name}' must hold vectors of one length, not {sorted(lengths)}")
    vectors = [None if value is None else np.asarray(value, np.float32) for value in values]
    return pa.array(vectors, pa.list_(pa.float32(), next(iter(lengths))[0]))


def read_part(data: bytes, where: str, columns: Sequence[str] | None = None) -> pa.Table:
    """The table of a part, or those of these columns that it has. Raises UserError for a newer schema, and for bytes
    that are no whole Parquet file."""
    try:
        # one thread: with more, Arrow now and then aborts the process at its exit (apache/arrow issue 34314)
        table = pq.ParquetFile(pa.BufferReader(data)).read(columns, use_threads=False)
        table.validate(full=True)
        schema = int(metadata_of(table).get("schema", "0"))
    except UNREADABLE as error:
        raise UserError(f"{where} cannot be read ({first_line(error)}): make it again") from error
    if schema > SCHEMA:
        raise UserError(f"{where} has schema {schema}, newer than the {SCHEMA} read here: {USE_NEWER}")
    return table


def metadata_of(table: pa.Table) -> dict[str, str]:
    """What was stored in the schema."""
    return {
        key.decode(errors="replace"): value.decode(errors="replace")
        for key, value in (table.schema.metadata or {}).items()
    }


def encode_table(table: pa.Table) -> bytes:
    """Parquet bytes of any table by the same fixed settings, without metadata of its own."""
    return _parquet(table.replace_schema_metadata(None))


def _metadata(words: Mapping[str, str]) -> dict[str, str]:
    return {"schema": str(SCHEMA), **dict(sorted(words.items()))}


def _parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(
        table.combine_chunks(),
        buffer,
        version="2.6",
        data_page_version="1.0",
        compression="zstd",
        compression_level=3,
        use_dictionary=False,
        write_statistics=False,
        row_group_size=1 << 20,
    )
    return buffer.getvalue()
