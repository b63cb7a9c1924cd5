"""What reading Parquet raises, made one kind of error: pyarrow's own, and what damaged files let through it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from harness.errors import UserError
from harness.texts import first_line

_RAISED = (OSError, ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError, MemoryError)
"""Beside pyarrow's own: texts that are no UTF-8 (UnicodeDecodeError), times out of range (OverflowError), lengths that
no memory holds, a column that is not what the schema says."""


@contextmanager
def reading_parquet(what: str, cure: str, kind: type[Exception] = UserError) -> Iterator[None]:
    """Around code that reads Parquet and does nothing else: whatever it raises becomes ``WHAT (REASON): CURE``."""
    import pyarrow as pa

    try:
        yield
    except UserError:
        raise
    except (pa.ArrowException, *_RAISED) as error:
        raise kind(f"{what} ({first_line(error)}): {cure}") from error
