"""What is passed on names nobody's folders: manifests hold ``fid@adm@.../reference.npz``, and where that is stays here.

A run folder is copied, committed and sent around. What measuring needs to open again (a file of statistics, a judge's
weights) is kept apart, on this machine alone, under ``places/KEY.json`` of the data folder (``harness.paths``).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from harness.errors import UserError
from harness.paths import data_root
from harness.progress import Progress
from harness.store.files import Folder

ELSEWHERE = "..."
_OWN_FOLDER = re.compile(r"(?:^|(?<=[@:=,#]))(?:file:/{1,3}|~|\.\.(?=/)|/(?!/))")
_IN_SENTENCE = re.compile(r"(?<![\w/.:@~])~?/[^\s/,;:'\"()<>|]+/[^\s,;:'\"()<>|]*[^\s,;:'\"()<>|.]")
_HOME = re.compile(r"^(?:/root|/home/[^/]+|/Users/[^/]+)(?=/)")
_SYSTEM = ("/usr/", "/opt/", "/etc/", "/proc/", "/sys/", "/dev/", "/lib/")


def without_folders(name: str) -> str:
    """``NAME@.../LAST`` for ``NAME@/ANY/FOLDER/LAST``; a name with no path of this machine stays as it is."""
    found = _OWN_FOLDER.search(name)
    if found is None:
        return name
    last = name[found.start() :].rstrip("/").rpartition("/")[2]
    return f"{name[: found.start()]}{ELSEWHERE}/{last}"


def sentence_without_folders(text: str) -> str:
    """The same for words with paths among them: home folders are ``~``, the data folder ``$DDTBENCH_DATA``."""
    return _IN_SENTENCE.sub(lambda found: _short(found[0]), text)


def _short(path: str) -> str:
    data = os.environ.get("DDTBENCH_DATA", "")
    for folder, name in ((data.rstrip("/"), "$DDTBENCH_DATA"), (str(Path.home()), "~")):
        if folder and path.startswith(f"{folder}/"):
            return f"{name}{path[len(folder) :]}"
    at_home = _HOME.sub("~", path)
    if at_home != path or path.startswith(("~/", *_SYSTEM)):
        return at_home
    return f"{ELSEWHERE}/{path.rstrip('/').rpartition('/')[2]}"


def without_folders_anywhere(value: Any) -> Any:
    """Plain JSON values, every text in them without folders of this machine."""
    if isinstance(value, str):
        name = without_folders(value)
        return name if name != value else sentence_without_folders(value)
    if isinstance(value, Mapping):
        return {key: without_folders_anywhere(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_folders_anywhere(item) for item in value]
    return value


def passed_on(protocol: Mapping[str, Any], key: str) -> dict[str, Any]:
    """A run's protocol as its manifest holds it. Where its files lie is kept on this machine, for ``opened_again``."""
    kept: dict[str, str] = {}
    request = protocol["request"]
    shown = {
        **protocol,
        "request": {**request, **{word: _kept(str(request[word]), kept) for word in ("model", "task")}},
        **{kind: [_kept(name, kept) for name in protocol[kind]] for kind in ("instruments", "metrics")},
    }
    known = places_of(key)
    if kept.items() - known.items():
        try:
            _folder().write_json(f"{key}.json", {"schema": 1, "places": {**known, **kept}})
        except UserError as error:  # a home that nobody may write: the run is stored all the same
            Progress().note(f"{error}; measuring this run again will need its files to be named")
    return shown


def opened_again(protocol: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The protocol of a manifest with the places that this machine knows."""
    known = places_of(key)

    def place(names: Iterable[str]) -> list[str]:
        return [known.get(name, name) for name in names]

    request = protocol["request"]
    words = {word: known.get(request[word], request[word]) for word in ("model", "task") if word in request}
    return {
        **protocol,
        "request": {**request, **words},
        **{kind: place(protocol[kind]) for kind in ("instruments", "metrics")},
    }


def places_of(key: str) -> dict[str, str]:
    """What this machine keeps of a run: the name in its manifest -> the name with its folder; {} for nothing."""
    try:
        places = _folder().read_json(f"{key}.json").get("places", {})
    except UserError:  # a damaged one: the file can be named again
        return {}
    return {str(name): str(place) for name, place in places.items()} if isinstance(places, Mapping) else {}


def _kept(name: str, kept: dict[str, str]) -> str:
    """The name to pass on; of two that would look alike the second is numbered."""
    shown = plain = without_folders(name)
    number = 1
    while kept.get(shown, name) != name:
        number += 1
        shown = f"{plain}-{number}"
    if shown != name:
        kept[shown] = name
    return shown


def _folder() -> Folder:
    return Folder(data_root() / "places")
