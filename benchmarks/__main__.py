"""All claims, one script after the other: ``make bench``.

    python -m benchmarks                    # within 30 minutes on two cores
    python -m benchmarks frechet engine     # some of them
    python -m benchmarks --authors FOLDER   # with checkouts of the authors' code in FOLDER, by the names below
    python -m benchmarks --anyway --tiny    # does everything run?

Each script is a process of its own and refuses where others compute. At the end stands the table of this machine, which
goes into ``docs/guide/speed.md`` as well.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.claims import MISSED, REFUSED
from benchmarks.machine import machine_name
from benchmarks.rows import RESULTS, read_rows, show, table

FOLDER = Path(__file__).parent
TOO_LONG = 124
PATIENCE = 3
"""How often the machine is given another 20 s to become quiet."""


@dataclass(frozen=True)
class Script:
    """``minutes``: its share on two cores; it is ended at twice that. ``authors``: the checkout that it can use."""

    name: str
    minutes: float
    authors: str = ""


SCRIPTS = (
    Script("frechet", 4),
    Script("inception", 5),
    Script("generation", 1.5),
    Script("mme", 3.5),
    Script("selftok", 1.5, "SelftokTokenizer"),
    Script("codecs", 1.5, "."),
    Script("large_report", 3),
    Script("engine", 3),
    Script("workers", 6),
    Script("floors", 1),
)


def command(script: Script, options: argparse.Namespace) -> list[str]:
    """Its command line."""
    words = [sys.executable, str(FOLDER / f"{script.name}.py"), "--results", str(options.results)]
    words += ["--anyway"] if options.anyway else []
    words += ["--tiny"] if options.tiny else []
    if script.authors and options.authors and (options.authors / script.authors).is_dir():
        words += ["--authors", str(options.authors / script.authors)]
    return words


def run(script: Script, options: argparse.Namespace) -> int:
    """Its exit code; ``TOO_LONG`` where it had to be ended."""
    for again in range(PATIENCE):
        process = subprocess.Popen(command(script, options), start_new_session=True)
        try:
            code = process.wait(script.minutes * 120)
        except subprocess.TimeoutExpired:
            print(f"{script.name} was ended after {script.minutes * 2:g} minutes", file=sys.stderr)
            return TOO_LONG
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)  # with what it started
                process.wait()
        if code != REFUSED:
            break
        time.sleep(20 if again < PATIENCE - 1 else 0)
    return code


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = {script.name: script for script in SCRIPTS}
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one of: {', '.join(known)} (default: all)")
    parser.add_argument("--anyway", action="store_true", help="measure while others compute, and mark the rows")
    parser.add_argument("--tiny", action="store_true", help="small sizes: does everything run? The rows are marked")
    parser.add_argument("--authors", type=Path, help="a folder with checkouts of the authors' code")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file of rows (default: %(default)s)")
    options = parser.parse_args()
    if unknown := [name for name in options.names if name not in known]:
        parser.error(f"no script '{unknown[0]}': there are {', '.join(known)}")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(FOLDER.parent), os.environ.get("PYTHONPATH", "")]))
    begun, codes = time.monotonic(), {}
    for name in options.names or known:
        print(f"\n== {name}", flush=True)
        codes[name] = run(known[name], options)
    rows = read_rows(options.results.read_text(encoding="utf-8")) if options.results.exists() else {}
    print(
        f"\n{machine_name()}\n\n{table(rows.get(machine_name(), {}))}\n\n{(time.monotonic() - begun) / 60:.1f} minutes"
    )
    if options.results == RESULTS:
        show()
    said = {MISSED: "a claim is missed", REFUSED: "not measured: others compute", TOO_LONG: "took too long"}
    failed = {name: code for name, code in codes.items() if code}
    for name, code in failed.items():
        print(f"{name}: {said.get(code, f'ended with {code}')}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
