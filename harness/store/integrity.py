"""Whether what lies in a run folder is this run's, whole and complete: one answer for everything that reads one.

A part must have the bytes that its name says, belong to this run (or, for observations, to this instrument), and lie
under the unit that it holds. Every unit that the manifest lists must be there, unless the folder is *results only*.
"""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow as pa
import pyarrow.parquet as pq

from harness.errors import UserError
from harness.store.columns import observations_folder
from harness.store.contents import SAMPLES, Contents
from harness.store.parts import UNREADABLE, Part, digest16
from harness.texts import first_line

DAMAGED = "is damaged"


def part_problem(part: Part, data: bytes, key: str, folder: str) -> str:
    """Why a part does not hold where it lies, or ""; only its bytes and what they state of themselves are looked at."""
    if digest16(data) != part.digest:
        return DAMAGED
    try:
        stated = pq.read_schema(pa.BufferReader(data)).metadata or {}
    except UNREADABLE as error:
        return f"is not a Parquet file ({first_line(error)})"
    words = {name.decode(errors="replace"): value.decode(errors="replace") for name, value in stated.items()}
    return _foreign(part, words, key, folder)


def _foreign(part: Part, stated: Mapping[str, str], key: str, folder: str) -> str:
    """What a part does not state cannot be held against it: parts written by hand state less."""
    if stated.get("key", key) != key:
        return f"belongs to another run, {stated['key']}"
    unit = stated.get("unit", part.unit)
    if not unit.isdigit() or int(unit) != int(part.unit):
        return f"was renamed: it holds unit {unit}"
    if folder != SAMPLES and {"instrument", "digest"} <= stated.keys():
        own = observations_folder(stated["instrument"], stated["digest"])
        if own != folder:
            return f"belongs to another instrument, {own.partition('/')[2]}"
    return ""


def missing_parts(run: Contents) -> list[str]:
    """The parts that the manifest lists and of whose unit there is none. A unit made again has another name."""
    there = {int(part.unit) for part in run.parts()}
    listed = run.manifest().get("parts", [])
    parsed = {str(name): Part.parse(str(name)) for name in listed}
    return [name for name, part in parsed.items() if part is None or int(part.unit) not in there]


def incomplete(run: Contents) -> str:
    """Why the samples are not all there, or ""."""
    missing = missing_parts(run)
    if not missing:
        return ""
    if run.results_only:
        return "holds results only, its samples are not kept"
    listed = len(run.manifest()["parts"])
    return f"lacks {len(missing)} of the {listed} parts that its manifest lists, first samples/{missing[0]}"


def problems(run: Contents) -> list[tuple[str, str]]:
    """(file, why) of all that does not hold among samples and observations. Reads the bytes of every part."""
    try:
        places = [SAMPLES, *(observations_folder(*item) for item in sorted(run.instruments().items()))]
    except UserError as error:
        return [("manifest.json", str(error))]
    found = []
    for place in places:
        for part in run.parts(place):
            name = f"{place}/{part.file}"
            try:
                reason = part_problem(part, run.folder.read(name), run.key, place)
            except UserError as error:
                reason = str(error)
            if reason:
                found.append((name, reason))
    if not run.results_only and (why := incomplete(run)):
        found.append((SAMPLES, f"{why}: run again to make them again"))
    return found
