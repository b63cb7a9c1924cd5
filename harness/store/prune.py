"""Disk given back: a run folder becomes *results only*. Its scores, estimates and cost are kept, the rest is removed.

Only what can stand without its samples is pruned: measured on all that was asked, sealed, every part whole. A folder
that came without samples, measured before results carried digests, is sealed as it is.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

from harness.errors import UserError
from harness.places import sentence_without_folders
from harness.store.contents import SAMPLES
from harness.store.files import Folder
from harness.store.integrity import missing_parts, problems
from harness.store.run_folder import RunFolder, case_set_digest

DROPPED = (SAMPLES, "observations")


@dataclass(frozen=True)
class Pruned:
    """What a run gave back, or would give: files and their bytes."""

    path: str
    files: int
    size: int


def prune(folder: RunFolder, dry_run: bool = False) -> Pruned:
    """Make a run results only; a dry run changes nothing.

    Raises UserError, and nothing is removed, where the results could not stand alone, or the folder is another place's
    by a link.
    """
    _require_no_links(folder.folder)
    there = {name: size for place in DROPPED for name, size in folder.folder.sizes(place).items()}
    there |= folder.folder.leftovers()
    came_without = not folder.parts() and bool(missing_parts(folder))
    _require_results(folder, came_without)
    if not dry_run:
        with folder.writing():  # which removes what killed writers left
            _keep_results(folder, came_without)
            for place in DROPPED:
                folder.folder.remove_folder(place)
    return Pruned(folder.path, len(there), sum(there.values()))


def _require_no_links(folder: Folder) -> None:
    """What a link leads to may be another root's: it is pruned where it lies."""
    for name in ("", *DROPPED) if folder.local else ():
        if os.path.islink(folder.local_path(name)):
            raise UserError(f"{folder.url}/{name} is a link: prune what it leads to".replace("/ is", " is"))


def _require_results(folder: RunFolder, came_without: bool) -> None:
    if came_without:
        if not folder.case_sets():
            raise UserError(f"{folder.path} has neither samples nor results: run it again, or remove it")
        for digest in folder.case_sets():
            folder.require_measure(digest)
            folder.read_estimates(digest)
        return
    for name, reason in problems(folder):
        raise UserError(f"{folder.path}/{name} {reason}")
    limit = folder.manifest().get("protocol", {}).get("request", {}).get("limit")
    digest = case_set_digest(folder.cases(limit))
    if not folder.is_sealed(digest):
        raise UserError(f"{folder.path} changed since it was measured, or is not sealed: measure it first")
    folder.require_measure(digest)


def _keep_results(folder: RunFolder, came_without: bool) -> None:
    """Say what is kept before anything is removed: a killed prune leaves a whole folder, or a results-only one."""
    if not came_without:
        folder.write_manifest(results_only=True, failures=_failures(folder))
        return
    for digest in folder.case_sets():
        if not folder.is_sealed(digest):
            folder.seal_measures(digest)
    folder.write_manifest(results_only=True)


def _failures(folder: RunFolder) -> list[tuple[str, str]]:
    """(case, reason) of the failed cases by name, which reports show and only the samples know."""
    found: list[tuple[str, str]] = []
    for _, table in folder.tables():
        rows = table.select(["case", "outcome", "reason"]).to_pylist()
        bad = (row for row in rows if row["outcome"] != "ok")
        found += [(row["case"], sentence_without_folders(row["reason"] or "")) for row in bad]
    return sorted(found)
