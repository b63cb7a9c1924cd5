"""What is promised about speed, and the frame of a script that measures it.

A script reads::

    STATISTICS = Claim("frechet-statistics", "from statistics, time beside the fastest", most=0.6)

    bench = Bench.begin(__doc__)  # reads the options; refuses where something else computes
    turns = take_turns({"ours": ours, "theirs": theirs}, rounds=bench.sized(9, 2))
    bench.state(STATISTICS, turns.time_of("ours", "theirs"), how="one thread; theirs 1.0.2")
    bench.end()  # 3 where a claim is missed

What is wrong is never fast: ``Bench.require`` ends a script whose programs disagree.
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from benchmarks.machine import machine_name
from benchmarks.quiet import MOST, WINDOW, Watch, look_before
from benchmarks.rows import RESULTS, Row, put
from benchmarks.turns import Ratio

CHECKED = "DDTBENCH_BENCH_STARTED"
"""In the environment of a script that starts itself again: the mark of its first look, so that it looks once."""
MISSED, REFUSED = 3, 4
"""Exit codes: a claim does not hold; other processes compute. (A traceback ends with 1, a wrong option with 2.)"""
NOTHING = "-"
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")


@dataclass(frozen=True)
class Claim:
    """``most`` or ``least``: the bound that the measured number keeps (neither: it is only stated). ``unit`` stands
    behind numbers."""

    name: str
    what: str
    most: float | None = None
    least: float | None = None
    unit: str = "x"

    @property
    def asked(self) -> str:
        if self.most is not None:
            return f"at most {self.shown(self.most)}"
        return f"at least {self.shown(self.least)}" if self.least is not None else "stated"

    def holds(self, value: float) -> bool | None:
        """None where nothing is asked."""
        if self.most is not None:
            return value <= self.most
        return value >= self.least if self.least is not None else None

    def shown(self, value: float) -> str:
        """Three digits that count, more where a bound is missed by less than they show, and the unit.

        Examples:
            >>> Claim("a", "").shown(0.08204), Claim("b", "", unit=" MB").shown(1234.5)
            ('0.082x', '1,234 MB')
            >>> Claim("c", "", least=1.5).shown(1.4962), Claim("c", "", least=1.5).shown(1.5)
            ('1.496x', '1.5x')
        """
        bound = self.least if self.most is None else self.most
        digits = 3
        while digits < 9 and self.holds(value) is False and f"{value:.{digits}g}" == f"{bound:.{digits}g}":
            digits += 1
        text = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.{digits}g}"
        return f"{text}{self.unit}"


class Bench:
    """One script: its options, what it stated, and whether all of it held."""

    def __init__(self, options: argparse.Namespace, mark: str) -> None:
        self.options = options
        self._mark, self._missed = mark, False
        self._watch = _watch()

    @classmethod
    def begin(
        cls,
        about: str | None,
        add: Callable[[argparse.ArgumentParser], Any] = lambda parser: None,
        threads: int | None = None,
    ) -> Bench:
        """From the command line. ``threads``: how many every library computes with, which they read when they are
        loaded, so that the script starts itself again. Ends the process with 4 where others compute."""
        parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--anyway", action="store_true", help="measure while others compute, and mark the rows")
        parser.add_argument("--tiny", action="store_true", help="small sizes: does it run? The rows are marked")
        parser.add_argument("--results", type=Path, default=RESULTS, help="the file of rows (default: %(default)s)")
        add(parser)
        options = parser.parse_args()
        mark = os.environ.pop(CHECKED) if CHECKED in os.environ else _first_look(options.anyway)
        if threads is not None and any(os.environ.get(name) != str(threads) for name in THREADS):
            start_again(threads, mark)
        return cls(options, mark)

    def sized(self, full: Any, tiny: Any) -> Any:
        """``full``, or ``tiny`` where small sizes were asked for."""
        return tiny if self.options.tiny else full

    def state(self, claim: Claim, measured: Ratio, how: str = "") -> None:
        """Print a claim with what was measured, and write its row."""
        held = None if self.options.tiny else claim.holds(measured.value)
        self._missed |= held is False
        holds = {True: "yes", False: "no", None: NOTHING}[held]
        spread = f"{claim.shown(measured.low)} to {claim.shown(measured.high)} in {measured.rounds}"
        spread = spread if measured.rounds > 1 else NOTHING
        row = Row(
            claim.name,
            claim.what,
            claim.asked,
            claim.shown(measured.value),
            spread,
            holds,
            how,
            datetime.datetime.now(datetime.UTC).date().isoformat(),
            self._marked(),
        )
        said = "" if held is None else f" ({row.asked}: {'held' if held else 'MISSED'})"
        shown = [f"{claim.name}: {row.measured}{said}", f"spread {spread}" if measured.rounds > 1 else "", row.mark]
        print("; ".join(filter(None, shown)), flush=True)
        if not put(machine_name(), row, self.options.results):
            print(f"    not written: {self.options.results} has a row that was measured properly", flush=True)

    def require(self, holds: bool, what: str) -> None:
        """Something besides speed that must hold: equal results. Ends the process where it does not: a fast wrong
        number is none."""
        if not holds:
            print(f"not equal: {what}", file=sys.stderr)
            sys.exit(MISSED)

    def left_out(self, what: str) -> None:
        """Say that something is not measured, and why."""
        print(f"left out: {what}", flush=True)

    def end(self) -> NoReturn:
        """Exit: 3 where a claim was missed."""
        sys.exit(MISSED if self._missed else 0)

    def _marked(self) -> str:
        said = [self._mark] if self._mark else []
        if self._watch is not None and not (others := self._watch.so_far()).quiet:
            said = [f"beside other load: {others.cores:.2f} of a core meanwhile"]
        return "; ".join([*said, *(["tiny sizes"] if self.options.tiny else [])])


def start_again(threads: int, mark: str = "", arguments: Sequence[str] | None = None) -> NoReturn:
    """This script in place of itself, with so many threads for every library, without another look."""
    told = {**os.environ, **dict.fromkeys(THREADS, str(threads)), CHECKED: mark}
    os.execve(sys.executable, [sys.executable, *(arguments or sys.argv)], told)


def _watch() -> Watch | None:
    try:
        return Watch()
    except OSError:
        return None


def _first_look(anyway: bool) -> str:
    """The mark of what is measured now. Ends the process where others compute and nobody said ``anyway``."""
    try:
        others = look_before()
    except OSError:
        found, mark = "this machine does not say what other processes use", "other load unknown"
    else:
        if others.quiet:
            return ""
        found = f"other processes used {others} in the last {WINDOW:.0f} s (at most {MOST} is quiet)"
        mark = f"beside other load: {others.cores:.2f} of a core before"
    if not anyway:
        print(f"not measured: {found}. Stop them, or give --anyway, which marks the rows", file=sys.stderr)
        sys.exit(REFUSED)
    print(f"measured anyway: {found}", flush=True)
    return mark
