"""What commands share, ours and those that other packages add (``harness.added_commands``): options that mean the same
everywhere, and how a command says what it could not do."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from harness.errors import Exit

Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
Runs = Annotated[str, typer.Argument(metavar="RUNS", help="The folder that 'run' wrote: a path or any fsspec URL.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")]
Suite = Annotated[str | None, typer.Option("--suite", help="Only the runs of this suite.")]


def say(text: str) -> None:
    """One line on stderr."""
    from harness.progress import printable

    print(f"ddtbench: {printable(text)}", file=sys.stderr, flush=True)


def said_partial(failed: Sequence[str]) -> int:
    """The exit code of a command that did what it could, after a line for each thing that it could not."""
    for line in failed:
        say(line)
    return Exit.IN_PART if failed else Exit.DONE


Engine = Annotated[str, typer.Option(help="Who computes: local, or ray.")]
Address = Annotated[
    str, typer.Option(metavar="HOST:PORT|auto", help="The Ray cluster; default: a Ray of this machine alone.")
]
